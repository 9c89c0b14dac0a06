/* unit_signal.c: a signal of one process, call by call. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_signal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static void every_listener_hears_every_signal(void)
{
    toc_signal *s = opened("every", 0), *a = opened("every", 0), *late, *replay;
    IS(toc_signal_wait(a, 0), 0);
    IS(rung(s), 1);
    IS(rung(a), 2); /* who signals hears, too */
    IS(toc_signal_signal(s, NULL), 0);
    late = opened("every", 0);
    replay = opened("every", 1);
    IS(toc_signal_wait(a, 0), 3); /* what comes while nobody looks adds up */
    IS(toc_signal_wait(a, 0), 0);
    IS(toc_signal_wait(s, TOC_FOREVER), 3);
    IS(toc_signal_wait(late, 0), 0); /* before it listened */
    IS(toc_signal_wait(replay, 0), 1); /* one is pending, however many there were */
    IS(toc_signal_wait(replay, 0), 0);
    IS(rung(late), 4);
    IS(toc_signal_wait(late, 0), 1);
    IS(toc_signal_wait(replay, 0), 1);
    IS(count(s), 4);
    toc_signal *never = opened("never", 1);
    IS(toc_signal_wait(never, 0), 0);
    IS(count(never), 0);
    toc_signal_free(never);
    toc_signal_free(s);
    toc_signal_free(a);
    toc_signal_free(late);
    toc_signal_free(replay);
}

static void deadlines(void)
{
    toc_signal *s = opened("deadlines", 0);
    int64_t begin = toc_now();
    IS(toc_signal_wait(s, begin), 0);
    IS(toc_signal_wait(s, begin + 20000000), 0);
    CHECK(toc_now() >= begin + 20000000);
    IS(rung(s), 1);
    IS(toc_signal_wait(s, begin), 1); /* past, but it is there */
    toc_signal_free(s);
}

static void the_blocked_hear(void)
{
    toc_signal *s = opened("blocked", 0), *a = opened("blocked", 0), *b = opened("blocked", 0);
    struct waiter wa, wb;
    for (int i = 0; i < 50; i++) { /* the ear of the first wait is used again */
        begin_wait(&wa, a, 1);
        begin_wait(&wb, b, 1);
        rung(s);
        IS(end_wait(&wa), 1);
        IS(end_wait(&wb), 1);
    }
    toc_stat st;
    IS(toc_handle_stat(H(s), &st), 0);
    IS(st.kind, TOC_KIND_SIGNAL);
    IS(st.generation, 50);
    IS(st.is_set, 0);
    IS(st.waiting_here, 0);
    toc_signal_free(s);
    toc_signal_free(a);
    toc_signal_free(b);
}

static void threads_of_a_handle_share_its_cursor(void)
{
    toc_signal *s = opened("shared", 0), *listener = opened("shared", 0);
    struct waiter w[3];
    for (uint32_t i = 0; i < 3; i++)
        begin_wait(&w[i], listener, i + 1);
    for (int i = 0; i < 3; i++)
        rung(s);
    rung(s); /* each of the first three is somebody's; who sleeps on gets the rest */
    int64_t sum = 0;
    toc_cancel(H(listener));
    for (int i = 0; i < 3; i++) {
        int64_t got = end_wait(&w[i]);
        CHECK(got > 0 || got == -ECANCELED);
        sum += got > 0 ? got : 0;
    }
    CHECK(sum <= 4);
    IS(toc_signal_wait(listener, 0), -ECANCELED);
    toc_signal_free(s);
    toc_signal_free(listener);
}

static void cancel_and_close_end_the_blocked(void)
{
    for (int close = 0; close < 2; close++) {
        toc_signal *s = opened("ended", 0), *other = opened("ended", 0);
        uint64_t ticket;
        struct waiter w[3], another;
        int fd = toc_fileno(H(s));
        CHECK(fd >= 0 && readable(fd) == 0);
        begin_wait(&another, other, 1);
        for (uint32_t i = 0; i < 3; i++)
            begin_wait(&w[i], s, i + 1);
        if (close)
            toc_close(H(s));
        else
            toc_cancel(H(s));
        for (int i = 0; i < 3; i++)
            IS(end_wait(&w[i]), close ? -ESHUTDOWN : -ECANCELED);
        IS(toc_signal_wait(s, 0), close ? -ESHUTDOWN : -ECANCELED);
        IS(toc_signal_wait(s, TOC_FOREVER), close ? -ESHUTDOWN : -ECANCELED); /* for good */
        IS(toc_arm(H(s), 0, &ticket), close ? -ESHUTDOWN : -ECANCELED);
        if (!close) {
            IS(readable(fd), 1); /* whoever polls it is to look */
            IS(rung(s), 1);      /* it is the waits that are cancelled */
        } else {
            IS(toc_signal_signal(s, NULL), -ESHUTDOWN);
            IS(toc_signal_count(s, &ticket), -ESHUTDOWN);
            rung(other);
        }
        IS(end_wait(&another), 1); /* it is this handle's */
        toc_signal_free(s);
        toc_signal_free(other);
    }
}

