/* unit_event.c: an event of one process and its children, call by call. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit.h"

#include "tocsin.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static toc_event *opened(const char *name)
{
    toc_event *e;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_event_open(&e, name, name ? &options : NULL), 0);
    return e;
}

static uint64_t generation(toc_event *e)
{
    uint64_t out;
    IS(toc_event_generation(e, &out), 0);
    return out;
}

static void a_latch(void)
{
    toc_event *e = opened("latch"), *other = opened("latch");
    IS(toc_event_is_set(e), 0);
    IS(generation(e), 0);
    IS(toc_event_set(e), 0);
    IS(toc_event_set(other), 0); /* already set: no new generation */
    IS(toc_event_is_set(other), 1);
    IS(generation(other), 1);
    IS(toc_event_clear(other), 0);
    IS(toc_event_clear(e), 0);
    IS(toc_event_is_set(e), 0);
    IS(toc_event_clears(e), 1);
    IS(generation(e), 1);
    toc_event_free(e);
    toc_event_free(other);
}

static void deadlines(void)
{
    toc_event *e = opened("deadlines");
    int64_t begin = toc_now();
    IS(toc_event_wait(e, 0, 0), 0);
    IS(toc_event_wait(e, 0, begin), 0);
    IS(toc_event_wait(e, 0, begin + 20000000), 0);
    CHECK(toc_now() >= begin + 20000000);
    IS(toc_event_wait_clear(e, 0, TOC_FOREVER), 1);
    IS(toc_event_set(e), 0);
    IS(toc_event_wait(e, 0, TOC_FOREVER), 1);
    IS(toc_event_wait(e, 1, toc_now() + 1000000), 0); /* set, but not after generation 1 */
    begin = toc_now();
    IS(toc_event_wait_clear(e, toc_event_clears(e), begin + 20000000), 0);
    CHECK(toc_now() >= begin + 20000000);
    IS(toc_event_clear(e), 0);
    IS(toc_event_wait(e, 0, 0), 1); /* a pulse since then */
    IS(toc_event_wait(e, 1, 0), 0);
    IS(toc_event_wait_clear(e, 0, 0), 1);
    toc_event_free(e);
}

struct waiter {
    pthread_t thread;
    toc_event *e;
    int clear, rc;
    uint64_t since;
};

static void *wait_in_thread(void *argument)
{
    struct waiter *w = argument;
    do
        w->rc = w->clear ? toc_event_wait_clear(w->e, w->since, TOC_FOREVER) : toc_event_wait(w->e, w->since, TOC_FOREVER);
    while (w->rc == -EINTR);
    return NULL;
}

/* Comes back when it is blocked, by what the handle itself says. */
static void begin_wait(struct waiter *w, toc_event *e, int clear, uint64_t since, uint32_t nth)
{
    toc_stat s;
    *w = (struct waiter){.e = e, .clear = clear, .since = since};
    CHECK(pthread_create(&w->thread, NULL, wait_in_thread, w) == 0);
    do {
        sched_yield();
        IS(toc_event_stat(e, &s), 0);
    } while (s.waiting_here < nth || !(clear ? s.listeners : s.sleepers));
}

static int end_wait(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->rc;
}

static void set_wakes_all(void)
{
    toc_event *e = opened("wakes"), *setter = opened("wakes");
    struct waiter w[4];
    for (uint32_t i = 0; i < 4; i++)
        begin_wait(&w[i], e, 0, 0, i + 1);
    IS(toc_event_set(setter), 0);
    IS(toc_event_clear(setter), 0); /* a pulse releases them all */
    for (int i = 0; i < 4; i++)
        IS(end_wait(&w[i]), 1);
    IS(toc_event_set(e), 0);
    for (uint32_t i = 0; i < 2; i++)
        begin_wait(&w[i], e, 1, 1, i + 1);
    IS(toc_event_clear(setter), 0);
    IS(toc_event_set(setter), 0);
    for (int i = 0; i < 2; i++)
        IS(end_wait(&w[i]), 1);
    toc_event_free(e);
    toc_event_free(setter);
}

