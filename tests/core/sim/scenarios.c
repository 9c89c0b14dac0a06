/* scenarios.c: who does what on one event, and whether everyone was released who should have been.
 *
 *      sim random SEED RUNS KILLS SCENARIO
 *      sim all PREEMPTIONS KILLS MOST_RUNS SCENARIO
 *      sim show SCENARIO KILLS (seed N | choices 3,0,1)     one run again, told aloud
 *
 * A scenario: flags, a colon, processes. Each letter of a process is one of its threads:
 *      w waits for set (since its start)   g waits for the next set (since the present generation)
 *      c waits for clear                   f polls fileno() until the event was set
 *      i polls fileno() until it is set    a, A arms for set, for clear, as an event loop does
 *      h arms as a loop does for the next set
 *      s sets   k clears   p sets, then clears   q clears, then sets   S sets twice
 *      u unlinks   o opens the name anew and sets   x closes its own process's handle
 *      O owns, then sets   D owns, then disowns   E owns, then closes   Y owns (owned.c)
 * Flags: 1 set at first; b it has a bell, and an old one; F the bell is full; L a listener of the past left BELL
 * on, as it may; O so did an owner with OWNED; m anonymous; ~ it is about a signal (signals.c).
 */
#include "sim.h"

#include "objects/event.h"
#include "owned.h"
#include "parts/word.h"
#include "sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/sim/x"
#define END "at the end"

struct job {
    char role;
    int process, task;
    toc_event *e;
    uint64_t since;
    int rc;
    bool begun, done;
};

static struct job jobs[SIM_TASKS];
static toc_event *handles[SIM_PROCESSES];
static int job_count;
static uint64_t asleep_at_end; /* waiters that rightly went on sleeping, over all runs */

static bool waits(const struct job *j) { return strchr("wgcfiaAh", j->role) != NULL; }
static bool waits_for_clear(const struct job *j) { return j->role == 'c' || j->role == 'A'; }
static uint64_t word_of(const struct job *j) { return j->e->h.o.head->word; }

/* The judge counts for himself, or a wrong word.h would be its own judge. */
static uint64_t clears_of(uint64_t w) { return w >> 8; }
static bool was_set(uint64_t w, uint64_t since) { return clears_of(w) + (w & 1) > since; }
static bool was_clear(uint64_t w, uint64_t since) { return !(w & 1) || clears_of(w) != since; }

/* -- the roles */

static int by_descriptor(struct job *j)
{
    uint64_t generation;
    j->since = toc_event_clears(j->e);
    j->begun = true;
    int fd = toc_event_fileno(j->e);
    if (fd < 0)
        return fd;
    for (;;) {
        if (j->role == 'i') /* polls before it looks */
            kernel_poll(fd);
        int rc = toc_event_is_set(j->e);
        if (rc < 0 || (rc && j->role == 'i'))
            return rc;
        if (j->role == 'f') {
            rc = toc_event_generation(j->e, &generation);
            if (rc < 0 || generation > j->since)
                return rc < 0 ? rc : 1;
        }
        if (sim_owned() && (rc = toc_event_wait(j->e, j->role == 'f' ? j->since : toc_event_clears(j->e), 0)) != 0)
            if (rc < 0 || j->role == 'f')
                return rc;
        if (j->role == 'f')
            kernel_poll(fd);
    }
}

/* What an event loop with one epoll does: consume, arm, judge; look once more while the bell is young. */
static int by_arming(struct job *j)
{
    uint64_t w;
    j->since = j->role == 'h' ? word_generation(word_of(j)) : word_clears(word_of(j));
    j->begun = true;
    int epoll = sys_epoll(), fd = toc_event_listen(j->e);
    if (fd < 0)
        return fd;
    sys_epoll_add(epoll, fd);
    for (;;) {
        sys_epoll_wait(epoll, 0);
        int rc = j->role == 'h' ? toc_event_arm_later(j->e, &w) : toc_event_arm(j->e, j->role == 'A', &w);
        if (rc < 0)
            return rc;
        if (j->role == 'A' ? word_clear_after(w, j->since) : word_set_after(w, j->since))
            return 1;
        if (sim_owned() && j->role == 'a' && (rc = toc_event_arm_later(j->e, &w)) < 0)
            return rc;
        int64_t again = toc_event_look_again(j->e);
        sys_epoll_wait(epoll, again ? sim_clock() + again : SYS_FOREVER);
    }
}

static int blocking(struct job *j)
{
    int rc;
    j->since = j->role == 'g' ? word_generation(word_of(j)) : toc_event_clears(j->e);
    j->begun = true;
    do
        rc = j->role == 'c' ? toc_event_wait_clear(j->e, j->since, TOC_FOREVER)
                            : toc_event_wait(j->e, j->since, TOC_FOREVER);
    while (rc == -EINTR);
    return rc;
}

static int both(toc_event *e, int (*first)(toc_event *), int (*then)(toc_event *))
{
    int rc = first(e);
    return rc < 0 ? rc : then(e);
}