static void removal_is_told(void)
{
    toc_signal *s = opened("removed", 0), *other = opened("removed", 0), *next;
    struct waiter w;
    begin_wait(&w, s, 1);
    IS(toc_handle_unlink(H(other)), 0);
    IS(end_wait(&w), -EIDRM);
    IS(toc_signal_signal(s, NULL), -EIDRM);
    IS(toc_signal_wait(s, 0), -EIDRM);
    next = opened("removed", 1);
    IS(count(next), 0); /* another one of the same name */
    IS(toc_handle_unlink(H(next)), 0);
    toc_signal_free(s);
    toc_signal_free(other);
    toc_signal_free(next);
}

static void a_descriptor(void)
{
    toc_signal *s = opened("fileno", 0), *e = opened("fileno", 0);
    int fd = toc_fileno(H(e));
    CHECK(fd >= 0);
    IS(toc_fileno(H(e)), fd);
    IS(readable(fd), 0);
    rung(s);
    IS(readable(fd), 1);
    IS(readable(fd), 1); /* looking at the descriptor alone consumes nothing */
    IS(count(e), 1);     /* a look that takes nothing, while it is ready */
    IS(readable(fd), 1);
    rung(s);
    IS(toc_signal_wait(e, 0), 2);
    IS(readable(fd), 0); /* nothing is left of it */
    rung(s);
    IS(readable(fd), 1);
    IS(toc_signal_wait(e, 0), 1);
    IS(toc_signal_wait(e, 0), 0);
    IS(readable(fd), 0);
    toc_signal *replay = opened("fileno", 1); /* one is pending from the beginning */
    IS(readable(toc_fileno(H(replay))), 1);
    toc_signal_free(replay);
    toc_signal_free(s);
    toc_signal_free(e);
}

static void an_event_loop(void)
{
    toc_signal *s = opened("loop", 0), *e = opened("loop", 0);
    struct epoll_event got = {EPOLLIN | EPOLLET, {0}};
    uint64_t ticket, next;
    int fd = toc_listen(H(e)), epoll = epoll_create1(0);
    CHECK(fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &got) == 0);
    for (int i = 0; i < 3; i++) {
        while (epoll_wait(epoll, &got, 1, 0) == 1) {}
        IS(toc_look_again(H(e)), 0); /* nobody ever sleeps in a signal's futex */
        IS(toc_arm(H(e), 0, &ticket), 0);
        IS(ticket, toc_ticket(H(s)));
        IS(toc_signal_wait(e, 0), 0);
        rung(s);
        IS(epoll_wait(epoll, &got, 1, -1), 1);
        IS(toc_arm(H(e), 0, &next), 0);
        IS(next, ticket + 1);
        IS(toc_signal_wait(e, 0), 1);
    }
    close(epoll);
    toc_signal_free(s);
    toc_signal_free(e);
}

static void kinds_differ(void)
{
    toc_options options = TOC_DEFAULTS;
    toc_signal *s = opened("kind", 0);
    toc_event *e;
    toc_stat st;
    options.at = place;
    IS(toc_event_open(&e, "kind", &options), -EMEDIUMTYPE);
    IS(toc_peek(&st, toc_handle_path(H(s))), 0);
    IS(st.kind, TOC_KIND_SIGNAL);
    options.create = 0;
    toc_signal *none;
    IS(toc_signal_open(&none, "kind-none", &options, 0), -ENOENT);
    toc_signal_free(s);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(every_listener_hears_every_signal);
    RUN(deadlines);
    RUN(the_blocked_hear);
    RUN(threads_of_a_handle_share_its_cursor);
    RUN(cancel_and_close_end_the_blocked);
    RUN(removal_is_told);
    RUN(a_descriptor);
    RUN(an_event_loop);
    RUN(kinds_differ);
    return unit_end();
}