static void close_ends_the_blocked(void)
{
    for (int clear = 0; clear < 2; clear++) {
        toc_event *e = opened("closed"), *other = opened("closed");
        struct waiter w[3];
        IS(clear ? toc_event_set(e) : toc_event_clear(e), 0);
        for (uint32_t i = 0; i < 3; i++)
            begin_wait(&w[i], e, clear, toc_event_clears(e), i + 1);
        toc_event_close(e);
        for (int i = 0; i < 3; i++)
            IS(end_wait(&w[i]), -ESHUTDOWN);
        IS(toc_event_set(e), -ESHUTDOWN);
        IS(toc_event_clear(e), -ESHUTDOWN);
        IS(toc_event_is_set(e), -ESHUTDOWN);
        IS(toc_event_wait(e, 0, 0), -ESHUTDOWN);
        IS(toc_event_fileno(e), -ESHUTDOWN);
        IS(toc_event_unlink(e), -ESHUTDOWN);
        toc_event_close(e); /* twice is once */
        toc_event_free(e);
        IS(toc_event_set(other), 0); /* a handle, not the event */
        toc_event_free(other);
    }
}

static void removal_is_told(void)
{
    toc_event *e = opened("removed"), *other = opened("removed"), *next;
    struct waiter sleeper, listener;
    toc_stat s;
    begin_wait(&sleeper, e, 0, 0, 1);
    IS(toc_event_unlink(other), 0);
    IS(end_wait(&sleeper), -EIDRM);
    IS(toc_event_set(e), -EIDRM);
    IS(toc_event_is_set(e), -EIDRM);
    IS(toc_event_stat(other, &s), 0);
    CHECK(s.removed);
    IS(toc_event_unlink(e), -EIDRM);
    next = opened("removed"); /* another one of the same name */
    IS(toc_event_is_set(next), 0);
    IS(toc_event_set(next), 0);
    begin_wait(&listener, next, 1, 0, 1);
    IS(toc_unlink(toc_event_path(next)), 0);
    IS(end_wait(&listener), -EIDRM);
    toc_event_free(e);
    toc_event_free(other);
    toc_event_free(next);
}

static void a_descriptor(void)
{
    toc_event *e = opened("fileno"), *setter = opened("fileno");
    struct epoll_event got = {EPOLLIN | EPOLLET, {0}};
    int fd = toc_event_fileno(e), epoll = epoll_create1(0);
    CHECK(fd >= 0);
    IS(toc_event_fileno(e), fd);
    IS(readable(fd), 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &got) == 0);
    IS(toc_event_set(setter), 0);
    IS(readable(fd), 1);
    IS(readable(fd), 1); /* looking at the descriptor alone consumes nothing */
    IS(epoll_wait(epoll, &got, 1, 0), 1);
    IS(toc_event_is_set(e), 1);
    IS(readable(fd), 1);
    IS(toc_event_clear(e), 0);
    IS(readable(fd), 0); /* our own clear consumes */
    IS(toc_event_set(setter), 0);
    IS(toc_event_clear(setter), 0);
    IS(readable(fd), 1); /* a pulse: a hint */
    IS(generation(e), 2);
    IS(toc_event_is_set(e), 0);
    IS(readable(fd), 0);
    IS(toc_event_set(setter), 0);
    IS(epoll_wait(epoll, &got, 1, 0), 1);
    close(epoll);
    toc_event_free(e);
    toc_event_free(setter);
}

static void an_event_loop(void)
{
    toc_event *e = opened("loop"), *setter = opened("loop");
    struct epoll_event got = {EPOLLIN | EPOLLET, {0}};
    uint64_t word;
    int fd = toc_event_listen(e), epoll = epoll_create1(0);
    CHECK(fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &got) == 0);
    while (epoll_wait(epoll, &got, 1, 0) == 1) {}
    IS(toc_event_arm(e, 0, &word), 0);
    CHECK(!(word & 1));
    IS(toc_event_set(setter), 0);
    IS(epoll_wait(epoll, &got, 1, -1), 1);
    IS(toc_event_arm(e, 1, &word), 0);
    CHECK(word & 1);
    while (epoll_wait(epoll, &got, 1, 0) == 1) {}
    IS(toc_event_clear(setter), 0);
    IS(epoll_wait(epoll, &got, 1, -1), 1);
    IS(toc_event_set(setter), 0); /* nobody has armed for it: no edge is promised, none is needed */
    close(epoll);
    toc_event_free(e);
    toc_event_free(setter);
}

