/* queues.c: who does what on one queue, and whether every item went where it should.
 *
 *      queue random SEED RUNS KILLS SCENARIO
 *      queue show SCENARIO KILLS seed N              one run again, told aloud
 *
 * A scenario: flags, a colon, processes, as in scenarios.c. A process does what its letters say, one after the other:
 *      p puts   g gets   r receives and acks   n receives and gives it back, at once   t gets, and says that it is done
 *      j joins, for five seconds   s is stopped for 50 ms, with the lock
 * Flags: a digit: as many items at first; f no more than one item fits; L items that fill a segment each.
 */
#include "sim.h"

#include "objects/queue.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/sim/x"
#define ITEMS 32
#define LARGE 12000u
#define PATIENCE (5 * SIM_SECOND)
#define LATE_AFTER_DEATH (SIM_SECOND * 3 / 2) /* who sleeps looks for the dead once a second */
#define LATE (SIM_SECOND * 3 / 20)            /* a bell is young for 100 ms */

struct item {
    bool begun, accepted, gone, acking, finished, back;
    int holder; /* the process that had it last */
    uint32_t attempt;
    int64_t since; /* when it was put or came back */
};

struct job {
    const char *roles;
    int process, task;
    toc_queue *q;
    char in; /* the call that it is in */
    int64_t began;
    bool done;
};

static struct item items[ITEMS];
static struct job jobs[SIM_TASKS];
static toc_queue *handles[SIM_PROCESSES];
static unsigned char bytes[SIM_TASKS][LARGE];
static int job_count, item_count;
static size_t size;
static bool drained;
static uint64_t taken_in_all, again_in_all;

static bool anybody_died(void)
{
    for (int p = 0; p < SIM_PROCESSES; p++)
        if (kernel_died(p))
            return true;
    return false;
}

/* -- the roles */

static int put_one(toc_queue *q, int number, unsigned char *buffer)
{
    struct item *item = &items[number];
    int rc;
    memset(buffer, number, size);
    item->begun = true;
    do
        rc = toc_queue_put(q, buffer, size, TOC_FOREVER);
    while (rc == -EINTR);
    item->accepted = rc == 0;
    item->since = sim_clock();
    return rc;
}

/* Somebody has been given an item: may he? */
static struct item *given(struct job *j, const toc_taken *t, const unsigned char *buffer)
{
    int number = buffer[0];
    struct item *item = &items[number];
    for (size_t i = 0; i < size; i++)
        if (t->length != size || number >= item_count || buffer[i] != number)
            sim_fail("'%c' of process %d got something that nobody put", j->in, j->process);
    if (!item->begun || item->gone)
        sim_fail("item %d, which is %s, was given to process %d", number, item->gone ? "gone" : "not put", j->process);
    bool had = item->attempt > 0;
    if (had && !item->back && !sim_killed(item->holder))
        sim_fail("item %d was given to process %d, and process %d has it", number, j->process, item->holder);
    if (t->attempt <= item->attempt)
        sim_fail("item %d comes again as attempt %u after %u", number, t->attempt, item->attempt);
    if (t->attempt > 1 && !had && !anybody_died())
        sim_fail("item %d comes for the first time as attempt %u", number, t->attempt);
    int64_t late = item->since > j->began ? item->since : j->began;
    for (int p = 0; p < SIM_PROCESSES; p++)
        if (kernel_died(p) > late)
            late = kernel_died(p);
    late = sim_clock() - late;
    if (!drained && late > (anybody_died() ? LATE_AFTER_DEATH : LATE))
        sim_fail("item %d came %lld ms late", number, (long long)(late / 1000000));
    sim_say("'%c' has item %d, attempt %u", j->in, number, t->attempt);
    taken_in_all++;
    again_in_all += t->attempt > 1;
    *item = (struct item){.begun = true, .accepted = true, .holder = j->process, .attempt = t->attempt, .since = item->since};
    return item;
}

static int give_back(struct job *j, struct item *item, const toc_taken *t)
{
    int rc;
    item->back = true;
    do
        rc = toc_queue_nack(j->q, t, 0);
    while (rc == -EINTR);
    return rc;
}

static int take_one(struct job *j, bool hold, int64_t deadline, struct item **out)
{
    unsigned char *buffer = bytes[j - jobs];
    toc_taken t;
    int rc;
    do
        rc = (hold ? toc_queue_receive : toc_queue_get)(j->q, buffer, LARGE, &t, deadline);
    while (rc == -EINTR);
    if (rc < 0)
        return rc;
    *out = given(j, &t, buffer);
    if (j->in == 'n')
        return give_back(j, *out, &t);
    (*out)->acking = hold || t.held;
    while (t.held && (rc = toc_queue_ack(j->q, &t)) == -EINTR) {}
    (*out)->gone = true;
    (*out)->finished |= hold;
    return rc;
}

