/* data_kill.c: somebody is killed who signals, or writes a value, or waits for one. Nobody else may notice.
 *
 *      data_kill DIR step NAME             at a named step of the core (built with -DTOC_STEPS)
 *      data_kill DIR every SHARE SEED [PATIENCE [SCENE]]   at instructions: SHARE of 10,000 by chance, and a third of the
 *                                          eventful ones (from 1,000 on: all of those; 0: all). PATIENCE: seconds
 *
 * After each kill, with nobody's help: the value is the one before or the new one, whole; if it is the new one (or the
 * count moved), whoever waited must come back, else must not. Then a fresh process reads, writes, listens, and finds
 * nothing left behind by the dead one. */
#include "data_bench.h"
#include "walk.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct scene SCENES[] = {
    {"signal: nobody listens", 1, SIGNALS, 0, .before = 1},
    {"signal: one waits", 1, SIGNALS, SLEEPER, 0},
    {"signal: one waits, one polls", 1, SIGNALS, SLEEPER | LISTENER, .before = 1},
    {"signal: anonymous, one waits", 1, SIGNALS, SLEEPER, .anonymous = 1},
    {"signal: wait falls asleep", 1, WAITS, 0},
    {"signal: unlink, one waits", 1, UNLINKS, SLEEPER},
    {"data: the first value", 0, WRITES, 0, 0, 40},
    {"data: a small one, one waits, one polls", 0, WRITES, SLEEPER | LISTENER, 40, 48},
    {"data: a large one for a small one", 0, WRITES, SLEEPER, 40, FAR},
    {"data: a large one for a large one", 0, WRITES, 0, FAR, FAR + 8},
    {"data: a small one for a large one", 0, WRITES, LISTENER, FAR, 40},
    {"data: anonymous, a large one for a large one", 0, WRITES, SLEEPER, FAR, FAR + 8, .anonymous = 1},
    {"data: a write that waits for the lock", 0, WRITES, 0, 40, 48, .busy = 1},
    {"data: wait falls asleep", 0, WAITS, 0, .before = 40},
    {"data: unlink of a large one, one waits", 0, UNLINKS, SLEEPER, .before = FAR},
};
#define N_SCENES ((int)(sizeof SCENES / sizeof *SCENES))

static void operate(void)
{
    int64_t rc = 0;
    if (world.s->does == UNLINKS)
        rc = toc_unlink(world.path);
    else {
        void *handle = scene_handle(0);
        if (!handle)
            _exit(4);
        walk_trace_me();
        rc = world.s->does == WAITS ? scene_wait(handle, TOC_FOREVER) : scene_write(handle, world.s->after, 'b', NULL);
    }
    page->rc = (int)rc;
    __atomic_store_n(&page->done, 1, __ATOMIC_RELEASE);
    _exit(0);
}

/* -- at a named step */

static long thin = 3; /* of the eventful ones, in a slice; who asks for one scene wants them all */

static int step(const struct scene *s, const char *name)
{
    int status;
    scene_begin(s);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        void *handle = s->does == UNLINKS ? NULL : scene_handle(0);
        setenv("TOC_STEP_KILL", name, 1); /* not before: what leads to the operation is to live */
        if (s->does == UNLINKS)
            toc_unlink(world.path);
        else if (s->does == WAITS)
            scene_wait(handle, TOC_FOREVER);
        else
            scene_write(handle, s->after, 'b', NULL);
        _exit(0);
    }
    for (; waitpid(pid, &status, WNOHANG) == 0; sched_yield())
        if ((s->does == WAITS || s->busy) && bench_state_of(pid) == 'S') {
            kill(pid, SIGTERM); /* not SIGKILL: that would look like the step */
            waitpid(pid, &status, 0);
            break;
        }
    scene_judge(name);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* -- at instructions */

static void start(struct walk *w)
{
    *w = (struct walk){.done = &page->done, .word = {&world.head->word}, .sleeps = world.s->does == WAITS || world.s->busy};
    if (!world.s->signal)
        w->word[1] = &data_file(world.handle)->lock;
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        if (world.s->does == UNLINKS)
            walk_trace_me();
        operate();
    }
    walk_adopt(w, pid);
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
        die("usage: data_kill DIR step NAME | DIR every SHARE SEED [PATIENCE [SCENE]]");
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
