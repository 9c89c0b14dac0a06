/* unit_queue.c: a queue of one process: put and get, its limits, and its end. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <errno.h>

static void first_in_first_out(void)
{
    static const size_t SIZES[] = {8, 9, 15, 16, 24, 31, 32, 63, 64, 65, 100, 4000, 5000, 16360, 20000, 70000};
    EACH(name) {
        toc_queue *q = opened(name);
        uint64_t in = 0, out = 0;
        for (int round = 0; round < 40; round++) {
            for (int i = 0; i < 16; i++)
                IS(put_sized(q, ++in, SIZES[(size_t)(i + round) % 16]), 0);
            for (int i = 0; i < 13 + round / 8; i++)
                IS(got(q), ++out);
        }
        IS(state(q).ready, in - out);
        while (out < in)
            IS(got(q), ++out);
        CHECK(empty(q));
        IS(state(q).puts, in);
        IS(toc_queue_put(q, "", 0, 0), 0); /* nothing is something, too */
        toc_taken t;
        IS(toc_queue_get(q, buffer, 0, &t, 0), 0);
        IS(t.length, 0);
        IS(t.sequence, in + 1);
        removed(q);
    }
}

static void limits_of_a_queue(void)
{
    toc_queue *q = opened_with("x", 3, -1), *same, *other;
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    IS(put(q, 1), 0);
    IS(put(q, 2), 0);
    IS(put(q, 3), 0);
    IS(put(q, 4), -EAGAIN);
    IS(toc_queue_put(q, "x", 1, toc_now() + 2000000), -EAGAIN);
    toc_taken t;
    IS(received(q, &t), 1); /* what is held takes no room */
    IS(put(q, 4), 0);
    IS(put(q, 5), -EAGAIN);
    IS(toc_queue_nack(q, &t, 0), 0); /* but what comes back is let in */
    IS(state(q).ready, 4);
    IS(put(q, 5), -EAGAIN);
    same = opened("x");
    IS(state(same).maxsize, 3);
    o.common.at = place;
    o.maxsize = 4;
    IS(toc_queue_open(&other, "x", &o), -EEXIST);
    o.maxsize = 3;
    o.max_bytes = 1;
    IS(toc_queue_open(&other, "x", &o), -EEXIST);
    toc_queue_free(same);
    removed(q);

    q = opened_with("x", -1, 100);
    IS(put_sized(q, 1, 500), 0); /* alone, or it could never */
    IS(put_sized(q, 2, 8), -EAGAIN);
    IS(got(q), 1);
    IS(put_sized(q, 2, 60), 0);
    IS(put_sized(q, 3, 41), -EAGAIN);
    IS(put_sized(q, 3, 40), 0);
    IS(state(q).bytes, 100);
    IS(toc_queue_put(q, buffer, (size_t)TOC_MESSAGE_MAX + 1, 0), -EMSGSIZE);
    removed(q);
}

static void looks_that_take_nothing(void)
{
    EACH(name) {
        toc_queue *q = opened(name);
        toc_taken t;
        IS(toc_queue_peek(q, buffer, sizeof buffer, &t), -EAGAIN);
        IS(put_sized(q, 7, 100), 0);
        for (int i = 0; i < 3; i++) {
            IS(toc_queue_peek(q, buffer, sizeof buffer, &t), 0);
            IS(number_in(buffer, t.length), 7);
        }
        IS(toc_queue_get(q, buffer, 99, &t, 0), -ENOBUFS);
        IS(t.length, 100);
        IS(toc_queue_receive(q, buffer, 0, &t, 0), -ENOBUFS);
        IS(state(q).ready, 1);
        IS(got(q), 7);
        IS(toc_queue_peek(q, buffer, sizeof buffer, &t), -EAGAIN);
        removed(q);
    }
}

static void batches(void)
{
    EACH(name) {
        enum { N = 1000 };
        static toc_item items[N];
        static unsigned char bytes[N][40];
        static toc_taken taken[N];
        toc_queue *q = opened_with(name, 700, -1);
        size_t done;
        for (size_t i = 0; i < N; i++) {
            fill(bytes[i], i + 1, 40);
            items[i] = (toc_item){bytes[i], 40};
        }
        IS(toc_queue_put_many(q, items, N, &done, 0), -EAGAIN);
        IS(done, 700);
        IS(toc_queue_get_many(q, buffer, 399, taken, N, 0), 9); /* what the buffer holds */
        IS(toc_queue_get_many(q, buffer, sizeof buffer, taken, 91, 0), 91);
        for (size_t i = 0; i < 91; i++) {
            IS(number_in(buffer + taken[i].offset, taken[i].length), i + 10);
            IS(taken[i].sequence, i + 10);
        }
        IS(toc_queue_put_many(q, items + 700, 100, &done, 0), 0);
        IS(done, 100);
        IS(toc_queue_get_many(q, buffer, sizeof buffer, taken, N, 0), 700);
        IS(number_in(buffer + taken[699].offset, taken[699].length), 800);
        IS(toc_queue_get_many(q, buffer, sizeof buffer, taken, N, 0), -EAGAIN);
        IS(toc_queue_get_many(q, buffer, sizeof buffer, taken, 0, 0), 0);
        IS(state(q).unfinished, 800); /* got, and not done */
        items[3].length = (size_t)TOC_MESSAGE_MAX + 1;
        IS(toc_queue_put_many(q, items, 10, &done, 0), -EMSGSIZE);
        IS(done, 0);
        removed(q);
    }
}