static int open_and_set(struct job *j)
{
    int rc = toc_event_open(&j->e, PATH, NULL);
    return rc < 0 ? rc : toc_event_set(j->e);
}

static int play(struct job *j)
{
    switch (j->role) {
    case 'w': case 'g': case 'c': return blocking(j);
    case 'f': case 'i': return by_descriptor(j);
    case 'a': case 'A': case 'h': return by_arming(j);
    case 's': return toc_event_set(j->e);
    case 'S': return both(j->e, toc_event_set, toc_event_set);
    case 'k': return toc_event_clear(j->e);
    case 'p': return both(j->e, toc_event_set, toc_event_clear);
    case 'q': return both(j->e, toc_event_clear, toc_event_set);
    case 'u': return toc_event_unlink(j->e);
    case 'o': return open_and_set(j);
    case 'x': toc_event_close(j->e); return 0;
    default:
        if (sim_is_owner(j->role))
            return sim_play_owner(j->role, j->e);
        sim_fail("there is no role '%c'", j->role);
    }
}

static void body(int number)
{
    struct job *j = &jobs[number];
    j->rc = play(j);
    j->done = true;
    sim_say("'%c' is done: %d", j->role, j->rc);
}

/* -- before: outside of the schedule */

static void must(int rc, const char *what)
{
    if (rc < 0)
        sim_fail("before the run: %s: %d", what, rc);
}

static void open_in(int process, bool anonymous)
{
    int memory, pipe;
    sim_as(process);
    if (!anonymous) {
        must(toc_event_open(&handles[process], PATH, NULL), "open");
        return;
    }
    if (process == 0) {
        must(toc_event_open(&handles[0], NULL, NULL), "open");
        return;
    }
    toc_event_descriptors(handles[0], &memory, &pipe);
    memory = kernel_give(0, memory, process);
    pipe = kernel_give(0, pipe, process);
    must(toc_event_attach(&handles[process], memory, pipe), "attach");
}

static bool scenario_has(const char *scenario, char role)
{
    return strchr(strchr(scenario, ':'), role) != NULL;
}

/* Process 0 is the one that made it; the scenario's are 1, 2, ... */
static void prepare(const char *scenario, int kills)
{
    const char *roles = strchr(scenario, ':');
    bool flag[128] = {false};
    for (const char *c = scenario; c < roles; c++)
        flag[*c & 127] = true;
    job_count = 0;
    sim_owned_begin(scenario);
    open_in(0, flag['m']);
    if (flag['b']) {
        must(toc_event_fileno(handles[0]), "fileno");
        toc_ear_close(handles[0]->h.own);
        handles[0]->h.listening = 0;
        handles[0]->h.own = NULL;
        sim_skip(10 * SIM_SECOND);
        /* its bit went on for a listener of the past; the runs are to begin without */
        handles[0]->h.o.head->word &= ~(TOC_BELL | TOC_SLEEPERS);
    }
    if (flag['1'])
        must(toc_event_set(handles[0]), "set");
    if (flag['L'])
        handles[0]->h.o.head->word |= TOC_BELL;
    if (flag['O'])
        handles[0]->h.o.head->word |= TOC_OWNED;
    if (flag['F'])
        kernel_fill_pipes();
    int process = 0;
    for (const char *c = roles + 1; *c; c++) {
        if (*c == ' ')
            continue;
        if (c[-1] == ' ' || c[-1] == ':')
            open_in(++process, flag['m']);
        jobs[job_count] = (struct job){.role = *c, .process = process, .e = handles[process]};
        jobs[job_count].task = sim_spawn(process, body, job_count, kills > 0);
        job_count++;
    }
}

/* -- after: is anybody asleep who should have been released? */

static bool is_due(const struct job *j)
{
    uint64_t w = word_of(j);
    if (!j->begun)
        return true; /* it never got to wait: something else held it up */
    if ((w & TOC_REMOVED) || j->e->h.o.closed)
        return true;
    if (waits_for_clear(j))
        return was_clear(w, j->since);
    if (sim_was_left_behind(j->e))
        return true;
    return j->role == 'i' ? w & 1 : was_set(w, j->since);
}

static bool may_be_told(const char *scenario, int rc)
{
    return (rc == -EIDRM && scenario_has(scenario, 'u')) || (rc == -EOWNERDEAD && sim_may_be_left_behind())
        || (rc == -ESHUTDOWN && (scenario_has(scenario, 'x') || scenario_has(scenario, 'E')));
}

