/* stress_threads.c: threads on shared handles: some wait, some set and clear, one opens, closes and unlinks.
 * Arguments: a directory of ours, rounds. Each round ends with a set that everyone must come back from. */
#define _GNU_SOURCE
#include "check.h"

#include "tocsin.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define THREADS 7

static const char *place;
static toc_event *e, *other; /* two handles of one event, shared by all threads of a round */
static atomic_int over, waits, pulses, removals;
static long plain; /* not atomic: what a set publishes, and a waiter may read (TSan looks) */
static toc_event *published;

static toc_event *opened(const char *name)
{
    toc_event *out;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_event_open(&out, name, &options), 0);
    return out;
}

static void *waiter(void *argument)
{
    toc_event *mine = argument;
    while (!over) {
        int rc = toc_event_wait(mine, toc_event_clears(mine), TOC_FOREVER);
        CHECK(rc == 1 || rc == -EINTR);
        waits++;
    }
    return NULL;
}

static void *clear_waiter(void *argument)
{
    toc_event *mine = argument;
    while (!over) {
        int rc = toc_event_wait_clear(mine, toc_event_clears(mine), toc_now() + 2000000);
        CHECK(rc == 1 || rc == 0 || rc == -EINTR);
        waits++;
    }
    return NULL;
}

static void *poller(void *argument)
{
    toc_event *mine = argument;
    int fd = toc_event_fileno(mine);
    CHECK(fd >= 0);
    while (!over) {
        struct pollfd p = {fd, POLLIN, 0};
        poll(&p, 1, 2);
        CHECK(toc_event_is_set(mine) >= 0);
        waits++;
    }
    return NULL;
}

static void *pulser(void *argument)
{
    toc_event *mine = argument;
    while (!over) {
        IS(toc_event_set(mine), 0);
        IS(toc_event_clear(mine), 0);
        pulses++;
    }
    return NULL;
}

static void *remover(void *argument)
{
    (void)argument;
    while (!over) {
        toc_event *one = opened("gone"), *two = opened("gone");
        int rc = toc_event_fileno(two);
        CHECK(rc >= 0 || rc == -EIDRM);
        rc = toc_event_unlink(one);
        CHECK(rc == 0 || rc == -EIDRM);
        CHECK(toc_event_wait(two, 0, 0) == -EIDRM || rc < 0);
        toc_event_free(one);
        toc_event_free(two);
        removals++;
    }
    return NULL;
}

static void *closed_waiter(void *argument)
{
    int rc;
    do
        rc = toc_event_wait(argument, 0, TOC_FOREVER);
    while (rc == -EINTR);
    CHECK(rc == -ESHUTDOWN);
    return NULL;
}

/* ThreadSanitizer sees the release of a set that wakes nobody, so there the reader does not sleep. One that wakes
 * somebody is the kernel's (FUTEX_WAKE_OP), which it cannot see, and it would call what follows a race. */
#ifdef __SANITIZE_THREAD__
#define SLEEPS 0
#else
#define SLEEPS 1
#endif

static void *reader(void *argument)
{
    int rc;
    do
        rc = SLEEPS ? toc_event_wait(argument, 0, TOC_FOREVER) : toc_event_is_set(argument);
    while (rc == -EINTR || rc == 0);
    CHECK(rc == 1 && plain == 42);
    return NULL;
}

static void start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    CHECK(pthread_create(thread, NULL, body, argument) == 0);
}

static void a_round(int number)
{
    pthread_t threads[THREADS], closer[2], reading;
    void *(*const bodies[THREADS])(void *) = {waiter, waiter, clear_waiter, poller, pulser, pulser, remover};
    toc_event *closing = opened("closing");
    over = 0;
    e = opened("busy");
    other = number % 3 ? opened("busy") : e;
    int before = pulses;
    for (int i = 0; i < THREADS; i++)
        start(&threads[i], bodies[i], i % 2 ? other : e);
    for (int i = 0; i < 2; i++)
        start(&closer[i], closed_waiter, closing);
    published = opened("published");
    plain = 0;
    start(&reading, reader, published); /* it is a new one: each round ends with its removal */
    while (pulses < before + 200)
        usleep(100);
    plain = 42;
    IS(toc_event_set(published), 0);
    pthread_join(reading, NULL);
    toc_event_close(closing);
    for (int i = 0; i < 2; i++)
        pthread_join(closer[i], NULL);
    over = 1;
    for (int i = 4; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    IS(toc_event_set(other), 0); /* the last word: nobody pulses any more */
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    IS(toc_event_unlink(published), 0);
    toc_event_free(published);
    toc_event_free(closing);
    if (other != e)
        toc_event_free(other);
    toc_event_free(e);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 1;
    place = argv[1];
    alarm(argc > 3 ? (unsigned)atoi(argv[3]) : 100);
    for (int i = 0; i < rounds; i++)
        a_round(i);
    printf("{\"rounds\": %d, \"waits\": %d, \"pulses\": %d, \"removals\": %d}\n", rounds, waits, pulses, removals);
    CHECK(waits > rounds && pulses >= 200 * rounds && removals > 0);
    return 0;
}
