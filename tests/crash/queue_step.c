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
#include "queue_bench.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static long points, recoveries, faults, operations;
static int failed;
static long per, thin = 1; /* 0: every instruction */
static const long full_share = 60; /* in full, so many of 10,000 uneventful instructions of each recovery */

static void watch(struct world *w, struct walk *walk)
{
    int n = 0;
    walk->done = &w->page->done;
    walk->sleeps = w->s->sleeps;
    if (!w->file)
        return;
    struct toc_queue_state s = world_state(w);
    walk->word[n++] = &w->file->head.word;
    walk->word[n++] = &w->file->lock;
    walk->word[n++] = &w->file->holder[0].leased;
    walk->word[n++] = &w->file->holder[1].leased;
    for (uint32_t i = 1; i <= w->items && n < WATCHED; i++)
        if (w->claim[i] && (i > s.head_sequence || w->item[i].fate != HELD)) {
            walk->word[n++] = w->claim[i];
            break;
        }
}

static void start(struct world *w, struct walk *walk, int recovers)
{
    watch(w, walk);
    w->page->done = 0;
    pid_t pid = bench_fork(2 * HANG_S);
    if (pid == 0) {
        toc_queue *q = recovers || w->s->opens ? NULL : world_open(w);
        if (q && !w->s->joins && toc_queue_ready(q) < 0) /* it is somebody already, or it is about becoming that */
            _exit(3);
        if (!recovers)
            world_in_hand(w, q);
        walk_trace_me();
        if (recovers)
            world_recovery(w);
        else
            w->s->op(w, q);
        __atomic_store_n(&w->page->done, 1, __ATOMIC_RELEASE);
        _exit(0);
    }
    walk_adopt(walk, pid);
    if (!recovers && w->s->prepare)
        world_ready(w);
}

static void report(struct world *w, const char *fault, struct point at, const char *second)
{
    faults++;
    failed = 1; /* the rest of this operation would say the same again and again */
    printf("FAULT %s: killed after %ld calls and %ld steps%s: %s\n", w->s->name, at.calls, at.steps, second, fault);
}

static void calibrate(struct world *w, const struct queue_scenario *s, struct plan *p)
{
    struct walk walk = {0};
    world_begin(w, s);
    start(w, &walk, 0);
    enum step r = walk_survey(&walk, p, per, thin, thin > 9 ? 3000 : 1000);
    if (r == BROKEN || (r == ENDED && w->page->rc < 0)) {
        char text[80];
        snprintf(text, sizeof text, "not killed at all, it gave %d", r == BROKEN ? -1 : w->page->rc);
        report(w, text, (struct point){0, p->steps}, "");
    }
    walk_kill(&walk);
    world_end(w);
}

static const char *kill_once(struct world *w, struct point at, int recovers)
{
    struct walk walk = {0};
    start(w, &walk, recovers);
    enum step r = walk_to(&walk, at);
    walk_kill(&walk);
    return r == BROKEN ? "it died by itself, or hangs" : NULL;
}

static void kill_at(struct world *w, const struct queue_scenario *s, struct point at, const struct point *second, uint64_t *signature)
{
    char text[80] = "";
    world_begin(w, s);
    const char *fault = kill_once(w, at, 0);
    *signature = world_signature(w);
    if (!fault)
        fault = world_judge(w);
    if (!fault)
        fault = world_survivors(w);
    if (!fault && second) {
        snprintf(text, sizeof text, ", the fresh process after %ld calls and %ld steps", second->calls, second->steps);
        if (w->file)
            w->before = world_state(w);
        fault = kill_once(w, *second, 1);
        if (!fault)
            fault = world_recovered(w);
    }
    w->late = (int)(walk_draw() & 1);
    if (!fault)
        fault = world_fresh(w);
    if (fault)
        report(w, fault, at, text);
    world_end(w);
}

