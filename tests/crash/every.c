/* every.c: see every.h. */
#include "bench.h"
#include "every.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define STATES 64

struct every_options options = {.thin = 1, .seed = 1, .only = ""};
long points, recoveries, faults, operations;
int failed;

void every_options(int argc, char **argv, const char *usage)
{
    if (argc < 2)
        die(usage);
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--per"))
            options.per = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--thin"))
            options.thin = atol(argv[i + 1]);
        else if (!strcmp(argv[i], "--seed"))
            options.seed = strtoull(argv[i + 1], NULL, 0);
        else if (!strcmp(argv[i], "--only"))
            options.only = argv[i + 1];
        else if (!strcmp(argv[i], "--patience")) /* of the hang detector: short for those who expect a hang */
            patience = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--step"))
            options.step = argv[i + 1];
    }
    walk_seed(options.seed);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!options.step)
        walk_one_processor();
    umask(022);
}

void every_begin(void)
{
    operations++;
    failed = 0;
}

void every_report(const struct subject *s, const char *fault, struct point at, const char *second)
{
    faults++;
    failed = 1;
    printf("FAULT %s: killed after %ld calls and %ld steps%s: %s\n", s->name, at.calls, at.steps, second, fault);
}

void every_survey(const struct subject *s, struct plan *p, long share, long thin, long about)
{
    struct walk w = {0};
    s->begin();
    s->start(&w, 0);
    enum step r = walk_survey(&w, p, share, thin, about);
    if (r == BROKEN || (r == ENDED && s->result() < 0)) {
        char text[80];
        snprintf(text, sizeof text, "not killed at all, it gave %d", r == BROKEN ? -1 : s->result());
        every_report(s, text, (struct point){0, p->steps}, "");
    }
    walk_kill(&w);
    s->end();
}

static const char *kill_once(const struct subject *s, struct point at, int recovers)
{
    struct walk w = {0};
    s->start(&w, recovers);
    enum step r = walk_to(&w, at);
    walk_kill(&w);
    return r == BROKEN ? "it died by itself, or hangs" : NULL;
}

/* One kill at `at`, and, if there is a second, another one of the fresh process that came after it. */
static void kill_at(const struct subject *s, struct point at, const struct point *second, uint64_t *signature)
{
    char text[80] = "";
    s->begin();
    const char *fault = kill_once(s, at, 0);
    *signature = s->signature();
    if (!fault)
        fault = s->killed();
    if (!fault && second) {
        snprintf(text, sizeof text, ", the fresh process after %ld calls and %ld steps", second->calls, second->steps);
        fault = s->recovering ? s->recovering() : NULL;
        if (!fault)
            fault = kill_once(s, *second, 1);
        if (!fault)
            fault = s->recovered();
    }
    if (!fault)
        fault = s->fresh();
    if (fault)
        every_report(s, fault, at, text);
    s->end();
}

/* A state that a kill has left behind, and that is new: the one who finds it may be killed anywhere, too. */
static void recover(const struct subject *s, struct point at)
{
    struct plan p = {0};
    struct walk w = {0};
    uint64_t ignored;
    s->begin();
    kill_once(s, at, 0);
    s->start(&w, 1);
    walk_survey(&w, &p, s->share, s->thin, 10000);
    walk_kill(&w);
    s->end();
    for (long i = 0; i < p.count && !failed; i++) {
        recoveries++;
        kill_at(s, at, &p.points[i], &ignored);
    }
    free(p.points);
}

int every_kill(const struct subject *s, const struct plan *p)
{
    uint64_t seen[STATES], signature;
    int states = 0;
    for (long i = 0; i < p->count && !failed; i++) {
        points++;
        kill_at(s, p->points[i], NULL, &signature);
        int known = states == STATES;
        for (int n = 0; n < states; n++)
            known |= seen[n] == signature;
        if (known)
            continue;
        seen[states++] = signature;
        if (!s->worth || s->worth())
            recover(s, p->points[i]);
    }
    return states;
}
