/* queue_step.c: every instruction of every operation of the queue is a place to die.
 *
 * As single_step.c does it for the event: a child is stepped to the point and killed. Then it is known what became of each
 * item (queue_judge.c); who waited must come back by himself when there is a reason; and a fresh process must find exactly
 * what is left, put, take and give back. For each state that a kill leaves behind, as far as they differ, the fresh process
 * is killed as well, and another one comes after it.
 *
 *      queue_step DIR [--per N] [--thin N] [--seed S] [--only TEXT] [--patience SECONDS]
 *      queue_step DIR --step NAME      built with -DTOC_STEPS: dies at that step, in every operation that comes by
 *
 * DIR is an empty directory of ours. With --per, about N of 1,000 instructions of each operation (of 3,000, from
 * --thin 10 on), and those around a system call and around a change of a word that others read (one in --thin). */
#include "every.h"
#include "queue_bench.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static struct world *w;
static const struct queue_scenario *s; /* of the present operation */
static const long full_share = 60; /* in full, so many of 10,000 uneventful instructions of each recovery */

static void watch(struct walk *walk)
{
    int n = 0;
    walk->done = &w->page->done;
    walk->sleeps = s->sleeps;
    if (!w->file)
        return;
    struct toc_queue_state now = world_state(w);
    walk->word[n++] = &w->file->head.word;
    walk->word[n++] = &w->file->lock;
    walk->word[n++] = &w->file->holder[0].leased;
    walk->word[n++] = &w->file->holder[1].leased;
    for (uint32_t i = 1; i <= w->items && n < WATCHED; i++)
        if (w->claim[i] && (i > now.head_sequence || w->item[i].fate != HELD)) {
            walk->word[n++] = w->claim[i];
            break;
        }
}

static void start(struct walk *walk, int recovers)
{
    watch(walk);
    w->page->done = 0;
    pid_t pid = bench_fork(2 * HANG_S);
    if (pid == 0) {
        toc_queue *q = recovers || s->opens ? NULL : world_open(w);
        if (q && !s->joins && toc_queue_ready(q) < 0) /* it is somebody already, or it is about becoming that */
            _exit(3);
        if (!recovers)
            world_in_hand(w, q);
        walk_trace_me();
        if (recovers)
            world_recovery(w);
        else
            s->op(w, q);
        __atomic_store_n(&w->page->done, 1, __ATOMIC_RELEASE);
        _exit(0);
    }
    walk_adopt(walk, pid);
    if (!recovers && s->prepare)
        world_ready(w);
}

static void begin(void) { world_begin(w, s); }
static void end(void) { world_end(w); }
static int result(void) { return w->page->rc; }
static uint64_t signature(void) { return world_signature(w); }
static const char *recovered(void) { return world_recovered(w); }

static const char *killed(void)
{
    const char *fault = world_judge(w);
    return fault ? fault : world_survivors(w);
}

static const char *recovering(void)
{
    if (w->file)
        w->before = world_state(w);
    return NULL;
}

static const char *fresh(void)
{
    w->late = (int)(walk_draw() & 1);
    return world_fresh(w);
}

/* A recovery is long, so a slice takes one state in `thin`. By turns: left to chance they would be nearly none, once in a while. */
static int worth(void)
{
    static unsigned long long states;
    return !(s->waits & (GETTER | EAR | PUTTER)) && (states++ + options.seed) % (uint64_t)options.thin == 0;
}

/* -- somebody removes the queue in the middle of the operation, which then goes on to its end */

