/* data_kill.c: somebody is killed who signals, or writes a value, or waits for one. Nobody else may notice.
 *
 *      data_kill DIR ..., as play.h says.
 *
 * After each kill, with nobody's help: the value is the one before or the new one, whole; if it is the new one (or the
 * count moved), whoever waited must come back, else must not. Then a fresh process reads, writes, listens, and finds
 * nothing left behind by the dead one. */
#include "data_bench.h"
#include "play.h"

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

static const struct scene *s;

static const char *choose(int scene)
{
    s = &SCENES[scene];
    return s->name;
}

static int step(const char *name)
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
    scene_begin(s);
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

static int result(void) { return page->rc; }

int main(int argc, char **argv)
{
    static const struct play PLAY = {N_SCENES, choose, step, start, result, scene_judge};
    play_check(argc, argv);
    umask(022);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        die("memory");
    snprintf(world.dir, sizeof world.dir, "%s", argv[1]);
    snprintf(world.path, sizeof world.path, "%s/x", argv[1]);
    return play(&PLAY, argc, argv);
}