static void *listen_then_wait(void *argument)
{
    toc_event *e = argument;
    int rc;
    do
        rc = toc_event_wait(e, 0, TOC_FOREVER);
    while (rc == -EINTR);
    return rc == 1 ? argument : NULL;
}

static int child_says(toc_event *e, toc_event *back)
{
    int fd = toc_event_fileno(e); /* one of its own: the parent's was closed */
    if (fd < 0 || toc_event_is_set(e) != 0 || readable(fd) != 0)
        return 10;
    if (toc_event_set(back) != 0 || toc_event_wait(e, 0, TOC_FOREVER) != 1)
        return 11;
    /* A setter rings after its change, so the ring may come a little later than the wake. */
    return poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1) == 1 ? 0 : 12;
}

static void fork_goes_on(void)
{
    for (int named = 0; named < 2; named++) {
        toc_event *e = opened(named ? "fork" : NULL), *back = opened(named ? "back" : NULL);
        int status, fd = toc_event_fileno(e);
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, listen_then_wait, e) == 0); /* the child must not count it in */
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(child_says(e, back));
        IS(toc_event_wait(back, 0, TOC_FOREVER), 1);
        IS(readable(fd), 0); /* the child's looks have not eaten, nor made, our edges */
        IS(toc_event_set(e), 0);
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        IS(WEXITSTATUS(status), 0);
        IS(readable(fd), 1);
        pthread_join(thread, &result);
        CHECK(result == e);
        toc_event_free(e);
        toc_event_free(back);
    }
}

static void anonymous_is_attached(void)
{
    toc_event *e = opened(NULL), *twin;
    int memory, pipe, ends[2];
    struct waiter w;
    CHECK(toc_event_path(e) == NULL);
    IS(toc_event_descriptors(e, &memory, &pipe), 0);
    IS(toc_event_attach(&twin, dup(memory), dup(pipe)), 0);
    begin_wait(&w, twin, 0, 0, 1);
    IS(toc_event_set(e), 0);
    IS(end_wait(&w), 1);
    begin_wait(&w, e, 1, 0, 1);
    IS(toc_event_clear(twin), 0);
    IS(end_wait(&w), 1);
    IS(toc_event_unlink(e), 0);
    IS(toc_event_set(twin), -EIDRM);
    toc_event_free(twin);
    toc_event_free(e);
    CHECK(pipe2(ends, 0) == 0); /* not an event: refused, and both are closed all the same */
    IS(toc_event_attach(&twin, ends[0], ends[1]), -EUCLEAN);
    CHECK(write(ends[1], "x", 1) < 0 && errno == EBADF);
    e = opened("not-anonymous");
    IS(toc_event_descriptors(e, &memory, &pipe), -EINVAL);
    toc_event_free(e);
}

static void nothing(int number) { (void)number; }

static void a_signal_interrupts(void)
{
    toc_event *e = opened("signal");
    struct waiter w = {.e = e};
    toc_stat s;
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = nothing}, NULL);
    begin_wait(&w, e, 0, 0, 1);
    for (int i = 0; i < 100; i++)
        pthread_kill(w.thread, SIGUSR1);
    IS(toc_event_stat(e, &s), 0);
    IS(toc_event_set(e), 0);
    IS(end_wait(&w), 1);
    toc_event_free(e);
}

static toc_event *for_handler;
static void set_in_handler(int number) { toc_event_set(for_handler); (void)number; }

static void a_handler_sets(void)
{
    for_handler = opened("handler");
    struct waiter w;
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = set_in_handler}, NULL);
    begin_wait(&w, for_handler, 0, 0, 1);
    errno = 77;
    raise(SIGUSR2);
    IS(errno, 77); /* the caller's errno is the caller's */
    IS(end_wait(&w), 1);
    toc_event_free(for_handler);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(a_latch);
    RUN(deadlines);
    RUN(set_wakes_all);
    RUN(close_ends_the_blocked);
    RUN(removal_is_told);
    RUN(a_descriptor);
    RUN(an_event_loop);
    RUN(fork_goes_on);
    RUN(anonymous_is_attached);
    RUN(a_signal_interrupts);
    RUN(a_handler_sets);
    return unit_end();
}
