/* unit_lock.h: what the unit tests of the lock share. */
#ifndef UNIT_LOCK_H
#define UNIT_LOCK_H

#include "unit.h"

#include "tocsin.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

static inline toc_lock *opened(const char *name)
{
    toc_lock *l;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_lock_open(&l, name, name ? &options : NULL, "unit_lock"), 0);
    return l;
}

static inline int try_it(toc_lock *l) { return toc_lock_try(l); }

/* Comes back when `n` are blocked on this handle, by what it says itself, and have asked for the bell. */
static inline void blocked(toc_lock *l, uint32_t n)
{
    toc_stat st;
    do {
        sched_yield();
        IS(toc_handle_stat(H(l), &st), 0);
    } while (st.waiting_here < n || !st.listeners);
}

struct waiter {
    pthread_t thread;
    toc_lock *l;
    int got;
};

static inline void *wait_in_thread(void *argument)
{
    struct waiter *w = argument;
    int64_t since = toc_now();
    do
        w->got = toc_lock_acquire(w->l, since, TOC_FOREVER);
    while (w->got == -EINTR);
    return NULL;
}

static inline void begin_wait(struct waiter *w, toc_lock *l, uint32_t nth)
{
    *w = (struct waiter){.l = l};
    CHECK(pthread_create(&w->thread, NULL, wait_in_thread, w) == 0);
    blocked(l, nth);
}

static inline int end_wait(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->got;
}

#endif
