/* topic_judge.c: who must have come back after a kill, and what a fresh process must find. See topic_bench.h. */
#include "topic_bench.h"
#include "play.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MORE 8u  /* fewer than are retained: whoever reads behind them misses none */


static const char *say(const char *what, long long number)
{
    snprintf(page->fault, sizeof page->fault, "%s: %lld (word %#llx)", what, number, (unsigned long long)load(&world.file->head.word));
    return page->fault;
}

static int is_removed(void) { return !!(load(&world.file->head.word) & TOC_REMOVED); }

static const char *reap(int i)
{
    int status, removed = is_removed();
    if (waitpid(world.waiter[i], &status, 0) < 0)
        die("waitpid");
    world.waiter[i] = 0;
    if (WIFSIGNALED(status))
        return say("who waited was left asleep; signal", WTERMSIG(status));
    int64_t rc = page->slot[i].rc;
    return rc > 0 || (removed && rc == -EIDRM) ? NULL : say("who waited got", rc);
}

static const char *survivors(void)
{
    int status;
    const char *fault;
    /* The one for which an emitter waited is dead, or has read. */
    for (int i = 0; i < world.waiters; i++)
        if (world.kind[i] == EMITTER && (fault = reap(i)))
            return fault;
    int changed = scene_stat(world.witness).emits != world.begun_with;
    for (int i = 0; i < world.waiters; i++) {
        if (!world.waiter[i])
            continue;
        if (changed || is_removed()) {
            if ((fault = reap(i)))
                return fault;
        } else if (waitpid(world.waiter[i], &status, WNOHANG) != 0) {
            world.waiter[i] = 0;
            return say("who waited came back without a reason, with", page->slot[i].rc);
        }
    }
    return NULL;
}

/* Names in the place that begin so, the bell's apart. */
static int names(const char *begin_with)
{
    int found = 0;
    DIR *d = opendir(world.dir);
    if (!d)
        die("the place");
    for (struct dirent *e; (e = readdir(d));)
        found += strncmp(e->d_name, begin_with, strlen(begin_with)) == 0 && !strstr(e->d_name, ".bell");
    closedir(d);
    return found;
}

#define MUST(what, got, wanted)                                  \
    do {                                                         \
        long long must_got = (got);                              \
        if (must_got != (long long)(wanted)) {                   \
            say("a fresh process: " what " gave", must_got);     \
            return;                                              \
        }                                                        \
    } while (0)

static void fresh_main(int listening, int removed)
{
    uint64_t missed = 0;
    toc_topic *t = scene_open();
    MUST("open", t ? 0 : page->rc, 0);
    toc_topic_stat s = scene_stat(t);
    if (removed) {
        MUST("emits of a new one", s.emits, 0);
    } else {
        uint64_t most = world.begun_with + (world.waits_emit ? 1 : 0) + (world.s->does == EMITS_MANY ? BATCH : world.s->does <= EMITS_POLITELY);
        MUST("too few emits", s.emits < world.begun_with, 0);
        MUST("too many emits", s.emits > most, 0);
        if (s.emits == world.begun_with)
            MUST("the oldest", s.oldest, world.oldest);
        MUST("the oldest that went back", s.oldest < world.oldest, 0);
        MUST("subscribers", toc_topic_subscribers(t), listening);
    }
    MUST("listen", toc_topic_listen(t, 1000), 0);
    for (uint64_t n = s.oldest; n <= s.emits; n++)
        MUST("what is retained", scene_hear(t, &missed, 0), n);
    MUST("nothing more", scene_hear(t, &missed, 0), 0);
    for (uint64_t n = s.emits + 1; n <= s.emits + MORE; n++) {
        MUST("emit", scene_emit(t, n, SIZE, 0), 0);
        MUST("what it has emitted", scene_hear(t, &missed, TOC_FOREVER), n);
    }
    MUST("emit politely", scene_emit(t, s.emits + MORE + 1, SIZE, toc_now() + 1), 0);
    s = scene_stat(t);
    MUST("the bytes of it", s.file_bytes > LEAST, 0);
    if (!world.s->anonymous) /* and what was let go, or made and not used: a spare each, and one for the next to use */
        MUST("the files of segments", names(".x.") > (int)s.segments + (int)TOC_SPARES + 1, 0);
}

static const char *witness_hears(void)
{
    uint64_t missed = 0, next = world.begun_with + 1, emits = scene_stat(world.witness).emits;
    for (; next <= emits; next++)
        if (scene_hear(world.witness, &missed, 0) != (int64_t)next)
            return say("the witness did not hear, exactly once,", (long long)next);
    for (int i = 0; i < 100; i++)
        if (scene_emit(world.witness, ++emits, SIZE, 0) < 0)
            return say("the witness could not emit", (long long)emits);
    uint64_t oldest = scene_stat(world.witness).oldest;
    if (scene_hear(world.witness, &missed, 0) != -EOVERFLOW || missed != oldest - next)
        return say("the witness fell behind, and heard of a loss of", (long long)missed);
    for (next = oldest; next <= emits; next++)
        if (scene_hear(world.witness, &missed, 0) != (int64_t)next)
            return say("the witness did not hear, after its loss,", (long long)next);
    return NULL;
}

/* Before anybody else tidies up: what was let go is a loss that is counted, though its floor may be too low still. */
static const char *laggard_hears(void)
{
    uint64_t missed = 0, next = world.heard + 1;
    toc_topic_stat s = scene_stat(world.laggard);
    if (s.oldest > next) {
        int64_t rc = scene_hear(world.laggard, &missed, 0);
        if (rc != -EOVERFLOW || missed != s.oldest - next)
            return say("the laggard was not told what is lost, but", rc);
    }
    for (next = s.oldest > next ? s.oldest : next; next <= s.emits; next++)
        if (scene_hear(world.laggard, &missed, 0) != (int64_t)next)
            return say("the laggard did not hear, exactly once,", (long long)next);
    return NULL;
}

static const char *fresh(void)
{
    int status, removed = is_removed(), listening = 1 + (world.laggard != NULL);
    const char *fault;
    for (int i = 0; i < world.waiters; i++)
        listening += world.waiter[i] != 0;
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        fresh_main(listening, removed);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (page->fault[0])
        return page->fault;
    if (!WIFEXITED(status))
        return WTERMSIG(status) == SIGALRM ? "a fresh process hangs" : "a fresh process died";
    for (int i = 0; i < world.waiters; i++)
        if (world.waiter[i] && (fault = reap(i)))
            return fault;
    if (!removed && (fault = witness_hears()))
        return fault;
    if (world.s->anonymous)
        return NULL;
    int rc = toc_unlink(world.path);
    if (rc < 0)
        return say("unlink gave", rc);
    int left = names("x") + names(".x.");
    return left ? say("names left behind", left) : NULL;
}

void scene_judge(const char *where)
{
    world.waits_emit = world.s->waits & EMITTER;
    const char *fault = survivors();
    if (!fault && world.laggard)
        fault = laggard_hears();
    /* An anonymous one that was removed is gone for everybody: there is nothing to open. */
    if (!fault && !(world.s->anonymous && is_removed()))
        fault = fresh();
    if (fault) {
        printf("FAULT %s, killed %s: %s\n", world.s->name, where, fault);
        faults++;
    }
    scene_end();
    points++;
}
