/* unit_queue_held.c: items in hand: acked, given back at once or later, too often; and a child holds nothing. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static void held_and_settled(void)
{
    EACH(name) {
        toc_queue *q = opened(name), *other = name ? opened(name) : q;
        toc_taken a, b, c;
        for (uint64_t i = 1; i <= 3; i++)
            IS(put(q, i), 0);
        IS(received(q, &a), 1);
        IS(received(q, &b), 2);
        IS(a.attempt, 1);
        toc_queue_stat s = state(q);
        IS(s.held, 2);
        IS(s.ready, 1);
        IS(s.unfinished, 3);
        IS(toc_queue_ack(other, &a), 0); /* another handle of the same process: the process holds it */
        IS(toc_queue_ack(q, &a), -ESTALE);
        IS(toc_queue_nack(q, &a, 0), -ESTALE);
        IS(toc_queue_nack(q, &b, 0), 0);
        IS(toc_queue_ack(q, &b), -ESTALE);
        IS(received(q, &c), 3);
        IS(received(q, &a), 2);
        IS(a.attempt, 2);
        IS(a.sequence, b.sequence);
        IS(toc_queue_ack(q, &b), -ESTALE); /* the first delivery of it is over */
        IS(toc_queue_ack(q, &c), 0);
        IS(toc_queue_ack(q, &a), 0);
        s = state(q);
        IS(s.held + s.ready + s.unfinished + s.delayed + s.bytes, 0);
        CHECK(empty(q));
        if (other != q)
            toc_queue_free(other);
        removed(q);
    }
}

static void what_comes_back_goes_to_the_end(void)
{
    toc_queue *q = opened("x");
    toc_taken t, u;
    for (uint64_t i = 1; i <= 3; i++)
        IS(put(q, i), 0);
    IS(received(q, &t), 1);
    IS(toc_queue_nack(q, &t, 0), 0);
    IS(put(q, 4), 0);
    IS(received(q, &t), 2);
    IS(toc_queue_nack(q, &t, 0), 0);
    IS(put(q, 5), 0);
    IS(got(q), 3);
    IS(received(q, &u), 1); /* was behind 3 */
    IS(u.attempt, 2);
    IS(got(q), 4);
    IS(got(q), 2); /* was behind 4 */
    IS(got(q), 5);
    CHECK(empty(q));
    IS(toc_queue_nack(q, &u, 0), 0);
    IS(got(q), 1); /* a get of what came back, with nothing else there */
    CHECK(empty(q));
    removed(q);
}

static void delays(void)
{
    toc_queue *q = opened("x");
    toc_taken t, u;
    IS(put(q, 1), 0);
    IS(put(q, 2), 0);
    IS(received(q, &t), 1);
    IS(received(q, &u), 2);
    IS(toc_queue_nack(q, &t, 3600000000000ll), 0);
    int64_t begin = toc_now();
    IS(toc_queue_nack(q, &u, 20000000), 0);
    IS(state(q).delayed, 2);
    IS(state(q).ready, 0);
    CHECK(toc_queue_due(q) > 0);
    IS(toc_queue_receive(q, buffer, sizeof buffer, &u, TOC_FOREVER), 0); /* sleeps until it is due */
    CHECK(toc_now() - begin >= 19000000);
    IS(u.sequence, 2);
    IS(u.attempt, 2);
    IS(toc_queue_ack(q, &u), 0);
    CHECK(empty(q));
    IS(state(q).delayed, 1);
    IS(state(q).unfinished, 1);
    IS(toc_queue_purge(q), 1);
    IS(state(q).unfinished, 0);
    removed(q);
}

static void too_many_deliveries(void)
{
    toc_queue *q;
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_taken t;
    o.common.at = place;
    o.max_deliveries = 2;
    IS(toc_queue_open(&q, "x", &o), 0);
    IS(put(q, 1), 0);
    for (uint32_t i = 1; i <= 2; i++) {
        IS(received(q, &t), 1);
        IS(t.attempt, i);
        IS(toc_queue_nack(q, &t, 0), 0);
    }
    IS(toc_queue_get(q, buffer, sizeof buffer, &t, 0), 0); /* a get that holds it: for the dead letters */
    IS(t.attempt, 3);
    IS(t.held, 1);
    IS(state(q).held, 1);
    IS(toc_queue_ack(q, &t), 0);
    IS(state(q).unfinished, 0);
    removed(q);
}

static void a_child_is_somebody_else(void)
{
    EACH(name) {
        toc_queue *q = opened(name);
        toc_taken t, u;
        int status;
        IS(put(q, 1), 0);
        IS(put(q, 2), 0);
        IS(received(q, &t), 1);
        pid_t pid = fork();
        if (pid == 0) {
            toc_queue *again = name ? opened(name) : q; /* opens and closes, which must not give up any lock */
            CHECK(toc_queue_ack(q, &t) == -ESTALE);
            CHECK(received(q, &u) == 2);
            if (name)
                toc_queue_free(again);
            CHECK(toc_queue_ack(q, &u) == 0);
            _exit(0);
        }
        waitpid(pid, &status, 0);
        IS(status, 0);
        look_now(q);
        CHECK(empty(q)); /* its end gave nothing of ours back */
        IS(toc_queue_ack(q, &t), 0);
        IS(state(q).unfinished, 0);
        removed(q);
    }
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(held_and_settled);
    RUN(what_comes_back_goes_to_the_end);
    RUN(delays);
    RUN(too_many_deliveries);
    RUN(a_child_is_somebody_else);
    return unit_end();
}
