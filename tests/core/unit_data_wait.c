/* unit_data_wait.c: who waits for a value: woken, cancelled, told of the removal; by descriptor and in a loop. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_data.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

struct waiter {
    pthread_t thread;
    toc_data *d;
    int rc;
    char got[64];
};

static void *wait_in_thread(void *argument)
{
    struct waiter *w = argument;
    size_t length;
    uint64_t version;
    do
        w->rc = toc_data_wait(w->d, w->got, sizeof w->got, &length, &version, TOC_FOREVER);
    while (w->rc == -EINTR);
    return NULL;
}

/* Comes back when it is blocked, by what the handle itself says. */
static void begin_wait(struct waiter *w, toc_data *d, uint32_t nth)
{
    toc_stat st;
    *w = (struct waiter){.d = d};
    CHECK(pthread_create(&w->thread, NULL, wait_in_thread, w) == 0);
    do {
        sched_yield();
        IS(toc_handle_stat(H(d), &st), 0);
    } while (st.waiting_here < nth || !st.sleepers);
}

static int end_wait(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->rc;
}

static void a_value_wakes_all(void)
{
    toc_data *d = opened("wakes", 1), *e[4];
    struct waiter w[4];
    for (int i = 0; i < 4; i++)
        begin_wait(&w[i], e[i] = opened("wakes", 1), 1);
    put(d, "news");
    for (int i = 0; i < 4; i++) {
        IS(end_wait(&w[i]), 1);
        CHECK(strcmp(w[i].got, "news") == 0);
        toc_data_free(e[i]);
    }
    toc_data_free(d);
}

static void cancel_and_close_end_the_blocked(void)
{
    for (int close = 0; close < 2; close++) {
        toc_data *d = opened("ended", 0), *other = opened("ended", 0);
        struct waiter w[3], another;
        size_t length;
        uint64_t version, ticket;
        begin_wait(&another, other, 1);
        for (uint32_t i = 0; i < 3; i++)
            begin_wait(&w[i], d, i + 1);
        if (close)
            toc_close(H(d));
        else
            toc_cancel(H(d));
        for (int i = 0; i < 3; i++)
            IS(end_wait(&w[i]), close ? -ESHUTDOWN : -ECANCELED);
        IS(waited(d, TOC_FOREVER, "", 0), close ? -ESHUTDOWN : -ECANCELED); /* for good */
        IS(toc_arm(H(d), 0, &ticket), close ? -ESHUTDOWN : -ECANCELED);
        IS(toc_data_signal(d, "x", 1, -1, 0, NULL), close ? -ESHUTDOWN : 0); /* it is the waits that are cancelled */
        IS(toc_data_latest(d, room, sizeof room, &length, &version), close ? -ESHUTDOWN : 0);
        put(other, "end");
        IS(end_wait(&another), 1); /* it is this handle's */
        toc_data_free(d);
        toc_data_free(other);
    }
}

static void removal_is_told(void)
{
    toc_data *d = opened("removed", 1), *other = opened("removed", 1), *next;
    struct waiter w;
    size_t length;
    uint64_t version;
    put_many(d, BIG, 'x');
    IS(files("removed"), 1);
    struct waiter listener;
    toc_data *fresh = opened("removed", 0);
    begin_wait(&w, fresh, 1);
    begin_wait(&listener, fresh, 2);
    IS(toc_handle_unlink(H(other)), 0);
    IS(end_wait(&w), -EIDRM);
    IS(end_wait(&listener), -EIDRM);
    IS(files("removed"), 0);
    IS(toc_data_signal(d, "x", 1, -1, TOC_FOREVER, NULL), -EIDRM);
    IS(toc_data_latest(d, room, sizeof room, &length, &version), -EIDRM);
    next = opened("removed", 1);
    IS(toc_data_latest(next, room, sizeof room, &length, &version), -ENODATA); /* another one of the same name */
    IS(toc_handle_unlink(H(next)), 0);
    toc_data_free(fresh);
    toc_data_free(d);
    toc_data_free(other);
    toc_data_free(next);
}

static void a_descriptor(void)
{
    toc_data *d = opened("fileno", 1), *e = opened("fileno", 1);
    int fd = toc_fileno(H(e));
    CHECK(fd >= 0);
    IS(toc_fileno(H(e)), fd);
    IS(readable(fd), 0);
    put(d, "one");
    IS(readable(fd), 1);
    CHECK(strcmp(latest(e), "one") == 0); /* a look that takes nothing, while it is ready */
    IS(readable(fd), 1);
    put(d, "two");
    IS(waited(e, 0, "two", 2), 1);
    IS(readable(fd), 0); /* nothing is left of it */
    IS(waited(e, 0, "", 0), 0);
    toc_cancel(H(e));
    IS(readable(fd), 1); /* whoever polls it is to look */
    toc_data_free(d);
    toc_data_free(e);
}

static void an_event_loop(void)
{
    toc_data *d = opened("loop", 1), *e = opened("loop", 1);
    uint64_t ticket, next;
    IS(toc_arm(H(e), 0, &ticket), 0);
    put(d, "one");
    IS(toc_arm(H(e), 0, &next), 0);
    CHECK(next != ticket);
    IS(next, toc_ticket(H(d)));
    struct pollfd p = {toc_listen(H(e)), POLLIN, 0};
    CHECK(p.fd >= 0);
    IS(waited(e, 0, "one", 1), 1);
    toc_data_free(d);
    toc_data_free(e);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(a_value_wakes_all);
    RUN(cancel_and_close_end_the_blocked);
    RUN(removal_is_told);
    RUN(a_descriptor);
    RUN(an_event_loop);
    return unit_end();
}
