/* unit_data_writers.c: writers that are many, are killed, or stand still: no value is ever half. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_data.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Threads write values whose bytes are all the same; no reader ever sees a mixture. */
#define WRITES 300
static atomic_int writers_left;

static void *writes(void *argument)
{
    toc_data *d = argument;
    for (int i = 0; i < WRITES; i++)
        put_many(d, i % 3 == 0 ? 20000 + (size_t)i : 1000 + (size_t)i, 'a' + i % 26);
    writers_left--;
    return NULL;
}

static void *reads(void *argument)
{
    static __thread char bytes[BIG];
    toc_data *d = argument;
    uint64_t before = 0, version;
    do {
        size_t length;
        int rc = toc_data_latest(d, bytes, sizeof bytes, &length, &version);
        if (rc == -ENODATA)
            continue;
        IS(rc, 0);
        CHECK(version >= before);
        before = version;
        for (size_t i = 1; i < length; i++)
            if (bytes[i] != bytes[0])
                CHECK(!"a mixture of two values");
    } while (writers_left);
    return NULL;
}

static void *waits(void *argument)
{
    static __thread char bytes[BIG];
    toc_data *d = argument;
    uint64_t before = 0, version = 0;
    while (version < 2 * WRITES) {
        size_t length;
        int rc = toc_data_wait(d, bytes, sizeof bytes, &length, &version, TOC_FOREVER);
        CHECK(rc == 1 || rc == -EINTR);
        CHECK(rc != 1 || version > before);
        before = version;
    }
    return NULL;
}

static void never_a_half_value(void)
{
    for (int named = 0; named < 2; named++) {
        pthread_t threads[5];
        toc_data *d = opened(named ? "stress" : NULL, 1), *other = d;
        int memory, pipe;
        if (named)
            other = opened("stress", 1);
        else if (toc_descriptors(H(d), &memory, &pipe) == 0)
            IS(toc_data_attach(&other, dup(memory), dup(pipe), 1), 0);
        writers_left = 2;
        CHECK(pthread_create(&threads[0], NULL, writes, d) == 0);
        CHECK(pthread_create(&threads[1], NULL, writes, other) == 0);
        CHECK(pthread_create(&threads[2], NULL, reads, d) == 0);
        CHECK(pthread_create(&threads[3], NULL, reads, other) == 0);
        CHECK(pthread_create(&threads[4], NULL, waits, other) == 0);
        for (int i = 0; i < 5; i++)
            pthread_join(threads[i], NULL);
        IS(toc_handle_unlink(H(d)), 0);
        toc_data_free(d);
        toc_data_free(other);
    }
    IS(files("stress"), 0);
}

/* A writer is killed again and again, wherever it is; whoever comes next goes on, and no value is ever half. */
static void killed_writers(void)
{
    for (int named = 0; named < 2; named++) {
        toc_data *d = opened(named ? "killed" : NULL, 1);
        uint64_t before = put_many(d, 10, 'z'), version;
        for (int i = 0; i < 60; i++) {
            size_t length;
            int ready[2], status;
            char byte;
            CHECK(pipe(ready) == 0);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                alarm(50);
                for (int j = 0;; j++) {
                    put_many(d, j % 2 ? 50000 : 500, 'a' + j % 26);
                    if (j == 3)
                        CHECK(write(ready[1], "!", 1) == 1);
                }
            }
            CHECK(read(ready[0], &byte, 1) == 1);
            for (int j = 0; j < i * 37 % 1000; j++) /* another place each time */
                IS(toc_data_latest(d, room, sizeof room, &length, &version), 0);
            kill(child, SIGKILL);
            CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
            close(ready[0]);
            close(ready[1]);
            IS(toc_data_latest(d, room, sizeof room, &length, &version), 0);
            CHECK(version > before);
            for (size_t j = 1; j < length; j++)
                if (room[j] != room[0])
                    CHECK(!"a half value");
            before = put_many(d, 9000, 'z');
            IS(before, version + 1);
            if (named)
                IS(files("killed"), 1); /* what the dead one left is gone */
        }
        toc_data_free(d);
    }
}

static void a_stopped_writer_holds_others_up_to_their_deadlines(void)
{
    toc_data *d = opened("stopped", 1);
    struct toc_data_file *f = mapped(d);
    put(d, "before");
    uint64_t holder = ((struct toc_handle *)d)->owner->id; /* this process: it lives */
    f->lock = holder << 2;
    int64_t begin = toc_now();
    IS(toc_data_signal(d, "x", 1, -1, 0, NULL), -ETIMEDOUT);
    IS(toc_data_signal(d, "x", 1, -1, begin + 30000000, NULL), -ETIMEDOUT);
    CHECK(toc_now() >= begin + 30000000);
    CHECK(strcmp(latest(d), "before") == 0); /* readers need no lock */
    f->lock = 12345ull << 2; /* nobody's: dead */
    put(d, "after");
    CHECK(strcmp(latest(d), "after") == 0);
    munmap(f, sizeof *f);
    toc_data_free(d);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(never_a_half_value);
    RUN(killed_writers);
    RUN(a_stopped_writer_holds_others_up_to_their_deadlines);
    return unit_end();
}
