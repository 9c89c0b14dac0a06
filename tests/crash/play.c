#include "play.h"

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long points, faults;
static long thin = 3; /* of the eventful ones, in a slice; who asks for one scene wants them all */

static int by_name(int argc, char **argv) { return argc == 4 && strcmp(argv[2], "step") == 0; }

void play_check(int argc, char **argv)
{
    if (!by_name(argc, argv) && !(argc >= 5 && argc <= 7 && strcmp(argv[2], "every") == 0))
        die("usage: DIR step NAME | DIR every SHARE SEED [PATIENCE [SCENE]]");
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static void every(const struct play *p, const char *scene, long share)
{
    struct plan plan = {0};
    struct walk w;
    char where[80];
    p->start(&w);
    enum step r = walk_survey(&w, &plan, share, share && share < 1000 ? thin : 1, 10000);
    walk_kill(&w);
    int result = r == BROKEN ? -1 : r == ENDED && p->result ? p->result() : 0;
    if (result < 0) {
        printf("FAULT %s, not killed at all, gave %d\n", scene, result);
        faults++;
    }
    p->judge("at its end");
    long before = points;
    for (long i = 0; i < plan.count && !faults; i++) {
        p->start(&w);
        if (walk_to(&w, plan.points[i]) == BROKEN) {
            printf("FAULT %s died by itself, or hangs\n", scene);
            faults++;
        }
        walk_kill(&w);
        snprintf(where, sizeof where, "after %ld calls and %ld steps", plan.points[i].calls, plan.points[i].steps);
        p->judge(where);
    }
    printf("%s: %ld instructions, %ld kills\n", scene, plan.steps, points - before);
    free(plan.points);
}

int play(const struct play *p, int argc, char **argv)
{
    int named = by_name(argc, argv), reached = 0;
    if (!named) {
        walk_seed(strtoull(argv[4], NULL, 10));
        walk_one_processor();
        if (argc > 5)
            patience = atoi(argv[5]);
        if (argc == 7)
            thin = 1;
    }
    for (int i = 0; i < p->scenes && (named || !faults); i++) {
        const char *scene = p->choose(i);
        if (!named && argc == 7 && !strstr(scene, argv[6]))
            continue;
        if (!named) {
            every(p, scene, atol(argv[3]));
        } else if (p->step(argv[3])) {
            printf("died in: %s\n", scene);
            reached++;
        }
    }
    printf("TOTAL reached=%d kills=%ld faults=%ld\n", reached, points, faults);
    return faults ? 1 : 0;
}
