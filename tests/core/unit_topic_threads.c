/* unit_topic_threads.c: many emit, many listen, the log is small and turns over all the time. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_topic.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EMITTERS = 3, LISTENERS = 3, SHARERS = 5, TURNS = 1200 };

static toc_topic *common;
static int64_t patience; /* of the emitters, for those who are slow */
static uint32_t ready;

static uint64_t number_of(uint64_t emitter, uint64_t turn) { return emitter << 32 | turn; }
static size_t size_of(uint64_t turn) { return 8 + turn * 29 % (turn % 50 ? 120 : 5000); }

static void *emitting(void *argument)
{
    uint64_t me = (uint64_t)(uintptr_t)argument, sequence, last = 0;
    unsigned char bytes[6000];
    toc_topic *t = me % 2 ? another(common) : common;
    while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < LISTENERS)
        usleep(100);
    for (uint64_t turn = 1; turn <= TURNS; turn++) {
        size_t size = size_of(turn);
        fill(bytes, number_of(me, turn), size);
        int rc = toc_topic_emit_quick(t, bytes, size, &sequence);
        while (rc == 0) {
            rc = toc_topic_emit(t, bytes, size, patience, &sequence);
            rc = rc == -EINTR ? 0 : rc == 0 ? 1 : rc;
        }
        IS(rc, 1);
        CHECK(sequence > last);
        last = sequence;
    }
    if (t != common)
        toc_topic_free(t);
    return NULL;
}

/* Each emit once, in one order, in each emitter's order; what is lost is counted to the last. */
static void *listening(void *argument)
{
    toc_topic *t = listener(common, 0);
    static __thread unsigned char bytes[16384];
    static __thread toc_heard out[64];
    uint64_t next = 1, turn[EMITTERS] = {0}, lost = 0, mine = 0, at_once = (uint64_t)(uintptr_t)argument;
    __atomic_fetch_add(&ready, 1, __ATOMIC_ACQ_REL);
    while (next <= EMITTERS * TURNS) {
        int64_t n = toc_topic_read(t, bytes, sizeof bytes, out, at_once, &mine, TOC_FOREVER);
        if (n == -EINTR)
            continue;
        if (n == -EOVERFLOW) {
            CHECK(mine > 0);
            next += mine;
            lost += mine;
            continue;
        }
        CHECK(n > 0);
        for (int64_t i = 0; i < n; i++) {
            IS(out[i].sequence, next);
            next++;
            uint64_t number = number_in(bytes + out[i].offset, out[i].length), who = number >> 32, which = number & 0xffffffff;
            CHECK(who < EMITTERS && which > turn[who]);
            IS(out[i].length, size_of(which));
            turn[who] = which;
        }
    }
    IS(next, EMITTERS * TURNS + 1);
    if (patience)
        IS(lost, 0);
    toc_topic_free(t);
    return (void *)(uintptr_t)lost;
}

static void crowd(const char *name, int64_t max_bytes)
{
    pthread_t thread[EMITTERS + LISTENERS];
    common = opened_with(name, max_bytes);
    ready = 0;
    for (uintptr_t i = 0; i < LISTENERS; i++)
        IS(pthread_create(&thread[EMITTERS + i], NULL, listening, (void *)(i == 0 ? 1 : i * 30)), 0);
    for (uintptr_t i = 0; i < EMITTERS; i++)
        IS(pthread_create(&thread[i], NULL, emitting, (void *)i), 0);
    for (int i = 0; i < EMITTERS + LISTENERS; i++)
        IS(pthread_join(thread[i], NULL), 0);
    IS(state(common).emits, EMITTERS * TURNS);
    IS(toc_topic_subscribers(common), 0);
    removed(common);
}

static void nobody_waits_for_the_slow(void)
{
    patience = 0;
    EACH(name)
        crowd(name, LEAST);
}

static void everyone_waits_for_the_slow(void)
{
    patience = TOC_FOREVER;
    EACH(name)
        crowd(name, LEAST);
}

/* -- threads of one handle share its cursor: each emit is one's */

static uint8_t seen[EMITTERS * TURNS];
static toc_topic *shared;

static void *sharing(void *argument)
{
    unsigned char bytes[6000];
    toc_heard h;
    uint64_t mine, last = 0;
    (void)argument;
    for (;;) {
        int64_t n = toc_topic_read(shared, bytes, sizeof bytes, &h, 1, &mine, TOC_FOREVER);
        if (n == -EINTR)
            continue;
        if (n == -ECANCELED)
            return NULL;
        IS(n, 1);
        CHECK(h.sequence > last);
        last = h.sequence;
        number_in(bytes, h.length);
        IS(__atomic_fetch_add(&seen[h.sequence - 1], 1, __ATOMIC_RELAXED), 0);
    }
}

static void threads_share_a_cursor(void)
{
    pthread_t thread[EMITTERS + SHARERS];
    common = opened("x");
    shared = listener(common, 0);
    ready = LISTENERS;
    patience = 0;
    memset(seen, 0, sizeof seen);
    for (uintptr_t i = 0; i < EMITTERS + SHARERS; i++)
        IS(pthread_create(&thread[i], NULL, i < EMITTERS ? emitting : sharing, (void *)i), 0);
    for (int i = 0; i < EMITTERS; i++)
        IS(pthread_join(thread[i], NULL), 0);
    while (state(shared).next <= EMITTERS * TURNS)
        usleep(100);
    toc_cancel(H(shared));
    for (int i = EMITTERS; i < EMITTERS + SHARERS; i++)
        IS(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < EMITTERS * TURNS; i++)
        IS(seen[i], 1);
    toc_topic_free(shared);
    removed(common);
}

/* -- forks in the middle of what threads do: the child finds the bookkeeping of a moment */

static uint32_t enough;

static void *churning(void *argument)
{
    unsigned char bytes[3000];
    toc_heard h;
    uint64_t mine, sequence;
    fill(bytes, 1, sizeof bytes);
    while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE))
        if (argument) {
            IS(toc_topic_emit(common, bytes, sizeof bytes, 0, &sequence), 0);
        } else {
            int64_t n = toc_topic_read(common, bytes, sizeof bytes, &h, 1, &mine, 0);
            CHECK(n == 0 || n == 1 || n == -EOVERFLOW);
            fill(bytes, 1, sizeof bytes);
        }
    return NULL;
}

static void forks_under_fire(void)
{
    for (int named = 1; named >= 0; named--) {
        pthread_t thread[3];
        common = opened_with(named ? "x" : NULL, LEAST);
        IS(toc_topic_listen(common, 0), 0);
        enough = 0;
        for (uintptr_t i = 0; i < 3; i++)
            IS(pthread_create(&thread[i], NULL, churning, (void *)(i % 2)), 0);
        for (int i = 0; i < 60; i++) {
            int status;
            fflush(NULL);
            pid_t pid = fork();
            if (pid == 0) {
                toc_heard h;
                uint64_t sequence;
                alarm(60);
                for (int n = 0; n < 20; n++) {
                    fill(buffer, 1, 3000);
                    if (toc_topic_emit(common, buffer, 3000, 0, &sequence) < 0)
                        _exit(2);
                    int64_t rc = read_one_into(common, &h);
                    if (rc != 0 && rc != 1 && rc != -EOVERFLOW)
                        _exit(3);
                    number_in(buffer, rc == 1 ? h.length : 0); /* dies when it is not whole */
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
    RUN(nobody_waits_for_the_slow);
    RUN(everyone_waits_for_the_slow);
    RUN(threads_share_a_cursor);
    RUN(forks_under_fire);
    return unit_end();
}
