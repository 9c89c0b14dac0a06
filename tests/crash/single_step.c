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
#include "every.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ctx *c;
static const struct scenario *s; /* of the present operation */
static long pairs;
/* In full, this many of 10,000 uneventful instructions of each recovery, and all of the eventful ones. */
static const long full_share = 1500;

/* What a fresh process does first; it may be killed, too. */
static void recovery(void)
{
    toc_event *e = bench_open(c);
    if (!e)
        return;
    if (s->owns)
        toc_event_own(e, "recovery");
    toc_event_set(e);
    toc_event_clear(e);
    if (!c->shared)
        toc_event_free(e);
}

static void start(struct walk *w, int recovers)
{
    *w = (struct walk){.done = &c->page->done, .word = {c->head ? &c->head->word : NULL, c->head ? &c->head->claim : NULL}, .sleeps = s->sleeps};
    c->page->done = 0;
    pid_t pid = bench_fork(2 * HANG_S);
    if (pid == 0) {
        toc_event *e = recovers || s->opens ? NULL : bench_open(c);
        walk_trace_me();
        if (recovers)
            recovery();
        else
            s->op(c, e);
        __atomic_store_n(&c->page->done, 1, __ATOMIC_RELEASE);
        _exit(0);
    }
    walk_adopt(w, pid);
}

static void begin(void) { bench_begin(c, s); }
static void end(void) { bench_end(c); }
static int result(void) { return c->page->op_rc; }
static uint64_t signature(void) { return bench_signature(c); }
static const char *survivors(void) { return bench_survivors(c); }
static const char *fresh(void) { return bench_fresh(c); }

static long meet(const struct subject *it, const struct plan *p)
{
    long met = 0;
    for (long i = 0; i < p->count && !failed; i++) {
        enum step r = STEPPED;
        for (long b = 0; b < 100 && r == STEPPED && !failed; b++) {
            /* The slice takes its share of the pairs; about 20 moments follow each arrival. */
            if (options.per && walk_draw() % (uint64_t)(p->count * 20) >= (uint64_t)options.per)
                continue;
            char text[80];
            snprintf(text, sizeof text, ", %ld moments after somebody came", b);
            struct walk w = {0};
            begin();
            start(&w, 0);
            r = walk_to(&w, p->points[i]);
            bench_arrive(c);
            for (long n = 0; n < b && r == STEPPED; n++)
                r = walk_moment(&w);
            walk_kill(&w);
            const char *fault = r == BROKEN ? "it died by itself, or hangs" : bench_survivors(c);
            if (!fault)
                fault = bench_fresh(c);
            if (fault)
                every_report(it, fault, p->points[i], text);
            end();
            met++;
        }
    }
    pairs += met;
    return met;
}

static void one(void)
{
    const struct subject it = {
        .name = s->name, .begin = begin, .start = start, .result = result, .signature = signature, .killed = survivors,
        .recovered = survivors, .fresh = fresh, .end = end,
        .share = options.per ? options.per : full_share, .thin = options.per ? 1 + 400 / options.per : 1,
    };
    struct plan p = {0};
    long before = points, again = recoveries;
    every_begin();
    /* Where somebody arrives, each point is multiplied by what follows it: 50 of 1,000 uneventful ones will do. */
    every_survey(&it, &p, s->arrives && !options.per ? 50 : options.per, 1, 1000);
    if (s->arrives) {
        printf("%-62s %6ld instructions %6ld pairs\n", s->name, p.steps, meet(&it, &p));
    } else {
        int states = every_kill(&it, &p);
        printf("%-62s %6ld instructions %6ld kills %3d states %6ld kills of the recovery\n", s->name, p.steps,
               points - before, states, recoveries - again);
    }
    free(p.points);
}

int main(int argc, char **argv)
{
    every_options(argc, argv, "usage: single_step DIR [--per N] [--seed S] [--only TEXT] [--patience SECONDS]");
    chmod(argv[1], 01777); /* as shared as /dev/shm: a folder in it must become as shared */
    c = bench_new(argv[1]);
    for (int i = 0; i < N_SCENARIOS; i++) {
        s = &SCENARIOS[i];
        if (strstr(s->name, options.only))
            one();
    }
    printf("TOTAL operations=%ld kills=%ld recoveries=%ld pairs=%ld instructions=%ld left_over=%ld faults=%ld seed=%llu\n",
           operations, points, recoveries, pairs, instructions, left_over, faults, options.seed);
    return faults ? 1 : 0;
}