static int finish(struct job *j, struct item *item)
{
    int rc;
    item->finished = true;
    do
        rc = toc_queue_task_done(j->q);
    while (rc == -EINTR);
    return rc;
}

static int join(struct job *j)
{
    bool wanted[ITEMS];
    int rc, open = 0;
    for (int i = 0; i < item_count; i++)
        wanted[i] = items[i].accepted;
    do
        rc = toc_queue_join(j->q, j->began + PATIENCE);
    while (rc == -EINTR);
    for (int i = 0; i < item_count; i++) {
        bool over = items[i].finished || (items[i].attempt && items[i].gone && sim_killed(items[i].holder));
        /* whom a death has met in a get may have taken any of them */
        if (wanted[i] && !over && rc == 1 && !anybody_died())
            sim_fail("a join ended, and item %d is not done", i);
        open += items[i].begun && !over;
    }
    if (rc == 0 && !open)
        sim_fail("a join was not told of the end");
    return rc < 0 ? rc : 0;
}

static int stop_inside(struct job *j)
{
    int rc;
    while ((rc = toc_queue_enter(j->q, TOC_FOREVER)) == -EINTR) {}
    if (rc < 0)
        return rc;
    sys_nap(SIM_SECOND / 20);
    if (toc_lock_holder(queue_file(j->q)->lock) != j->q->h.owner->id)
        sim_fail("process %d lives, and the lock was taken from it", j->process);
    toc_queue_leave(j->q);
    return 0;
}

static int play(struct job *j, int *number)
{
    struct item *item = NULL;
    int rc;
    switch (j->in) {
    case 'p': return put_one(j->q, (*number)++, bytes[j - jobs]);
    case 'g': return take_one(j, false, TOC_FOREVER, &item);
    case 'r': case 'n': return take_one(j, true, TOC_FOREVER, &item);
    case 't':
        rc = take_one(j, false, TOC_FOREVER, &item);
        return rc < 0 ? rc : finish(j, item);
    case 'j': return join(j);
    case 's': return stop_inside(j);
    default: sim_fail("there is no role '%c'", j->in);
    }
}

static int first_item[SIM_TASKS];

static void body(int task)
{
    struct job *j = &jobs[task];
    int number = first_item[task];
    for (const char *c = j->roles; *c && *c != ' '; c++) {
        j->began = sim_clock();
        j->in = *c;
        int rc = play(j, &number);
        if (rc < 0)
            sim_fail("'%c' of process %d failed: %d", *c, j->process, rc);
        sim_say("'%c' is done", *c);
        j->in = 0;
    }
    j->done = true;
}

/* -- before */

static toc_queue *opened(int process, int64_t maxsize)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    o.maxsize = maxsize;
    sim_as(process);
    int rc = toc_queue_open(&handles[process], PATH, &o);
    if (rc < 0)
        sim_fail("open in process %d: %d", process, rc);
    return handles[process];
}

static void prepare(const char *scenario, int kills)
{
    const char *roles = strchr(scenario, ':');
    int64_t maxsize = memchr(scenario, 'f', (size_t)(roles - scenario)) ? 1 : 0;
    size = memchr(scenario, 'L', (size_t)(roles - scenario)) ? LARGE : 8;
    job_count = item_count = 0;
    drained = false;
    memset(items, 0, sizeof items);
    opened(0, maxsize);
    for (const char *c = scenario; c < roles; c++)
        for (int i = '0'; *c >= '0' && *c <= '9' && i < *c; i++)
            if (put_one(handles[0], item_count++, bytes[0]) < 0)
                sim_fail("before the run: put");
    for (const char *c = roles; c; c = strchr(c + 1, ' ')) {
        int process = ++job_count, task = process - 1;
        jobs[task] = (struct job){.roles = c + 1, .process = process, .q = opened(process, -1)};
        first_item[task] = item_count;
        for (const char *r = c + 1; *r && *r != ' '; r++)
            item_count += *r == 'p';
        jobs[task].task = sim_spawn(process, body, task, kills > 0);
    }
}

/* -- after */

static int asleep(const char *roles)
{
    int n = 0;
    for (int i = 0; i < job_count; i++)
        n += !jobs[i].done && !sim_killed(jobs[i].process) && jobs[i].in && strchr(roles, jobs[i].in);
    return n;
}

