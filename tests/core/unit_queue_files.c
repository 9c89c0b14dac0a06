/* unit_queue_files.c: what a queue does with its segments, and when there is no more room, memory or descriptor. Argument: a
 * directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int files(void) /* of segments */
{
    DIR *d = opendir(place);
    int n = 0;
    CHECK(d);
    for (struct dirent *f; (f = readdir(d));)
        n += !strncmp(f->d_name, ".x.", 3) && !strstr(f->d_name, ".bell");
    closedir(d);
    return n;
}

static uint64_t bytes_used(void)
{
    DIR *d = opendir(place);
    uint64_t n = 0;
    CHECK(d);
    for (struct dirent *f; (f = readdir(d));) {
        char path[1000];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", place, f->d_name);
        if (f->d_name[0] == '.' && f->d_name[1] == 'x' && stat(path, &st) == 0)
            n += (uint64_t)st.st_blocks * 512;
    }
    closedir(d);
    return n;
}

static void a_long_life_costs_no_more(void)
{
    toc_queue *q = opened("x");
    uint64_t in = 0, out = 0;
    int most = 0;
    for (int i = 0; i < 6000; i++) { /* 24 MB go through */
        IS(put_sized(q, ++in, 4000), 0);
        if (i % 100 < 50)
            continue;
        IS(got(q), ++out);
        IS(got(q), ++out);
        if (i % 1000 == 999 && files() > most)
            most = files();
    }
    IS(in, out);
    CHECK(most <= 24);
    CHECK(files() <= 10);
    CHECK(state(q).segments <= 2);
    removed(q);
    IS(files(), 0);
}

static void one_that_is_held_costs_its_segment(void)
{
    toc_queue *q = opened("x");
    toc_taken t;
    IS(put(q, 1), 0);
    IS(received(q, &t), 1);
    for (uint64_t i = 2; i < 3000; i++) { /* 12 MB behind it */
        IS(put_sized(q, i, 4000), 0);
        IS(got(q), i);
    }
    CHECK(files() <= 16);
    CHECK(bytes_used() < 6 << 20);
    IS(toc_queue_nack(q, &t, 0), 0);
    IS(received(q, &t), 1);
    IS(toc_queue_ack(q, &t), 0);
    CHECK(empty(q));
    removed(q);
}

static void a_long_backlog(void)
{
    toc_queue *q = opened("x"), *other = opened("x");
    enum { N = 20000 };
    for (uint64_t i = 1; i <= N; i++) /* 20 MB */
        IS(put_sized(q, i, 1000), 0);
    CHECK(state(q).segments > 20);
    IS(state(other).ready, N);
    for (uint64_t i = 1; i <= N; i++)
        IS(got(i % 7 ? q : other), i);
    CHECK(empty(q));
    CHECK(files() <= 6);
    toc_queue_free(other);
    removed(q);
}

/* One item in a segment of its own, and no larger one, though the backlog is long. */
static void put_apart(toc_queue *q, uint32_t number, uint32_t length)
{
    int rc = 0;
    IS(toc_queue_enter(q, 0), 0);
    uint64_t tail = q->s.tail;
    struct toc_record *r = toc_log_room(&q->log, &q->s.half, &tail, length, 0, false, &rc);
    CHECK(r);
    memcpy(r->payload, &number, sizeof number);
    r->length = length;
    r->sequence = ++q->s.tail_sequence;
    r->claim = claim_of(TOC_READY, 0, 0);
    r->check = toc_record_check(r, tail);
    q->s.tail = tail + toc_record_size(length);
    q->s.bytes += length;
    IS(toc_queue_commit(q, TOC_BELL, TOC_WAKE_NONE), 0);
    toc_queue_leave(q);
}

/* A page of the table has room for 240 segments. */
static void a_table_longer_than_a_page(void)
{
    enum { N = 400, LENGTH = 150 << 10 };
    static unsigned char bytes[LENGTH];
    for (int named = 1; named >= 0; named--) {
        toc_queue *q = opened(named ? "x" : NULL), *other = named ? opened("x") : q;
        toc_taken t, held;
        uint32_t number;
        for (uint32_t i = 1; i <= N; i++)
            put_apart(q, i, LENGTH);
        CHECK(state(q).segments > 300);
        IS(toc_queue_receive(q, bytes, sizeof bytes, &held, 0), 0);
        for (uint32_t i = 2; i <= N; i++) {
            IS(toc_queue_get(i % 3 ? q : other, bytes, sizeof bytes, &t, 0), 0);
            memcpy(&number, bytes, sizeof number);
            IS(number, i);
            if (i == N / 2)
                put_apart(other, N + 1, LENGTH);
        }
        IS(toc_queue_ack(q, &held), 0);
        IS(toc_queue_get(q, bytes, sizeof bytes, &t, 0), 0);
        IS(t.sequence, N + 1);
        CHECK(empty(q));
        CHECK(state(q).segments <= 2);
        CHECK(!named || files() <= 20);
        if (other != q)
            toc_queue_free(other);
        removed(q);
    }
}

static void the_largest_message(void)
{
    size_t size = TOC_MESSAGE_MAX;
    unsigned char *bytes = malloc(size + 1);
    toc_queue *q = opened("x");
    toc_taken t;
    CHECK(bytes);
    memset(bytes, 'x', size + 1);
    IS(toc_queue_put(q, bytes, size + 1, 0), -EMSGSIZE);
    for (int i = 0; i < 2; i++) {
        bytes[size - 1] = (unsigned char)i;
        IS(put(q, 1), 0);
        int rc = toc_queue_put(q, bytes, size, 0);
        CHECK(rc == 0 || rc == -ENOSPC);
        IS(got(q), 1);
        if (rc == 0) {
            IS(toc_queue_get(q, bytes, size - 1, &t, 0), -ENOBUFS);
            IS(t.length, size);
            memset(bytes, 0, size);
            IS(toc_queue_get(q, bytes, size, &t, 0), 0);
            CHECK(bytes[0] == 'x' && bytes[size - 2] == 'x' && bytes[size - 1] == i);
        }
    }
    CHECK(bytes_used() < 66u << 20); /* the large segment is given back */
    free(bytes);
    removed(q);
}

