/* topic_step.c: somebody is killed who emits, listens or reads. Nobody else may notice.
 *
 *      topic_step DIR ..., as play.h says.
 *
 * After each kill, with nobody's help: each emit is there whole or not at all; if one is, whoever waited for it must come back,
 * else must not; an emitter that waited for the dead one goes on. A fresh process finds all that was retained, emits and reads.
 * A witness that listened all the time hears each emit once. */
#include "topic_bench.h"
#include "play.h"

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

static void start(struct walk *w)
{
    scene_begin(s);
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
