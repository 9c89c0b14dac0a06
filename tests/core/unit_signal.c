/* unit_signal.c: a signal of one process and its children, call by call. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "check.h"

#include "tocsin.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#define H(s) ((toc_handle *)(s))

static const char *place;

static toc_signal *opened(const char *name, int replay)
{
    toc_signal *s;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_signal_open(&s, name, name ? &options : NULL, replay), 0);
    return s;
}

static uint64_t rung(toc_signal *s)
{
    uint64_t sequence = 0;
    IS(toc_signal_signal(s, &sequence), 0);
    return sequence;
}

static uint64_t count(toc_signal *s)
{
    uint64_t out;
    IS(toc_signal_count(s, &out), 0);
    return out;
}

static int readable(int fd) { return poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0); }

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

struct waiter {
    pthread_t thread;
    toc_signal *s;
    int64_t got;
};

static void *wait_in_thread(void *argument)
{
    struct waiter *w = argument;
    do
        w->got = toc_signal_wait(w->s, TOC_FOREVER);
    while (w->got == -EINTR);
    return NULL;
}

/* Comes back when it is blocked, by what the handle itself says. */
static void begin_wait(struct waiter *w, toc_signal *s, uint32_t nth)
{
    toc_stat st;
    *w = (struct waiter){.s = s};
    CHECK(pthread_create(&w->thread, NULL, wait_in_thread, w) == 0);
    do {
        sched_yield();
        IS(toc_handle_stat(H(s), &st), 0);
    } while (st.waiting_here < nth || !st.listeners);
}

static int64_t end_wait(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->got;
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

static int child_says(toc_signal *s, toc_signal *back)
{
    int fd = toc_fileno(H(s)); /* one of its own: the parent's was closed */
    if (fd < 0 || readable(fd) != 1)
        return 10;
    if (toc_signal_wait(s, 0) != 2) /* its cursor is a copy */
        return 11;
    if (toc_signal_signal(back, NULL) < 0 || toc_signal_wait(s, TOC_FOREVER) != 1)
        return 12;
    return 0;
}

static void fork_goes_on(void)
{
    for (int named = 0; named < 2; named++) {
        toc_signal *s = opened(named ? "fork" : NULL, 0), *back = opened(named ? "back" : NULL, 0);
        struct waiter w;
        int status, fd = toc_fileno(H(s));
        begin_wait(&w, back, 1); /* the child must not count it in, nor take its ear for its own */
        rung(s);
        rung(s);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(child_says(s, back));
        IS(end_wait(&w), 1);
        IS(readable(fd), 1); /* the child's looks have not eaten our edges */
        rung(s);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        IS(WEXITSTATUS(status), 0);
        IS(toc_signal_wait(s, 0), 3);
        toc_signal_free(s);
        toc_signal_free(back);
    }
}

static void a_child_waits_where_its_parent_waited(void)
{
    toc_signal *s = opened("inherited", 0), *back = opened("inherited-back", 0);
    struct waiter w;
    int status;
    begin_wait(&w, s, 1); /* has the handle's idle call at the fork */
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(50);
        toc_signal_signal(back, NULL);
        int64_t got = toc_signal_wait(s, TOC_FOREVER);
        toc_close(H(s)); /* must find none of the parent's calls */
        _exit(got == 1 ? 0 : 10);
    }
    IS(toc_signal_wait(back, TOC_FOREVER), 1);
    rung(s);
    IS(end_wait(&w), 1);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    IS(WEXITSTATUS(status), 0);
    toc_signal_free(s);
    toc_signal_free(back);
}

