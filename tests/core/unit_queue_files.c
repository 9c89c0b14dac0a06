/* unit_queue_files.c: what a queue does with its segments: a long life, a long backlog, a long table, the largest item. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

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
    q->log.most = 1;
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

static uint32_t files_ever(toc_queue *q) { return q->log.half[q->s.half]->next_file; }

static void put_and_got(toc_queue *q, unsigned char *bytes, size_t size, int times)
{
    toc_taken t;
    for (int i = 0; i < times; i++) {
        memset(bytes, i, size);
        IS(toc_queue_put(q, bytes, size, 0), 0);
        memset(bytes, 0, size);
        IS(toc_queue_get(q, bytes, size, &t, 0), 0);
        IS(t.length, size);
        CHECK(bytes[0] == (unsigned char)i && bytes[size - 1] == (unsigned char)i);
    }
}

/* As files, and as ranges of an anonymous queue's memory; what small items left behind is in nobody's way. */
static void large_ones_go_through_the_same_segments(void)
{
    enum { LARGEST = 1 << 20 };
    static const size_t SIZE[] = {16 << 10, 64 << 10, 100000, 256 << 10, 300000, 512 << 10, 600000, LARGEST};
    unsigned char *bytes = malloc(LARGEST);
    CHECK(bytes);
    EACH(name) {
        toc_queue *q = opened(name);
        for (uint64_t i = 1; i <= 4000; i++) /* a backlog, so that there are spares of the small ones' size */
            IS(put_sized(q, i, 400), 0);
        for (uint64_t i = 1; i <= 4000; i++)
            IS(got(q), i);
        for (size_t i = 0; i < sizeof SIZE / sizeof *SIZE; i++) {
            put_and_got(q, bytes, SIZE[i], 200);
            uint32_t before = files_ever(q);
            put_and_got(q, bytes, SIZE[i], 100);
            IS(files_ever(q), before);
        }
        CHECK(!name || files() <= 4 + (int)TOC_SPARES);
        CHECK(!name || bytes_used() <= (TOC_SPARES + 2) * (uint64_t)TOC_SEGMENT_SPARE);
        CHECK(empty(q));
        removed(q);
    }
    free(bytes);
}

static void many_large_ones(void)
{
    enum { N = 120, SIZE = 64 << 10 };
    static toc_item items[N];
    unsigned char *bytes = malloc((size_t)N * SIZE);
    toc_taken taken[N];
    size_t done;
    CHECK(bytes);
    EACH(name) {
        toc_queue *q = opened(name);
        for (size_t i = 0; i < N; i++) {
            memset(bytes + i * SIZE, (int)i, SIZE);
            items[i] = (toc_item){bytes + i * SIZE, SIZE};
        }
        IS(toc_queue_put_many(q, items, N, &done, 0), 0);
        IS(done, N);
        memset(bytes, 255, (size_t)N * SIZE);
        IS(toc_queue_get_many(q, bytes, SIZE - 1, taken, N, 0), -ENOBUFS);
        IS(taken[0].length, SIZE);
        IS(toc_queue_get_many(q, bytes, (size_t)N * SIZE - 1, taken, N, 0), N - 1);
        for (size_t i = 0; i < N - 1; i++)
            CHECK(taken[i].offset == i * SIZE && bytes[i * SIZE] == i && bytes[i * SIZE + SIZE - 1] == i);
        IS(toc_queue_receive(q, bytes, SIZE, taken, 0), 0);
        CHECK(bytes[0] == N - 1 && bytes[SIZE - 1] == N - 1);
        IS(toc_queue_ack(q, taken), 0);
        CHECK(empty(q));
        removed(q);
    }
    free(bytes);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(a_long_life_costs_no_more);
    RUN(one_that_is_held_costs_its_segment);
    RUN(a_long_backlog);
    RUN(a_table_longer_than_a_page);
    RUN(the_largest_message);
    RUN(large_ones_go_through_the_same_segments);
    RUN(many_large_ones);
    return unit_end();
}
