/* unit_signal_crowds.c: a signal among others: children, attached handles, a cleaner, a handler, a hundred who wait. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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
    unit_begin(argc, argv);
    RUN(fork_goes_on);
    RUN(a_child_waits_where_its_parent_waited);
    RUN(anonymous_is_attached);
    RUN(a_cleaner_takes_the_bell);
    RUN(many_handles);
    RUN(a_handler_signals);
    RUN(none_is_lost);
    return unit_end();
}