static void anonymous_is_attached(void)
{
    toc_signal *s = opened(NULL, 0), *twin;
    int memory, pipe;
    struct waiter w;
    CHECK(toc_handle_path(H(s)) == NULL);
    IS(toc_descriptors(H(s), &memory, &pipe), 0);
    rung(s);
    IS(toc_signal_attach(&twin, dup(memory), dup(pipe), 1), 0);
    IS(toc_signal_wait(twin, 0), 1);
    begin_wait(&w, twin, 1);
    rung(s);
    IS(end_wait(&w), 1);
    IS(toc_handle_unlink(H(s)), 0);
    IS(toc_signal_signal(twin, NULL), -EIDRM);
    toc_signal_free(twin);
    toc_signal_free(s);
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

/* The FIFO is taken by a cleaner between two waits: the next one listens to the new one. */
static void a_cleaner_takes_the_bell(void)
{
    toc_signal *s = opened("cleaned", 0), *e = opened("cleaned", 0);
    struct waiter w;
    toc_stat st;
    char bell[1100];
    begin_wait(&w, e, 1);
    rung(s);
    IS(end_wait(&w), 1);
    IS(toc_handle_stat(H(s), &st), 0);
    snprintf(bell, sizeof bell, "%s/.cleaned.%016llx.bell", place, (unsigned long long)st.id);
    CHECK(unlink(bell) == 0);
    begin_wait(&w, e, 1);
    rung(s);
    IS(end_wait(&w), 1);
    toc_signal_free(s);
    toc_signal_free(e);
}

/* More handles wait than may keep their ears open. */
static void many_handles(void)
{
    toc_signal *s = opened("many", 0), *e[100];
    struct waiter w[100];
    for (int i = 0; i < 100; i++)
        begin_wait(&w[i], e[i] = opened("many", 0), 1);
    rung(s);
    for (int i = 0; i < 100; i++)
        IS(end_wait(&w[i]), 1);
    int before = dup(0);
    for (int i = 0; i < 100; i++)
        toc_signal_free(e[i]);
    int after = dup(0);
    CHECK(after < before); /* what they kept is given back */
    close(before);
    close(after);
    toc_signal_free(s);
}

static toc_signal *for_handler;
static void signal_in_handler(int number) { toc_signal_signal(for_handler, NULL); (void)number; }

static void a_handler_signals(void)
{
    struct waiter w;
    for_handler = opened("handler", 0);
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = signal_in_handler}, NULL);
    begin_wait(&w, for_handler, 1);
    errno = 77;
    raise(SIGUSR2);
    IS(errno, 77); /* the caller's errno is the caller's */
    IS(end_wait(&w), 1);
    toc_signal_free(for_handler);
}

/* Four threads signal, four listeners count: each hears each. */
#define EACH 2000

static void *signals(void *argument)
{
    toc_signal *s = opened("stress", 0);
    for (int i = 0; i < EACH; i++)
        IS(toc_signal_signal(s, NULL), 0);
    toc_signal_free(s);
    return argument;
}

static void *listens(void *argument)
{
    int64_t sum = 0;
    while (sum < 4 * EACH) {
        int64_t got = toc_signal_wait(argument, TOC_FOREVER);
        CHECK(got > 0 || got == -EINTR);
        sum += got > 0 ? got : 0;
    }
    IS(sum, 4 * EACH);
    IS(toc_signal_wait(argument, 0), 0);
    return NULL;
}

static void none_is_lost(void)
{
    pthread_t threads[8];
    toc_signal *listeners[4];
    for (int i = 0; i < 4; i++) {
        listeners[i] = opened("stress", 0);
        CHECK(pthread_create(&threads[i], NULL, listens, listeners[i]) == 0);
    }
    for (int i = 4; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, signals, NULL) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        toc_signal_free(listeners[i]);
}

int main(int argc, char **argv)
{
    (void)argc;
    place = argv[1];
    alarm(100); /* a watchdog: whoever hangs here is the bug */
    RUN(every_listener_hears_every_signal);
    RUN(deadlines);
    RUN(the_blocked_hear);
    RUN(threads_of_a_handle_share_its_cursor);
    RUN(cancel_and_close_end_the_blocked);
    RUN(removal_is_told);
    RUN(a_descriptor);
    RUN(an_event_loop);
    RUN(fork_goes_on);
    RUN(a_child_waits_where_its_parent_waited);
    RUN(anonymous_is_attached);
    RUN(kinds_differ);
    RUN(a_cleaner_takes_the_bell);
    RUN(many_handles);
    RUN(a_handler_signals);
    RUN(none_is_lost);
    printf("%d\n", checks_made);
    return 0;
}
