/* bench_waits.c: those who wait on the object. See bench.h. */
#include "bench_inside.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

static int listen_for_set(toc_event *e, uint64_t since)
{
    struct pollfd p = {toc_event_fileno(e), POLLIN, 0};
    uint64_t generation;
    if (p.fd < 0)
        return p.fd;
    for (;; poll(&p, 1, -1)) { /* look first: a pulse inside toc_event_fileno has left no edge */
        int rc = toc_event_is_set(e);
        if (rc < 0 || (rc = toc_event_generation(e, &generation)) < 0)
            return rc;
        if (generation > since)
            return 1;
        if ((rc = toc_event_wait(e, since, 0)) != 0) /* its owner may be dead */
            return rc;
    }
}

static void waiter_main(struct ctx *c, unsigned kind, struct slot *s, int comes_later)
{
    toc_event *e = bench_open(c);
    if (!e)
        _exit(4);
    if (comes_later)
        raise(SIGSTOP);
    s->clears = toc_event_clears(e);
    s->since = s->clears;
    if (kind == NEXT)
        toc_event_generation(e, &s->since);
    __atomic_store_n(&s->phase, 1, __ATOMIC_RELEASE);
    do
        s->rc = kind == LISTENER ? listen_for_set(e, s->since)
            : kind == CLEARER ? toc_event_wait_clear(e, s->clears, TOC_FOREVER)
            : toc_event_wait(e, s->since, TOC_FOREVER);
    while (s->rc == -EINTR);
    s->phase = 2;
    _exit(0);
}

void add_waiter(struct ctx *c, unsigned kind, int comes_later)
{
    struct slot *s = &c->page->slot[c->waiters];
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0)
        waiter_main(c, kind, s, comes_later);
    c->waiter[c->waiters++] = (struct waiter){pid, kind, s};
}

/* Asleep, or already back. The bit in the word and the kernel's own word for it: nobody guesses by the clock. */
void await_asleep(struct ctx *c, const struct waiter *w)
{
    uint64_t bit = w->kind == SLEEPER ? TOC_SLEEPERS : w->kind == LISTENER ? TOC_BELL : TOC_CBELL;
    for (;;) {
        char state = bench_state_of(w->pid);
        if (state == 'Z' || state == 'X')
            return;
        uint64_t word = load(&c->head->word);
        if (word & TOC_OWNED && w->kind == SLEEPER) /* then it sleeps by the bell */
            bit = TOC_BELL;
        if (__atomic_load_n(&w->slot->phase, __ATOMIC_ACQUIRE) == 1 && state == 'S' && (word & bit))
            return;
        sched_yield();
    }
}

void bench_arrive(struct ctx *c)
{
    for (int i = 0; i < c->waiters; i++) {
        struct waiter *w = &c->waiter[i];
        if (w->slot->phase != 0)
            continue;
        kill(w->pid, SIGCONT);
        await_asleep(c, w);
    }
}
