/* single_step.c: every instruction of every operation is a place to die.
 *
 * For each operation of scenarios.c a child is stepped k instructions into it by ptrace and then killed with
 * SIGKILL, for k = 0, 1, 2 ... to the end. After each kill those who waited must be out if the word says so
 * (nobody helps them: the dead must have rung), a fresh process must open, set, clear and wait, and then
 * everyone must be out. For each state that a kill leaves behind, as far as they differ, the fresh process
 * is killed at every instruction as well, and another one comes after it. In a second kind of scenario
 * somebody arrives at step a of the operation, and the kill comes b moments later, for every a and b.
 *
 *      single_step DIR [--per N] [--seed S] [--only TEXT] [--patience SECONDS]
 *
 * DIR is an empty directory of ours. With --per, about N instructions of each operation, and always those
 * around a system call and around a change of the word: between these nothing can be seen from outside. */
#include "bench.h"
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long points, recoveries, pairs, faults, operations;
static int failed;
static long per; /* 0: every instruction */
/* In full, this many of 10,000 uneventful instructions of each recovery, and all of the eventful ones. */
static const long full_share = 1500;

/* What a fresh process does first; it may be killed, too. */
static void op_recover(struct ctx *c, toc_event *e)
{
    e = bench_open(c);
    if (!e)
        return;
    toc_event_set(e);
    toc_event_clear(e);
    if (!c->shared)
        toc_event_free(e);
}

static struct walk start(struct ctx *c, void (*op)(struct ctx *, toc_event *), int opens)
{
    struct walk w = {.done = &c->page->done, .word = {c->head ? &c->head->word : NULL}, .sleeps = c->s->sleeps};
    c->page->done = 0;
    pid_t pid = bench_fork(2 * HANG_S);
    if (pid == 0) {
        toc_event *e = opens ? NULL : bench_open(c);
        walk_trace_me();
        op(c, e);
        __atomic_store_n(&c->page->done, 1, __ATOMIC_RELEASE);
        _exit(0);
    }
    walk_adopt(&w, pid);
    return w;
}

static void report(struct ctx *c, const char *fault, struct point at, const char *second)
{
    faults++;
    failed = 1; /* the rest of this operation would say the same again and again */
    printf("FAULT %s: killed after %ld calls and %ld steps%s: %s\n", c->s->name, at.calls, at.steps, second, fault);
}

static void calibrate(struct ctx *c, const struct scenario *s, struct plan *p)
{
    bench_begin(c, s);
    struct walk w = start(c, s->op, s->opens);
    /* Where somebody arrives, each point is multiplied by what follows it: 50 of 1,000 uneventful ones will do. */
    enum step r = walk_survey(&w, p, s->arrives && !per ? 50 : per, 1, 1000);
    if (r == BROKEN || (r == ENDED && c->page->op_rc < 0)) {
        char text[80];
        snprintf(text, sizeof text, "not killed at all, it gave %d", r == BROKEN ? -1 : c->page->op_rc);
        report(c, text, (struct point){0, p->steps}, "");
    }
    walk_kill(&w);
    bench_end(c);
}

/* One kill at `at`, and, if there is a second, another one of the fresh process that came after it. */
static void kill_at(struct ctx *c, const struct scenario *s, struct point at, const struct point *second, uint64_t *signature)
{
    char text[80] = "";
    bench_begin(c, s);
    struct walk w = start(c, s->op, s->opens);
    enum step r = walk_to(&w, at);
    walk_kill(&w);
    *signature = bench_signature(c);
    const char *fault = r == BROKEN ? "it died by itself, or hangs" : bench_survivors(c);
    if (!fault && second) {
        snprintf(text, sizeof text, ", the fresh process after %ld calls and %ld steps", second->calls, second->steps);
        w = start(c, op_recover, 1);
        r = walk_to(&w, *second);
        walk_kill(&w);
        fault = r == BROKEN ? "the recovery died by itself, or hangs" : bench_survivors(c);
    }
    if (!fault)
        fault = bench_fresh(c);
    if (fault)
        report(c, fault, at, text);
    bench_end(c);
}