static void the_end_of_work(void)
{
    EACH(name) {
        toc_queue *q = opened(name);
        toc_taken t;
        IS(toc_queue_join(q, 0), 1);
        IS(toc_queue_task_done(q), -ERANGE);
        IS(put(q, 1), 0);
        IS(put(q, 2), 0);
        IS(put(q, 3), 0);
        IS(got(q), 1);
        IS(received(q, &t), 2);
        IS(toc_queue_join(q, 0), 0);
        IS(toc_queue_task_done(q), 0);
        IS(toc_queue_task_done(q), -ERANGE);
        IS(toc_queue_ack(q, &t), 0);
        IS(toc_queue_join(q, toc_now() + 1000000), 0);
        IS(toc_queue_purge(q), 1);
        IS(toc_queue_join(q, TOC_FOREVER), 1);
        removed(q);
    }
}

static void shut_down(void)
{
    EACH(name) {
        toc_queue *q = opened(name);
        toc_taken t, held;
        for (uint64_t i = 1; i <= 4; i++)
            IS(put(q, i), 0);
        IS(received(q, &held), 1);
        IS(toc_queue_shutdown(q, 0), 0);
        IS(state(q).shut, 1);
        IS(put(q, 9), -EPIPE);
        IS(toc_queue_put_quick(q, "x", 1), -EPIPE);
        IS(got(q), 2); /* what is there can be had */
        IS(toc_queue_nack(q, &held, 0), 0); /* and what comes back */
        IS(got(q), 3);
        IS(got(q), 4);
        IS(got(q), 1);
        IS(toc_queue_get(q, buffer, sizeof buffer, &t, TOC_FOREVER), -EPIPE);
        IS(toc_queue_receive(q, buffer, sizeof buffer, &t, 0), -EPIPE);
        IS(toc_queue_peek(q, buffer, sizeof buffer, &t), -EAGAIN);
        removed(q);
        q = opened(name);
        IS(put(q, 1), 0);
        IS(put(q, 2), 0);
        IS(received(q, &held), 1);
        IS(toc_queue_shutdown(q, 1), 0);
        IS(state(q).shut, 2);
        IS(toc_queue_get(q, buffer, sizeof buffer, &t, 0), -EPIPE);
        IS(state(q).unfinished, 1);
        IS(toc_queue_ack(q, &held), 0);
        IS(toc_queue_join(q, 0), 1);
        removed(q);
    }
}

static void purges(void)
{
    EACH(name) {
        toc_queue *q = opened(name);
        toc_taken a, b, c;
        for (uint64_t i = 1; i <= 1000; i++)
            IS(put_sized(q, i, 500), 0);
        IS(received(q, &a), 1);
        IS(received(q, &b), 2);
        IS(received(q, &c), 3);
        IS(toc_queue_nack(q, &b, 0), 0);
        IS(toc_queue_nack(q, &c, 1000000000000ll), 0);
        IS(toc_queue_purge(q), 999);
        IS(toc_queue_purge(q), 0);
        toc_queue_stat s = state(q);
        IS(s.held, 1);
        IS(s.ready + s.delayed + s.bytes, 0);
        CHECK(empty(q));
        IS(put(q, 1001), 0);
        IS(toc_queue_nack(q, &a, 0), 0);
        IS(got(q), 1001);
        IS(got(q), 1);
        CHECK(empty(q));
        removed(q);
    }
}

static void without_a_system_call(void)
{
    EACH(name) {
        toc_queue *q = opened_with(name, 200, -1);
        toc_taken t;
        unsigned char bytes[100];
        uint64_t in = 0, out = 0;
        for (int i = 0; i < 3000; i++) {
            fill(bytes, in + 1, sizeof bytes);
            int rc = toc_queue_put_quick(q, bytes, sizeof bytes);
            CHECK(rc == 0 || rc == 1);
            if (rc == 0) /* full, or a switch of segments */
                rc = toc_queue_put(q, bytes, sizeof bytes, 0) == 0;
            in += (uint64_t)rc;
            if (i % 4 == 3)
                continue;
            rc = toc_queue_get_quick(q, bytes, sizeof bytes, &t);
            CHECK(rc == 0 || rc == 1);
            if (rc == 0)
                IS(toc_queue_get(q, bytes, sizeof bytes, &t, 0), 0);
            IS(number_in(bytes, t.length), ++out);
        }
        CHECK(in > 2000);
        IS(state(q).ready, in - out);
        removed(q);
    }
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(first_in_first_out);
    RUN(limits_of_a_queue);
    RUN(looks_that_take_nothing);
    RUN(batches);
    RUN(the_end_of_work);
    RUN(shut_down);
    RUN(purges);
    RUN(without_a_system_call);
    return unit_end();
}