static void judge(const char *scenario, const char *when)
{
    for (int i = 0; i < job_count; i++) {
        const struct job *j = &jobs[i];
        if (sim_killed(j->process))
            continue;
        if (!j->done && !waits(j))
            sim_fail("%s: '%c' of process %d never came back", when, j->role, j->process);
        if (!j->done && is_due(j))
            sim_fail("%s: lost wake-up: '%c' of process %d sleeps, word %llx, since %llu", when, j->role, j->process,
                     (unsigned long long)word_of(j), (unsigned long long)j->since);
        if (!j->done)
            continue;
        if (j->rc < 0 && !may_be_told(scenario, j->rc))
            sim_fail("%s: '%c' of process %d failed: %d", when, j->role, j->process, j->rc);
        if (j->rc == -EOWNERDEAD && !strcmp(when, END) && sim_only_owner_sets() && was_set(word_of(j), j->since))
            sim_fail("%s: '%c' of process %d was told of a death, but it was set before", when, j->role, j->process);
        if (j->rc == 0 && waits(j))
            sim_fail("%s: '%c' of process %d timed out", when, j->role, j->process);
        if (j->rc == 1 && strchr("wgfah", j->role) && !was_set(word_of(j), j->since))
            sim_fail("%s: '%c' of process %d was released by nothing", when, j->role, j->process);
    }
    if (kernel_writers())
        sim_fail("%s: somebody keeps a bell open", when);
}

/* Whatever happened, a fresh process opens, sets, clears, and everyone is released. */
static void recover(const char *scenario)
{
    int sleeping = 0, number = job_count++;
    for (int i = 0; i < number; i++)
        sleeping += !jobs[i].done && !sim_killed(jobs[i].process);
    asleep_at_end += (unsigned)sleeping;
    for (int round = 0; round < 3 && sleeping; round++) {
        sim_as(SIM_PROCESSES - 1);
        bool anonymous = !handles[0]->h.o.path;
        toc_event *e = handles[0];
        sim_as(0);
        if (!anonymous && !scenario_has(scenario, 'u')) {
            sim_as(SIM_PROCESSES - 1);
            must(toc_event_open(&e, PATH, NULL), "open by a fresh process");
        }
        jobs[number] = (struct job){.role = round == 1 ? 'k' : 's', .process = sim_process(), .e = e};
        jobs[number].task = sim_spawn(sim_process(), body, number, false);
        sim_run();
        judge(scenario, round == 1 ? "after a fresh clear" : "after a fresh set");
    }
    for (int i = 0; i < number && sleeping; i++)
        if (!jobs[i].done && !sim_killed(jobs[i].process))
            sim_fail("recovery: '%c' of process %d still sleeps", jobs[i].role, jobs[i].process);
}

static bool once(const char *scenario, int kills)
{
    if (setjmp(sim_failed))
        return false;
    sim_reset();
    if (scenario[0] == '~') {
        sim_signals_once(scenario, kills);
        return true;
    }
    prepare(scenario, kills);
    int64_t begin = sim_clock();
    sim_run();
    judge(scenario, END);
    if (sim_clock() - begin > 150 * SIM_SECOND / 1000) /* the death of anyone holds others up for 100 ms */
        sim_fail("it took %lld ms", (long long)((sim_clock() - begin) / 1000000));
    recover(scenario);
    return true;
}

static int report(const char *scenario, bool failed)
{
    printf("{\"scenario\": \"%s\", \"runs\": %llu, \"points\": %llu, \"switches\": %llu, \"kills\": %llu, "
           "\"sleeps\": %llu, \"jumps\": %llu, \"asleep\": %llu, \"failed\": \"",
           scenario, (unsigned long long)sim_counts.runs, (unsigned long long)sim_counts.points,
           (unsigned long long)sim_counts.switches, (unsigned long long)sim_counts.kills,
           (unsigned long long)sim_counts.sleeps, (unsigned long long)sim_counts.jumps,
           (unsigned long long)(asleep_at_end + sim_signals_asleep));
    if (failed) {
        printf("%s; ", sim_fault);
        sim_plan_print();
    }
    printf("\"}\n");
    return failed;
}

int main(int argc, char **argv)
{
    struct sim_plan plan = {0};
    uint64_t most = UINT64_MAX;
    const char *scenario = argv[argc - 1];
    if (argc == 6 && !strcmp(argv[1], "random")) {
        plan = (struct sim_plan){.random = true, .seed = strtoull(argv[2], NULL, 0), .kills = atoi(argv[4]), .spurious = 2};
        most = strtoull(argv[3], NULL, 0);
    } else if (argc == 6 && !strcmp(argv[1], "all")) {
        plan = (struct sim_plan){.preemptions = atoi(argv[2]), .kills = atoi(argv[3])};
        most = strtoull(argv[4], NULL, 0);
    } else if (argc == 6 && !strcmp(argv[1], "show")) {
        scenario = argv[2];
        bool random = !strcmp(argv[4], "seed");
        plan = (struct sim_plan){.random = random, .kills = atoi(argv[3]), .spurious = random ? 2 : 0, .preemptions = 99};
        if (random)
            plan.seed = strtoull(argv[5], NULL, 0);
        else
            plan.replay = argv[5];
        most = 1;
        sim_loud = true;
    } else {
        fprintf(stderr, "see the head of scenarios.c\n");
        return 2;
    }
    if (!strchr(scenario, ':'))
        return 2;
    sim_plan_first(&plan);
    do
        if (!once(scenario, plan.kills))
            return report(scenario, true);
    while (--most && sim_plan_next());
    return report(scenario, false);
}