static uint64_t fill_up(toc_queue *q, uint64_t from)
{
    for (uint64_t i = from;; i++) {
        int rc = put_sized(q, i, 3000);
        if (rc == -ENOSPC)
            return i - from;
        IS(rc, 0);
    }
}

static void a_full_file_system(void)
{
    const char *before = place;
    char small[500];
    snprintf(small, sizeof small, "%s/small", place);
    IS(mkdir(small, 0700), 0);
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
            || mount("small", small, "tmpfs", 0, "size=2m") < 0)
            _exit(77);
        place = small;
        toc_queue *q = opened("x");
        uint64_t put_in = 0, out = 0;
        for (int round = 0; round < 4; round++) {
            put_in += fill_up(q, put_in + 1);
            CHECK(put_in - out > 300);
            IS(state(q).ready, put_in - out); /* what was refused left nothing behind */
            for (int i = 0; i < 250; i++)
                IS(got(q), ++out);
            int files_then = files();
            IS(put_sized(q, ++put_in, 3000), 0); /* and there is room again */
            CHECK(files() <= files_then + 1);
        }
        while (out < put_in)
            IS(got(q), ++out);
        CHECK(empty(q));
        toc_taken t;
        IS(put(q, 7), 0);
        IS(received(q, &t), 7);
        IS(toc_queue_nack(q, &t, 0), 0);
        IS(received(q, &t), 7);
        IS(toc_queue_ack(q, &t), 0);
        removed(q);
        IS(files(), 0);
        _exit(0);
    }
    IS(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        fprintf(stderr, "not tried: a full file system (a small one cannot be mounted here)\n");
    else
        IS(status, 0);
    place = before;
    IS(rmdir(small), 0);
}

/* One descriptor more each time, until everything has worked: each call says -EMFILE or does it all. */
static void no_descriptors(void)
{
    struct rlimit was, limit;
    IS(getrlimit(RLIMIT_NOFILE, &was), 0);
    int lowest = dup(0);
    close(lowest);
    for (int more = 0; more < 12; more++) {
        toc_queue *keep = opened("x");
        toc_taken t;
        int refused = 0, rc;
        IS(put(keep, 1), 0);
        IS(received(keep, &t), 1);
        IS(toc_queue_nack(keep, &t, 0), 0);
        int listener = toc_fileno(H(keep)); /* so that each change must open the bell */
        CHECK(listener >= 0);
        limit = was;
        int top = dup(0);
        close(top);
        limit.rlim_cur = (rlim_t)(top + more);
        IS(setrlimit(RLIMIT_NOFILE, &limit), 0);
        uint64_t in = 1, out = 0;
        toc_queue *q = NULL;
        toc_queue_options o = TOC_QUEUE_DEFAULTS;
        o.common.at = place;
        rc = toc_queue_open(&q, "x", &o);
        if (rc == 0) {
            for (int i = 0; i < 60; i++) {
                rc = put_sized(q, in + 1, 3000);
                CHECK(rc == 0 || rc == -EMFILE);
                in += rc == 0;
                refused += rc < 0;
                if (i % 3 == 2) {
                    rc = toc_queue_get(q, buffer, sizeof buffer, &t, 0);
                    CHECK(rc == 0 || rc == -EMFILE || rc == -EAGAIN);
                    refused += rc == -EMFILE;
                    if (rc == 0 && t.held) /* it could not be finished: ours all the same */
                        while ((rc = toc_queue_ack(q, &t)) == -EMFILE && more < 2)
                            setrlimit(RLIMIT_NOFILE, &was);
                    out += rc == 0;
                }
                toc_handle_looked(H(keep), 0);
            }
        } else {
            IS(rc, -EMFILE);
            refused++;
        }
        IS(setrlimit(RLIMIT_NOFILE, &was), 0);
        if (more == 11)
            IS(refused, 0);
        if (more == 0)
            CHECK(refused > 0);
        if (q)
            toc_queue_free(q);
        IS(state(keep).ready + out, in);
        for (; out < in; out++) {
            IS(toc_queue_get(keep, buffer, sizeof buffer, &t, 0), 0);
            number_in(buffer, t.length);
        }
        CHECK(empty(keep));
        removed(keep);
        IS(files(), 0);
    }
}

/* -- threads of one handle */

enum { THREADS = 6, EACH = 1000 };
static toc_queue *common;
static uint32_t taken_in_all;
static uint8_t seen[THREADS * EACH];

static void *hammer(void *argument)
{
    uint64_t me = (uint64_t)(uintptr_t)argument;
    unsigned char bytes[700];
    toc_taken t;
    for (uint64_t i = 0; i < EACH; i++) {
        uint64_t number = me * EACH + i + 1;
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
        CHECK(number >= 1 && number <= THREADS * EACH);
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
        IS(taken_in_all, THREADS * EACH);
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
    CHECK(argc == 2);
    place = argv[1];
    alarm(300); /* a watchdog and nothing else */
    RUN(a_long_life_costs_no_more);
    RUN(one_that_is_held_costs_its_segment);
    RUN(a_long_backlog);
    RUN(a_table_longer_than_a_page);
    RUN(the_largest_message);
    RUN(a_full_file_system);
    RUN(no_descriptors);
    RUN(threads_of_one_handle);
    RUN(forks_under_fire);
    printf("%d", checks_made);
    return 0;
}
