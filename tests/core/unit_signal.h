/* unit_signal.h: what the unit tests of signals share. */
#ifndef UNIT_SIGNAL_H
#define UNIT_SIGNAL_H

#include "unit.h"

#include "tocsin.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

static inline toc_signal *opened(const char *name, int replay)
{
    toc_signal *s;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_signal_open(&s, name, name ? &options : NULL, replay), 0);
    return s;
}

static inline uint64_t rung(toc_signal *s)
{
    uint64_t sequence = 0;
    IS(toc_signal_signal(s, &sequence), 0);
    return sequence;
}

static inline uint64_t count(toc_signal *s)
{
    uint64_t out;
    IS(toc_signal_count(s, &out), 0);
    return out;
}

struct waiter {
    pthread_t thread;
    toc_signal *s;
    int64_t got;
};

static inline void *wait_in_thread(void *argument)
{
    struct waiter *w = argument;
    do
        w->got = toc_signal_wait(w->s, TOC_FOREVER);
    while (w->got == -EINTR);
    return NULL;
}

/* Comes back when it is blocked, by what the handle itself says. */
static inline void begin_wait(struct waiter *w, toc_signal *s, uint32_t nth)
{
    toc_stat st;
    *w = (struct waiter){.s = s};
    CHECK(pthread_create(&w->thread, NULL, wait_in_thread, w) == 0);
    do {
        sched_yield();
        IS(toc_handle_stat(H(s), &st), 0);
    } while (st.waiting_here < nth || !st.listeners);
}

static inline int64_t end_wait(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->got;
}

#endif
