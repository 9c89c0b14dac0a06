/* unit_queue_threads.c: threads of one handle, and forks in the middle of what they do. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6, TURNS = 1000 };
static toc_queue *common;
static uint32_t taken_in_all;
static uint8_t seen[THREADS * TURNS];

static void *hammer(void *argument)
{
    uint64_t me = (uint64_t)(uintptr_t)argument;
    unsigned char bytes[700];
    toc_taken t;
    for (uint64_t i = 0; i < TURNS; i++) {
        uint64_t number = me * TURNS + i + 1;
        size_t size = 8 + number % 600;
        fill(bytes, number, size);
        int rc = toc_queue_put_quick(common, bytes, size);
        CHECK(rc >= 0);
        if (rc == 0)
            IS(toc_queue_put(common, bytes, size, TOC_FOREVER), 0);
        for (;;) {
            rc = i % 2 ? toc_queue_receive(common, bytes, sizeof bytes, &t, TOC_FOREVER)
                : toc_queue_get(common, bytes, sizeof bytes, &t, TOC_FOREVER);
            if (rc == -EINTR)
                continue;
            IS(rc, 0);
            if (!t.held || i % 10 || t.attempt > 1)
                break;
            IS(toc_queue_nack(common, &t, i % 20 ? 0 : 100000), 0);
        }
        if (t.held)
            IS(toc_queue_ack(common, &t), 0);
        number = number_in(bytes, t.length);
        CHECK(number >= 1 && number <= THREADS * TURNS);
        IS(__atomic_fetch_add(&seen[number - 1], 1, __ATOMIC_RELAXED), 0);
        __atomic_fetch_add(&taken_in_all, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void threads_of_one_handle(void)
{
    for (int named = 1; named >= 0; named--) {
        pthread_t thread[THREADS];
        common = opened_with(named ? "x" : NULL, 0, -1);
        memset(seen, 0, sizeof seen);
        taken_in_all = 0;
        for (uintptr_t i = 0; i < THREADS; i++)
            IS(pthread_create(&thread[i], NULL, hammer, (void *)i), 0);
        for (int i = 0; i < THREADS; i++)
            IS(pthread_join(thread[i], NULL), 0);
        IS(taken_in_all, THREADS * TURNS);
        toc_queue_stat s = state(common);
        IS(s.ready + s.held + s.delayed, 0);
        removed(common);
    }
}

/* -- forks in the middle of what threads do: the child finds the bookkeeping of a moment */

static uint32_t enough;

static void *churn(void *argument)
{
    unsigned char bytes[6000];
    toc_taken t;
    (void)argument;
    fill(bytes, 1, sizeof bytes);
    while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE)) { /* segments come and go, backwards and forwards */
        CHECK(toc_queue_put(common, bytes, sizeof bytes, TOC_FOREVER) == 0);
        int rc = toc_queue_receive(common, bytes, sizeof bytes, &t, 0);
        CHECK(rc == 0 || rc == -EAGAIN);
        if (rc == 0)
            CHECK((t.sequence % 2 ? toc_queue_nack(common, &t, 0) : toc_queue_ack(common, &t)) == 0);
        if (toc_queue_get(common, bytes, sizeof bytes, &t, 0) == 0 && t.held)
            CHECK(toc_queue_ack(common, &t) == 0);
        fill(bytes, 1, sizeof bytes);
    }
    return NULL;
}

static void forks_under_fire(void)
{
    for (int named = 1; named >= 0; named--) {
        pthread_t thread[3];
        common = opened_with(named ? "x" : NULL, 0, -1);
        enough = 0;
        for (int i = 0; i < 3; i++)
            IS(pthread_create(&thread[i], NULL, churn, NULL), 0);
        for (int i = 0; i < 60; i++) {
            int status;
            fflush(NULL);
            pid_t pid = fork();
            if (pid == 0) {
                toc_taken t;
                alarm(60);
                for (int n = 0; n < 5; n++) {
                    if (put_sized(common, 1, 6000) < 0)
                        _exit(2);
                    int rc = toc_queue_receive(common, buffer, sizeof buffer, &t, 0);
                    if (rc < 0 && rc != -EAGAIN)
                        _exit(3);
                    number_in(buffer, rc == 0 ? t.length : 0); /* dies when it is not whole */
                    if (rc == 0 && toc_queue_ack(common, &t) < 0)
                        _exit(4);
                }
                _exit(0);
            }
            IS(waitpid(pid, &status, 0), pid);
            IS(status, 0);
        }
        __atomic_store_n(&enough, 1, __ATOMIC_RELEASE);
        for (int i = 0; i < 3; i++)
            IS(pthread_join(thread[i], NULL), 0);
        removed(common);
    }
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(threads_of_one_handle);
    RUN(forks_under_fire);
    return unit_end();
}