static void judge(const char *when)
{
    toc_queue_stat s;
    sim_as(0);
    toc_queue_state(handles[0], &s);
    for (int i = 0; i < job_count; i++)
        if (!jobs[i].done && !sim_killed(jobs[i].process) && (!jobs[i].in || !strchr("grntp", jobs[i].in)))
            sim_fail("%s: '%c' of process %d never came back", when, jobs[i].in, jobs[i].process);
    if (asleep("grnt") && (s.ready || s.delayed || s.held))
        sim_fail("%s: lost wake-up: somebody sleeps, and %d are ready, %d held", when, (int)s.ready, (int)s.held);
    if (asleep("p") && (s.maxsize == 0 || s.ready < (uint64_t)s.maxsize))
        sim_fail("%s: lost wake-up: a put sleeps, and there is room", when);
    if (jobs[job_count - 1].process == SIM_PROCESSES - 1 && !jobs[job_count - 1].done)
        sim_fail("%s: a fresh process never came back", when);
    if (kernel_writers())
        sim_fail("%s: somebody keeps a bell open", when);
}

/* A fresh process takes what is there, and what the dead held. */
static void drain(int task)
{
    struct job *j = &jobs[task];
    struct item *item;
    j->in = 'g';
    for (int empty = 0; empty < 3;) { /* seconds, each of them within the run */
        int rc = take_one(j, false, sim_clock() + SIM_SECOND, &item);
        if (rc != 0 && rc != -EAGAIN)
            sim_fail("a fresh process can't get: %d", rc);
        empty = rc == 0 ? 0 : empty + 1;
    }
    j->in = 0;
    j->done = true;
}

static void refill(int task)
{
    int number = item_count++;
    if (put_one(jobs[task].q, number, bytes[task]) < 0)
        sim_fail("a fresh process can't put");
    jobs[task].done = true;
}

static void recover(void)
{
    int last = SIM_PROCESSES - 1, task = job_count, may_be_lost = 0;
    toc_queue *q = opened(last, -1);
    drained = true;
    jobs[job_count++] = (struct job){.process = last, .q = q, .in = 'g'};
    sim_spawn(last, drain, task, false);
    sim_run();
    judge("after a fresh get");
    for (int i = 0; i < task; i++)
        may_be_lost += sim_killed(jobs[i].process) && (jobs[i].in == 'g' || jobs[i].in == 't');
    for (int i = 0; i < item_count; i++) {
        struct item *item = &items[i];
        bool with_the_dead = item->acking && sim_killed(item->holder);
        if (item->accepted && !item->gone && !with_the_dead && --may_be_lost < 0)
            sim_fail("item %d is lost", i);
    }
    while (asleep("grnt") && job_count < SIM_TASKS) { /* and who still waits has not been forgotten */
        int before = asleep("grnt");
        sim_as(last);
        jobs[job_count] = (struct job){.process = last, .q = q, .in = 'p', .roles = ""};
        sim_spawn(last, refill, job_count, false);
        job_count++;
        sim_run();
        judge("after a fresh put");
        if (asleep("grnt") >= before)
            break; /* it went to one that gave it back, or gets more */
    }
}

static bool once(const char *scenario, int kills)
{
    if (setjmp(sim_failed))
        return false;
    sim_reset();
    prepare(scenario, kills);
    sim_run();
    judge("at the end");
    recover();
    return true;
}

int main(int argc, char **argv)
{
    bool show = argc == 6 && !strcmp(argv[1], "show");
    if (!show && (argc != 6 || strcmp(argv[1], "random") != 0)) {
        fprintf(stderr, "see the head of queues.c\n");
        return 2;
    }
    const char *scenario = argv[show ? 2 : 5];
    struct sim_plan plan = {.random = true, .seed = strtoull(argv[show ? 5 : 2], NULL, 0), .kills = atoi(argv[show ? 3 : 4]),
                            .spurious = 2};
    uint64_t most = show ? 1 : strtoull(argv[3], NULL, 0);
    bool good;
    sim_loud = show;
    if (!strchr(scenario, ':'))
        return 2;
    sim_plan_first(&plan);
    do
        good = once(scenario, plan.kills);
    while (good && --most && sim_plan_next());
    printf("{\"scenario\": \"%s\", \"runs\": %llu, \"points\": %llu, \"switches\": %llu, \"kills\": %llu, "
           "\"sleeps\": %llu, \"taken\": %llu, \"again\": %llu, \"failed\": \"",
           scenario, (unsigned long long)sim_counts.runs, (unsigned long long)sim_counts.points,
           (unsigned long long)sim_counts.switches, (unsigned long long)sim_counts.kills,
           (unsigned long long)sim_counts.sleeps, (unsigned long long)taken_in_all, (unsigned long long)again_in_all);
    if (!good) {
        printf("%s; ", sim_fault);
        sim_plan_print();
    }
    printf("\"}\n");
    return !good;
}
