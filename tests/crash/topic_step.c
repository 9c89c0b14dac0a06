/* topic_step.c: somebody is killed who emits, listens or reads. Nobody else may notice.
 *
 *      topic_step DIR step NAME             at a named step of the core (built with -DTOC_STEPS)
 *      topic_step DIR every SHARE SEED [PATIENCE [SCENE]]   at instructions: SHARE of 10,000 by chance, and a third of the
 *                                          eventful ones (from 1,000 on: all of those; 0: all). PATIENCE: seconds
 *
 * After each kill, with nobody's help: each emit is there whole or not at all; if one is, whoever waited for it must come back,
 * else must not; an emitter that waited for the dead one goes on. A fresh process finds all that was retained, emits and reads.
 * A witness that listened all the time hears each emit once. */
#include "topic_bench.h"
#include "walk.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* With 32 emits, the eight segments are full; the next emit makes a ninth and lets the first go; from 36 on, one is used again. */
static const struct scene SCENES[] = {
    {"the first emit", EMITS},
    {"emit: one sleeps, one polls", EMITS, 1, SLEEPER | LISTENER},
    {"emit: anonymous, one sleeps", EMITS, 2, SLEEPER, .anonymous = 1},
    {"emit into a new segment", EMITS, 4, SLEEPER},
    {"emit that lets a segment go", EMITS, 32},
    {"emit into a segment that is used again", EMITS, 36, LISTENER},
    {"emit that deletes a segment", EMITS, 12, .large = 1},
    {"emit of a large one, for which much goes", EMITS_LARGE, 40, SLEEPER},
    {"emit of a large one, anonymous", EMITS_LARGE, 40, .anonymous = 1},
    {"emit of many", EMITS_MANY, 34, SLEEPER},
    {"emit with the lock of a dead one", EMITS, 5, SLEEPER, .busy = 1},
    {"emit that waits for nobody who lives", EMITS_POLITELY, 36},
    {"listen", LISTENS, 10},
    {"listen, anonymous", LISTENS, 40, .anonymous = 1},
    {"read", READS, 3, .unread = 1},
    {"read many", READS_MANY, 38, .unread = 1},
    {"read of what an emitter waits for", READS_MANY, 36, EMITTER, .unread = 1},
    {"wait falls asleep", SLEEPS, 3},
    {"close, an emitter waits", CLOSES, 36, EMITTER, .unread = 1},
    {"unlink, one sleeps, one polls", UNLINKS, 6, SLEEPER | LISTENER},
};
#define N_SCENES ((int)(sizeof SCENES / sizeof *SCENES))

static void be_busy(void)
{
    if (world.s->busy)
        world.file->lock = 4711ull << 2; /* an id that nobody has */
}

static int sleeps(void) { return world.s->does == SLEEPS; }

/* -- at a named step */

static int step(const struct scene *s, const char *name)
{
    int status;
    scene_begin(s);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        toc_topic *t = scene_prepare();
        if (!t)
            _exit(4);
        raise(SIGSTOP);
        setenv("TOC_STEP_KILL", name, 1); /* not before: what leads to the operation is to live */
        scene_operate(t);
        _exit(0);
    }
    waitpid(pid, &status, WUNTRACED);
    scene_waiters();
    be_busy();
    kill(pid, SIGCONT);
    for (; waitpid(pid, &status, WNOHANG) == 0; sched_yield())
        if (sleeps() && bench_state_of(pid) == 'S') {
            kill(pid, SIGTERM); /* not SIGKILL: that would look like the step */
            waitpid(pid, &status, 0);
            break;
        }
    scene_judge(name);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* -- at instructions */

static long thin = 3; /* of the eventful ones, in a slice; who asks for one scene wants them all */

static void start(struct walk *w)
{
    *w = (struct walk){.done = &page->done, .sleeps = sleeps(),
                       .word = {&world.file->head.word, &world.file->lock, &world.file->floor, &world.file->slot[1].who,
                                &world.file->slot[1].sequence}};
    pid_t pid = bench_fork(2 * HANG_S);
    if (pid == 0) {
        toc_topic *t = scene_prepare();
        if (!t)
            _exit(4);
        walk_trace_me();
        page->rc = (int)scene_operate(t);
        __atomic_store_n(&page->done, 1, __ATOMIC_RELEASE);
        _exit(0);
    }
    walk_adopt(w, pid);
    scene_waiters();
    be_busy();
}

static void every(const struct scene *s, long share)
{
    struct plan plan = {0};
    struct walk w;
    char where[80];
    scene_begin(s);
    start(&w);
    enum step r = walk_survey(&w, &plan, share, share && share < 1000 ? thin : 1, 10000);
    walk_kill(&w);
    if (r == BROKEN || (r == ENDED && page->rc < 0)) {
        printf("FAULT %s, not killed at all, gave %d\n", s->name, r == BROKEN ? -1 : page->rc);
        faults++;
    }
    scene_judge("at its end");
    long before = points;
    for (long i = 0; i < plan.count && !faults; i++) {
        scene_begin(s);
        start(&w);
        if (walk_to(&w, plan.points[i]) == BROKEN) {
            printf("FAULT %s died by itself, or hangs\n", s->name);
            faults++;
        }
        walk_kill(&w);
        snprintf(where, sizeof where, "after %ld calls and %ld steps", plan.points[i].calls, plan.points[i].steps);
        scene_judge(where);
    }
    printf("%s: %ld instructions, %ld kills\n", s->name, plan.steps, points - before);
    free(plan.points);
}

int main(int argc, char **argv)
{
    int by_name = argc == 4 && strcmp(argv[2], "step") == 0, reached = 0;
    if (!by_name && !((argc >= 5 && argc <= 7) && strcmp(argv[2], "every") == 0))
        die("usage: topic_step DIR step NAME | DIR every SHARE SEED [PATIENCE [SCENE]]");
    umask(022);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        die("memory");
    snprintf(world.dir, sizeof world.dir, "%s", argv[1]);
    snprintf(world.path, sizeof world.path, "%s/x", argv[1]);
    if (!by_name) {
        walk_seed(strtoull(argv[4], NULL, 10));
        walk_one_processor();
        if (argc > 5)
            patience = atoi(argv[5]);
        if (argc == 7)
            thin = 1;
    }
    for (int i = 0; i < N_SCENES && (by_name || !faults); i++) {
        if (!by_name && argc == 7 && !strstr(SCENES[i].name, argv[6]))
            continue;
        if (!by_name) {
            every(&SCENES[i], atol(argv[3]));
        } else if (step(&SCENES[i], argv[3])) {
            printf("died in: %s\n", SCENES[i].name);
            reached++;
        }
    }
    printf("TOTAL reached=%d kills=%ld faults=%d\n", reached, points, faults);
    return faults ? 1 : 0;
}
