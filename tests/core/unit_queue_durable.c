/* unit_queue_durable.c: what put returned for is on the disk before it returned; and what is made of what a power cut leaves.
 * The cut itself is played: another boot's number, and bytes of the tail that never reached the disk. Argument: a directory
 * of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

static int synced, fails; /* the C library's own is not reached: this one stands before it */

int fdatasync(int fd) /* as unistd.h declares it */
{
    __atomic_fetch_add(&synced, 1, __ATOMIC_RELAXED);
    if (fails) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static toc_queue *opened_durable(void)
{
    toc_queue *q;
    toc_queue_options options = TOC_QUEUE_DEFAULTS;
    options.durable = 1;
    options.common.at = place;
    IS(toc_queue_open(&q, "x", &options), 0);
    return q;
}

static void the_lights_went_out(toc_queue *q)
{
    queue_file(q)->boot = 77;
    toc_queue_free(q);
}

static void is_sound(toc_queue *q)
{
    const char *fault;
    IS(toc_queue_check(q, &fault), 0);
    CHECK(fault == NULL);
}

static void each_put_is_synced(void)
{
    toc_queue *q = opened_durable();
    int before = synced;
    IS(put(q, 1), 0);
    CHECK(synced >= before + 2); /* the segment, and the control file, which names it */
    before = synced;
    IS(put(q, 2), 0);
    IS(synced, before + 1);
    fails = 1;
    IS(put(q, 3), -EIO); /* it is in, but nobody promises that it survives */
    fails = 0;
    IS(put(q, 4), 0);
    for (uint64_t i = 1; i <= 4; i++)
        IS(got(q), i);
    IS(toc_handle_unlink(H(q)), 0);
    toc_queue_free(q);
}

static void *putter(void *argument)
{
    for (uint64_t i = 0; i < 100; i++)
        IS(put(argument, i), 0);
    return NULL;
}

static void many_share_one_sync(void)
{
    toc_queue *q = opened_durable();
    pthread_t threads[8];
    int before = synced;
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, putter, q) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    CHECK(synced - before <= 800 + 20); /* never more than one each; how many share is the scheduler's affair */
    IS(state(q).ready, 800);
    IS(toc_handle_unlink(H(q)), 0);
    toc_queue_free(q);
}

static void what_was_there_is_there(void)
{
    toc_queue *q = opened_durable();
    toc_taken held;
    for (uint64_t i = 1; i <= 300; i++)
        IS(put_sized(q, i, 200), 0); /* over several segments */
    for (uint64_t i = 1; i <= 100; i++)
        IS(got(q), i);
    IS(toc_queue_receive(q, buffer, sizeof buffer, &held, 0), 0);
    the_lights_went_out(q);

    q = opened_durable();
    is_sound(q);
    IS(state(q).held, 0);
    CHECK(state(q).ready >= 200); /* what was taken shortly before may come again */
    uint64_t seen[301] = {0};
    while (toc_queue_receive(q, buffer, sizeof buffer, &held, 0) == 0) {
        seen[number_in(buffer, held.length)]++;
        IS(toc_queue_ack(q, &held), 0);
    }
    for (uint64_t i = 101; i <= 300; i++)
        IS(seen[i], 1);
    IS(put(q, 7), 0);
    IS(got(q), 7);
    IS(toc_handle_unlink(H(q)), 0);
    toc_queue_free(q);
}

/* The last records were written in memory and not on the disk; the state was. */
static void a_tail_that_never_arrived(void)
{
    toc_queue *q = opened_durable();
    for (uint64_t i = 1; i <= 20; i++)
        IS(put_sized(q, i, 100), 0);
    uint64_t size = toc_record_size(100), tail = queue_file(q)->state[change_count(queue_file(q)->head.word) & 1].tail;
    unsigned char *segment = q->log.near[TOC_NEAR_TAIL].at;
    memset(segment + (tail - q->log.near[TOC_NEAR_TAIL].base) - 3 * size + 30, 0, 3 * size - 30);
    the_lights_went_out(q);

    q = opened_durable();
    is_sound(q);
    IS(state(q).ready, 17);
    for (uint64_t i = 1; i <= 17; i++)
        IS(got(q), i);
    IS(put(q, 99), 0);
    IS(got(q), 99);
    IS(toc_handle_unlink(H(q)), 0);
    toc_queue_free(q);
}

/* A segment was deleted, and the control file on the disk is from before that. */
static void a_segment_that_is_gone(void)
{
    toc_queue *q = opened_durable();
    char path[2000];
    for (uint64_t i = 1; i <= 300; i++)
        IS(put_sized(q, i, 200), 0);
    IS(toc_log_file(&q->log, q->log.half[q->s.half & 1]->segment[0].file, path), 0);
    the_lights_went_out(q);
    CHECK(unlink(path) == 0);

    q = opened_durable();
    is_sound(q);
    toc_taken taken;
    uint64_t last = 0;
    while (toc_queue_get(q, buffer, sizeof buffer, &taken, 0) == 0) {
        uint64_t number = number_in(buffer, taken.length);
        CHECK(number > last);
        last = number;
    }
    IS(last, 300);
    IS(toc_handle_unlink(H(q)), 0);
    toc_queue_free(q);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(each_put_is_synced);
    RUN(many_share_one_sync);
    RUN(what_was_there_is_there);
    RUN(a_tail_that_never_arrived);
    RUN(a_segment_that_is_gone);
    return unit_end();
}