static void meet_at(const struct subject *it, struct point at)
{
    struct walk walk = {0};
    int status;
    world_begin(w, s);
    start(&walk, 0);
    enum step r = walk_to(&walk, at);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0)
        _exit(toc_unlink(w->path) < 0);
    waitpid(pid, &status, 0);
    const char *fault = status ? "it could not be removed" : r == BROKEN ? "the operation died by itself, or hangs" : NULL;
    if (r == STEPPED) {
        ptrace(PTRACE_DETACH, walk.pid, 0, 0);
        waitpid(walk.pid, &status, 0);
        if (!fault && !WIFEXITED(status))
            fault = "the operation died by itself, or hangs";
    } else {
        walk_kill(&walk);
    }
    w->removed = 1;
    if (!fault)
        fault = world_survivors(w);
    if (!fault)
        fault = world_fresh(w);
    if (fault)
        every_report(it, fault, at, ", not killed, but the queue was removed");
    world_end(w);
}

/* -- named steps */

static int reach(const char *name, int late)
{
    int status;
    world_begin(w, s);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        toc_queue *q = s->opens ? NULL : world_open(w);
        if (q && toc_queue_ready(q) < 0)
            _exit(3);
        world_in_hand(w, q);
        raise(SIGSTOP);
        setenv("TOC_STEP_KILL", name, 1); /* not before: what leads to the operation is to live */
        s->op(w, q);
        _exit(0);
    }
    waitpid(pid, &status, WUNTRACED);
    if (s->prepare)
        world_ready(w);
    for (kill(pid, SIGCONT); waitpid(pid, &status, WNOHANG) == 0; sched_yield())
        if (s->sleeps && bench_state_of(pid) == 'S') {
            kill(pid, SIGTERM); /* not SIGKILL: that would look like the step */
            waitpid(pid, &status, 0);
            break;
        }
    const char *fault = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? "the operation hangs" : world_judge(w);
    if (!fault)
        fault = world_survivors(w);
    w->late = late;
    if (!fault)
        fault = world_fresh(w);
    if (fault)
        printf("FAULT %s: killed at %s: %s\n", s->name, name, fault), faults++;
    world_end(w);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static int die_at(const char *name)
{
    int reached = 0;
    for (int i = 0; i < N_QUEUE_SCENARIOS; i++)
        if (s = &QUEUE_SCENARIOS[i], !s->meets && (reach(name, 0) | reach(name, 1))) {
            printf("died in: %s\n", s->name);
            reached++;
        }
    printf("TOTAL step=%s reached=%d faults=%ld\n", name, reached, faults);
    return reached == 0 || faults ? 1 : 0;
}

static void one(void)
{
    const long per = options.per;
    const struct subject it = {
        .name = s->name, .begin = begin, .start = start, .result = result, .signature = signature, .killed = killed,
        .recovering = recovering, .recovered = recovered, .fresh = fresh, .end = end, .worth = worth,
        .share = per ? 1 + per / 10 : full_share, .thin = per ? 1 + 600 / per : 4,
    };
    struct plan p = {0};
    long before = points, again = recoveries;
    int states = 0;
    every_begin();
    every_survey(&it, &p, per, options.thin, options.thin > 9 ? 3000 : 1000);
    if (!s->meets)
        states = every_kill(&it, &p);
    for (long i = 0; i < p.count && s->meets && !failed; i++, points++)
        meet_at(&it, p.points[i]);
    printf("%-58s %6ld instructions %6ld kills %3d states %6ld kills of the recovery\n", s->name, p.steps, points - before,
           states, recoveries - again);
    free(p.points);
}

int main(int argc, char **argv)
{
    every_options(argc, argv,
                  "usage: queue_step DIR [--per N] [--thin N] [--seed S] [--only TEXT] [--patience SECONDS] [--step NAME]");
    w = world_new(argv[1]);
    if (options.step)
        return die_at(options.step);
    for (int i = 0; i < N_QUEUE_SCENARIOS; i++) {
        s = &QUEUE_SCENARIOS[i];
        if (strstr(s->name, options.only))
            one();
    }
    printf("TOTAL operations=%ld kills=%ld recoveries=%ld instructions=%ld faults=%ld seed=%llu\n", operations, points, recoveries,
           instructions, faults, options.seed);
    return faults ? 1 : 0;
}