/* -- somebody removes the queue in the middle of the operation, which then goes on to its end */

static void meet_at(struct world *w, const struct queue_scenario *s, struct point at)
{
    struct walk walk = {0};
    int status;
    world_begin(w, s);
    start(w, &walk, 0);
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
        report(w, fault, at, ", not killed, but the queue was removed");
    world_end(w);
}

/* A state that a kill has left behind, and that is new: the one who finds it may be killed anywhere, too. */
static void recover(struct world *w, const struct queue_scenario *s, struct point at)
{
    struct plan p = {0};
    struct walk walk = {0};
    uint64_t ignored;
    world_begin(w, s);
    kill_once(w, at, 0);
    start(w, &walk, 1);
    walk_survey(&walk, &p, per ? 1 + per / 10 : full_share, per ? 1 + 600 / per : 4, 10000);
    walk_kill(&walk);
    world_end(w);
    for (long i = 0; i < p.count && !failed; i++) {
        recoveries++;
        kill_at(w, s, at, &p.points[i], &ignored);
    }
    free(p.points);
}

static int all(struct world *w, const struct queue_scenario *s, struct plan *p)
{
    uint64_t seen[64], signature;
    int states = 0;
    for (long i = 0; i < p->count && !failed; i++) {
        points++;
        if (s->meets) {
            meet_at(w, s, p->points[i]);
            continue;
        }
        kill_at(w, s, p->points[i], NULL, &signature);
        int known = states == 64;
        for (int n = 0; n < states; n++)
            known |= seen[n] == signature;
        if (!known) {
            seen[states++] = signature;
            if (!(s->waits & (GETTER | EAR | PUTTER)) && walk_draw() % (uint64_t)thin == 0)
                recover(w, s, p->points[i]);
        }
    }
    return states;
}

/* -- named steps */

static int reach(struct world *w, const struct queue_scenario *s, const char *name, int late)
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

static int die_at(struct world *w, const char *name)
{
    int reached = 0;
    for (int i = 0; i < N_QUEUE_SCENARIOS; i++)
        if (!QUEUE_SCENARIOS[i].meets && (reach(w, &QUEUE_SCENARIOS[i], name, 0) | reach(w, &QUEUE_SCENARIOS[i], name, 1))) {
            printf("died in: %s\n", QUEUE_SCENARIOS[i].name);
            reached++;
        }
    printf("TOTAL step=%s reached=%d faults=%ld\n", name, reached, faults);
    return reached == 0 || faults ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *only = "", *step = NULL;
    uint64_t seed = 1;
    if (argc < 2)
        die("usage: queue_step DIR [--per N] [--thin N] [--seed S] [--only TEXT] [--patience SECONDS] [--step NAME]");
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--per"))
            per = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--only"))
            only = argv[i + 1];
        else if (!strcmp(argv[i], "--patience"))
            patience = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--thin"))
            thin = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--step"))
            step = argv[i + 1];
    }
    walk_seed(seed);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!step)
        walk_one_processor();
    umask(022);
    struct world *w = world_new(argv[1]);
    if (step)
        return die_at(w, step);
    for (int i = 0; i < N_QUEUE_SCENARIOS; i++) {
        const struct queue_scenario *s = &QUEUE_SCENARIOS[i];
        struct plan p = {0};
        if (!strstr(s->name, only))
            continue;
        long before = points, again = recoveries;
        operations++;
        failed = 0;
        calibrate(w, s, &p);
        int states = all(w, s, &p);
        printf("%-58s %6ld instructions %6ld kills %3d states %6ld kills of the recovery\n", s->name, p.steps, points - before,
               states, recoveries - again);
        free(p.points);
    }
    printf("TOTAL operations=%ld kills=%ld recoveries=%ld instructions=%ld faults=%ld seed=%llu\n", operations, points, recoveries,
           instructions, faults, (unsigned long long)seed);
    return faults ? 1 : 0;
}
