/* bench_judge.c: what must be true after a kill. See bench.h. */
#include "bench_inside.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *KIND_NAMES[] = {[SLEEPER] = "the sleeper", [LISTENER] = "the listener", [CLEARER] = "who waits for the clear",
                                   [NEXT] = "who waits for the next set"};

static const char *complain(struct ctx *c, const struct waiter *w, const char *what, int number)
{
    snprintf(c->page->fault, sizeof c->page->fault, "%s %s %d (word now %#llx, it waits since %llu)", KIND_NAMES[w->kind], what,
             number, (unsigned long long)load(&c->head->word), (unsigned long long)w->slot->since);
    return c->page->fault;
}

static const char *reap(struct ctx *c, struct waiter *w, int gone)
{
    int status;
    if (waitpid(w->pid, &status, 0) < 0)
        die("waitpid");
    w->pid = 0;
    if (WIFSIGNALED(status))
        return complain(c, w, WTERMSIG(status) == SIGALRM ? "was left asleep; signal" : "died by signal", WTERMSIG(status));
    if (w->slot->rc == 1 || (gone && w->slot->rc == -EIDRM) || (c->s->owns && w->kind != CLEARER && w->slot->rc == -EOWNERDEAD))
        return NULL;
    return complain(c, w, "got", w->slot->rc);
}

/* A claim that counts, and everybody who could have made it is dead. */
static int left_behind(const struct ctx *c, uint64_t word)
{
    uint64_t claim = c->head ? load(&c->head->claim) : 0;
    return claim >> 18 && !(word & TOC_SET) && (word & TOC_OWNED) && (claim & 0x3ffff) == (word >> 8 & 0x3ffff);
}

const char *bench_survivors(struct ctx *c)
{
    uint64_t word = c->head ? load(&c->head->word) : 0;
    for (int i = 0; i < c->waiters; i++) {
        struct waiter *w = &c->waiter[i];
        if (!w->pid || !w->slot->phase)
            continue;
        int released = w->kind == CLEARER ? word_clear_after(word, w->slot->clears) : word_set_after(word, w->slot->since);
        const char *fault = NULL;
        int status;
        if (released || (word & TOC_REMOVED) || (w->kind != CLEARER && left_behind(c, word)))
            fault = reap(c, w, !!(word & TOC_REMOVED));
        else if (waitpid(w->pid, &status, WNOHANG) != 0) {
            w->pid = 0;
            fault = complain(c, w, "came back without a reason, with", w->slot->rc);
        }
        if (fault)
            return fault;
    }
    return NULL;
}

#define MUST(what, got, wanted)                                                                                        \
    do {                                                                                                               \
        long long must_got = (got);                                                                                    \
        if (must_got != (wanted)) {                                                                                    \
            snprintf(c->page->fault, sizeof c->page->fault, "a fresh process: %s gave %lld (%s)", what, must_got,       \
                     must_got < 0 ? toc_strerror((int)must_got) : "");                                                 \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

static int readable(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    return poll(&p, 1, 0);
}

/* Readable is a hint, and those who leave ring, too: then a look must quieten it, after as many as have left. */
static int noisy(toc_event *e, int fd)
{
    for (int i = 0; i < 1000; i++) {
        if (!readable(fd))
            return 0;
        toc_event_is_set(e);
    }
    return 1;
}

static void fresh_main(struct ctx *c)
{
    toc_stat st;
    const int64_t soon = toc_now() + HANG_S * 1000000000ll;
    toc_event *e = bench_open(c);
    MUST("open", e ? 0 : c->page->op_rc, 0);
    MUST("stat", toc_event_stat(e, &st), 0);
    MUST("the mark of removal", st.removed, 0);
    MUST("is_set", toc_event_is_set(e), (int)st.is_set);
    if (c->s->owns)
        MUST("own", toc_event_own(e, "fresh"), st.is_set ? -EALREADY : 0);
    MUST("set", toc_event_set(e), 0);
    MUST("is_set after set", toc_event_is_set(e), 1);
    MUST("wait after set", toc_event_wait(e, toc_event_clears(e), soon), 1);
    uint64_t clears = toc_event_clears(e);
    MUST("clear", toc_event_clear(e), 0);
    MUST("is_set after clear", toc_event_is_set(e), 0);
    MUST("the count of clears", (long long)(toc_event_clears(e) - clears), 1);
    MUST("wait_clear after clear", toc_event_wait_clear(e, toc_event_clears(e), soon), 1);
    /* A listener too, where it does not cost 100 ms: the bell is old, or nobody ever slept. */
    MUST("stat", toc_event_stat(e, &st), 0);
    if (!(st.word & TOC_SLEPT) || (st.word & TOC_HASBELL)) {
        int fd = toc_event_fileno(e);
        MUST("fileno", fd < 0 ? fd : 0, 0);
        MUST("its descriptor before set", noisy(e, fd), 0);
        MUST("set", toc_event_set(e), 0);
        MUST("its descriptor after set", readable(fd), 1);
        MUST("clear", toc_event_clear(e), 0);
        MUST("its descriptor after clear", noisy(e, fd), 0);
    }
    MUST("wait that nobody ends", toc_event_wait(e, toc_event_clears(e), toc_now() + 1000), 0);
    toc_owner_info owner;
    MUST("who owns it", toc_event_owner(e, &owner), 0);
    MUST("set", toc_event_set(e), 0);
    MUST("clear", toc_event_clear(e), 0);
    if (!c->shared)
        toc_event_free(e);
}

const char *bench_fresh(struct ctx *c)
{
    int status;
    /* Time passes: nobody needs to wait out a young bell's 100 ms at every single kill. */
    if (c->head && load(&c->head->bell_made_ns) > 0)
        __atomic_fetch_sub(&c->head->bell_made_ns, 1000000000, __ATOMIC_ACQ_REL);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        fresh_main(c);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (c->page->fault[0])
        return c->page->fault;
    if (!WIFEXITED(status))
        return WTERMSIG(status) == SIGALRM ? "a fresh process hangs" : "a fresh process died";
    for (int i = 0; i < c->waiters; i++) {
        struct waiter *w = &c->waiter[i];
        const char *fault = w->pid && w->slot->phase ? reap(c, w, 0) : NULL;
        if (fault)
            return fault;
    }
    return c->s->anonymous ? NULL : bench_files(c);
}