/* A state that a kill has left behind, and that is new: the one who finds it may be killed anywhere, too. */
static void recover(struct ctx *c, const struct scenario *s, struct point at)
{
    struct plan p = {0};
    uint64_t ignored;
    bench_begin(c, s);
    struct walk w = start(c, s->op, s->opens);
    walk_to(&w, at);
    walk_kill(&w);
    w = start(c, op_recover, 1);
    walk_survey(&w, &p, per ? per : full_share, per ? 1 + 400 / per : 1, 10000);
    walk_kill(&w);
    bench_end(c);
    for (long i = 0; i < p.count && !failed; i++) {
        recoveries++;
        kill_at(c, s, at, &p.points[i], &ignored);
    }
    free(p.points);
}

static int kill_all(struct ctx *c, const struct scenario *s, struct plan *p)
{
    uint64_t seen[64], signature;
    int states = 0;
    for (long i = 0; i < p->count && !failed; i++) {
        points++;
        kill_at(c, s, p->points[i], NULL, &signature);
        int known = states == 64;
        for (int n = 0; n < states; n++)
            known |= seen[n] == signature;
        if (!known) {
            seen[states++] = signature;
            recover(c, s, p->points[i]);
        }
    }
    return states;
}

static long meet(struct ctx *c, const struct scenario *s, struct plan *p)
{
    long met = 0;
    for (long i = 0; i < p->count && !failed; i++) {
        enum step r = STEPPED;
        for (long b = 0; b < 100 && r == STEPPED && !failed; b++) {
            /* The slice takes its share of the pairs; about 20 moments follow each arrival. */
            if (per && walk_draw() % (uint64_t)(p->count * 20) >= (uint64_t)per)
                continue;
            char text[80];
            snprintf(text, sizeof text, ", %ld moments after somebody came", b);
            bench_begin(c, s);
            struct walk w = start(c, s->op, s->opens);
            r = walk_to(&w, p->points[i]);
            bench_arrive(c);
            for (long n = 0; n < b && r == STEPPED; n++)
                r = walk_moment(&w);
            walk_kill(&w);
            const char *fault = r == BROKEN ? "it died by itself, or hangs" : bench_survivors(c);
            if (!fault)
                fault = bench_fresh(c);
            if (fault)
                report(c, fault, p->points[i], text);
            bench_end(c);
            met++;
        }
    }
    pairs += met;
    return met;
}

int main(int argc, char **argv)
{
    const char *only = "";
    uint64_t seed = 1;
    if (argc < 2)
        die("usage: single_step DIR [--per N] [--seed S] [--only TEXT] [--patience SECONDS]");
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--per"))
            per = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--only"))
            only = argv[i + 1];
        else if (!strcmp(argv[i], "--patience")) /* of the hang detector: short for those who expect a hang */
            patience = atoi(argv[i + 1]);
    }
    walk_seed(seed);
    setvbuf(stdout, NULL, _IOLBF, 0);
    walk_one_processor();
    umask(022);
    chmod(argv[1], 01777); /* as shared as /dev/shm: a folder in it must become as shared */
    struct ctx *c = bench_new(argv[1]);
    for (int i = 0; i < N_SCENARIOS; i++) {
        const struct scenario *s = &SCENARIOS[i];
        struct plan p = {0};
        if (!strstr(s->name, only))
            continue;
        long before = points, again = recoveries;
        operations++;
        failed = 0;
        calibrate(c, s, &p);
        if (s->arrives) {
            printf("%-62s %6ld instructions %6ld pairs\n", s->name, p.steps, meet(c, s, &p));
        } else {
            int states = kill_all(c, s, &p);
            printf("%-62s %6ld instructions %6ld kills %3d states %6ld kills of the recovery\n", s->name, p.steps,
                   points - before, states, recoveries - again);
        }
        free(p.points);
    }
    printf("TOTAL operations=%ld kills=%ld recoveries=%ld pairs=%ld instructions=%ld left_over=%ld faults=%ld seed=%llu\n",
           operations, points, recoveries, pairs, instructions, left_over, faults, (unsigned long long)seed);
    return faults ? 1 : 0;
}
