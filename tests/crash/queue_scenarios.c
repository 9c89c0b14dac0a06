/* queue_scenarios.c: each operation of the queue, in each situation that changes its path. */
#include "queue_bench.h"

#include <string.h>

static unsigned char bytes[3 * BIG];

/* -- what happens */

static void put_next(struct world *w, toc_queue *q, size_t size)
{
    uint32_t n = w->items + 1;
    memcpy(bytes, &n, sizeof n);
    if ((w->page->rc = toc_queue_put(q, bytes, size, 0)) == 0)
        w->page->puts = n;
}

static void op_put(struct world *w, toc_queue *q) { put_next(w, q, 40); }
static void op_put_big(struct world *w, toc_queue *q) { put_next(w, q, BIG); }

static void op_put_quick(struct world *w, toc_queue *q)
{
    uint32_t n = w->items + 1;
    memcpy(bytes, &n, sizeof n);
    if ((w->page->rc = toc_queue_put_quick(q, bytes, 40)) == 1)
        w->page->puts = n;
}

static void op_put_many(struct world *w, toc_queue *q)
{
    static unsigned char more[3][BIG];
    toc_item items[3];
    size_t done;
    for (uint32_t i = 0, n = w->items + 1; i < 3; i++, n++) {
        memcpy(more[i], &n, sizeof n);
        items[i] = (toc_item){more[i], i == 1 ? BIG : 40}; /* in the middle, a switch of segments */
    }
    w->page->rc = toc_queue_put_many(q, items, 3, &done, 0);
    if (done == 3)
        w->page->puts = w->items + 3;
}

static void took(struct world *w)
{
    if (w->page->rc >= 0)
        memcpy(&w->page->took, bytes, sizeof w->page->took);
}

static void op_get(struct world *w, toc_queue *q)
{
    toc_taken t;
    w->page->rc = toc_queue_get(q, bytes, sizeof bytes, &t, 0);
    took(w);
}

static void op_wait(struct world *w, toc_queue *q)
{
    toc_taken t;
    w->page->rc = toc_queue_get(q, bytes, sizeof bytes, &t, TOC_FOREVER);
}

static void op_wait_for_room(struct world *w, toc_queue *q)
{
    uint32_t n = w->items + 1;
    memcpy(bytes, &n, sizeof n);
    w->page->rc = toc_queue_put(q, bytes, 40, TOC_FOREVER);
}

static void op_get_quick(struct world *w, toc_queue *q)
{
    toc_taken t;
    w->page->rc = toc_queue_get_quick(q, bytes, sizeof bytes, &t);
    took(w);
}

static void op_get_many(struct world *w, toc_queue *q)
{
    toc_taken t[3];
    w->page->rc = (int)toc_queue_get_many(q, bytes, sizeof bytes, t, 3, 0);
    took(w);
}

static void op_receive(struct world *w, toc_queue *q)
{
    toc_taken t;
    w->page->rc = toc_queue_receive(q, bytes, sizeof bytes, &t, 0);
    took(w);
}

static void op_ack(struct world *w, toc_queue *q)
{
    if ((w->page->rc = toc_queue_ack(q, &w->hand[0])) == 0)
        w->page->settled = (uint32_t)w->hand[0].sequence;
}

static void op_nack_for(struct world *w, toc_queue *q, int64_t delay)
{
    if ((w->page->rc = toc_queue_nack(q, &w->hand[0], delay)) == 0)
        w->page->settled = (uint32_t)w->hand[0].sequence;
}

static void op_nack(struct world *w, toc_queue *q) { op_nack_for(w, q, 0); }
static void op_nack_later(struct world *w, toc_queue *q) { op_nack_for(w, q, HOUR_NS); }
static void op_task_done(struct world *w, toc_queue *q) { w->page->rc = toc_queue_task_done(q); }
static void op_purge(struct world *w, toc_queue *q) { w->page->rc = (int)toc_queue_purge(q); }
static void op_shutdown(struct world *w, toc_queue *q) { w->page->rc = toc_queue_shutdown(q, 0); }
static void op_shutdown_now(struct world *w, toc_queue *q) { w->page->rc = toc_queue_shutdown(q, 1); }
static void op_unlink(struct world *w, toc_queue *q) { w->page->rc = toc_handle_unlink((toc_handle *)q); }

static void op_open(struct world *w, toc_queue *q)
{
    (void)q;
    world_open(w);
}

static void op_bury(struct world *w, toc_queue *q)
{
    atom_store_rel(&queue_file(q)->looked_ns, 0);
    if ((w->page->rc = toc_queue_ready(q)) == 0)
        w->page->rc = toc_queue_bury(q);
}

static void op_peek(struct world *w, toc_queue *q)
{
    toc_taken t;
    w->page->rc = toc_queue_peek(q, bytes, sizeof bytes, &t);
}

/* -- where it happens */

static void nothing(struct world *w) { (void)w; }
static void three(struct world *w) { world_put(w, 3, 40); }
static void one_big(struct world *w) { world_put(w, 1, BIG); }
static void two_big(struct world *w) { world_put(w, 2, BIG); } /* the next does not fit */

static void emptied(struct world *w)
{
    world_put(w, 2, BIG);
    world_take(w, 2);
}

static void end_of_segment(struct world *w) /* the next get is the first from the second segment */
{
    world_put(w, 4, BIG);
    world_take(w, 2);
}

static void used_before(struct world *w) /* a spare is there, and the tail is at a segment's end */
{
    for (int i = 0; i < 5; i++) {
        world_put(w, 2, BIG);
        world_take(w, 2);
    }
    world_put(w, 1, 40);
}

static void spares_that_are_smaller(struct world *w) /* all four, and the next get empties a larger one than the first of them */
{
    world_put(w, 32, 3 * BIG); /* 1, 2, 4, 8 and 16 of them in a segment, and one beyond */
    world_take(w, 31);
    const struct toc_table *t = &w->file->half[world_state(w).half & 1];
    if (t->spares != TOC_SPARES || t->count != 2 || t->spare[0].pages >= t->segment[0].pages)
        die("the spares are not as this scenario wants them");
}

static void held_by_another(struct world *w)
{
    world_put(w, 4, 40);
    world_hold(w, 1, 0);
}

static void held_alone(struct world *w)
{
    world_put(w, 1, 40);
    world_hold(w, 1, 0);
}

static void held_by_the_dead(struct world *w)
{
    world_put(w, 5, 40);
    world_hold(w, 1, 0);
    world_hold(w, 2, 1);
    world_put(w, 1, 40);
}

static void taken_by_the_dead(struct world *w)
{
    world_put(w, 3, 40);
    world_lose(w, 2);
}

static void one_came_back(struct world *w)
{
    world_put(w, 1, 40);
    world_back(w, 1, 0);
}

static void came_back_among_others(struct world *w)
{
    world_put(w, 4, 40);
    world_hold(w, 1, 0);
    world_back(w, 2, 0);
    world_take(w, 1);
}

static void all_kinds(struct world *w)
{
    world_put(w, 7, 40);
    world_hold(w, 1, 0);
    world_back(w, 1, HOUR_NS);
    world_hold(w, 1, 1);
    world_put(w, 1, BIG);
    world_put(w, 1, BIG);
}

static void middle_done(struct world *w) /* the first is held, and a whole segment behind it is done */
{
    world_put(w, 1, 40);
    world_hold(w, 1, 0);
    world_put(w, 9, BIG);
    world_take(w, 4);
}

#define FULL_OF_3 .maxsize = 3
const struct queue_scenario QUEUE_SCENARIOS[] = {
    {"open: makes it", NULL, op_open, NOTHING_TO_ITEMS, .opens = 1},
    {"open: there already", three, op_open, NOTHING_TO_ITEMS, .opens = 1},
    {"put: makes the first segment", nothing, op_put, PUTS},
    {"put: nobody waits", three, op_put, PUTS},
    {"put: the first change that this process makes", three, op_put, PUTS, .joins = 1},
    {"put: quick", three, op_put_quick, PUTS},
    {"put: a consumer sleeps", nothing, op_put, PUTS, GETTER},
    {"put: a listener", nothing, op_put, PUTS, EAR},
    {"put: a consumer and a listener", nothing, op_put, PUTS, GETTER | EAR},
    {"put: switches segments", two_big, op_put_big, PUTS},
    {"put: takes a spare", used_before, op_put_big, PUTS},
    {"put: anonymous, a consumer and a listener", nothing, op_put, PUTS, GETTER | EAR, .anonymous = 1},
    {"put: anonymous, switches segments", two_big, op_put_big, PUTS, .anonymous = 1},
    {"put: the lock was left by the dead", three, op_put, PUTS, .dead_lock = 1},
    {"put: the lock was left by the dead, a consumer sleeps", nothing, op_put, PUTS, GETTER, .dead_lock = 1},
    {"put_many: over a switch of segments, a consumer sleeps", emptied, op_put_many, PUTS, GETTER},
    {"put: falls asleep", three, op_wait_for_room, PUTS, PUTTER, FULL_OF_3, .sleeps = 1},
    {"put: durable", three, op_put, PUTS, .durable = 1},
    {"put: durable, switches segments", two_big, op_put_big, PUTS, .durable = 1},
    {"get: alone", three, op_get, GETS},
    {"get: quick", three, op_get_quick, GETS},
    {"get: the last", one_big, op_get, GETS},
    {"get: something is held", held_by_another, op_get, GETS},
    {"get: releases a segment", end_of_segment, op_get, GETS},
    {"get: releases one in the middle", middle_done, op_get, GETS},
    {"get: releases a segment, which becomes a spare in a smaller one's place", spares_that_are_smaller, op_get, GETS},
    {"get: makes room for a producer", three, op_get, GETS, PUTTER, FULL_OF_3},
    {"get: what came back", one_came_back, op_get, GETS},
    {"get: what came back, among others", came_back_among_others, op_get, GETS},
    {"get: anonymous, releases a segment", end_of_segment, op_get, GETS, .anonymous = 1},
    {"get: the lock was left by the dead", three, op_get, GETS, .dead_lock = 1},
    {"get: what the dead held", held_by_the_dead, op_get, GETS},
    {"get: falls asleep", nothing, op_wait, GETS, .sleeps = 1},
    {"get: falls asleep beside others", held_alone, op_wait, GETS, GETTER | EAR, .sleeps = 1},
    {"get_many", three, op_get_many, GETS},
    {"receive: alone", three, op_receive, RECEIVES},
    {"receive: something is held", held_by_another, op_receive, RECEIVES},
    {"receive: what came back", came_back_among_others, op_receive, RECEIVES},
    {"receive: makes room for a producer", three, op_receive, RECEIVES, PUTTER, FULL_OF_3},
    {"receive: anonymous", three, op_receive, RECEIVES, .anonymous = 1},
    {"ack", three, op_ack, ACKS, .in_hand = 1},
    {"ack: the last of the work", one_big, op_ack, ACKS, JOINER, .in_hand = 1},
    {"ack: beside another holder", held_by_another, op_ack, ACKS, .in_hand = 2},
    {"nack", three, op_nack, NACKS, .in_hand = 1},
    {"nack: a consumer and a listener", one_big, op_nack, NACKS, GETTER | EAR, .in_hand = 1},
    {"nack: for later", three, op_nack_later, NACKS, .in_hand = 2},
    {"task_done: the last of the work", one_big, op_task_done, NOTHING_TO_ITEMS, JOINER, .in_hand = 1, .gets_them = 1},
    {"purge", three, op_purge, PURGES},
    {"purge: of all kinds", all_kinds, op_purge, PURGES},
    {"purge: makes room for a producer", three, op_purge, PURGES, PUTTER, FULL_OF_3},
    {"shutdown: a consumer sleeps", nothing, op_shutdown, NOTHING_TO_ITEMS, GETTER},
    {"shutdown: a listener and a producer", three, op_shutdown, NOTHING_TO_ITEMS, PUTTER, FULL_OF_3},
    {"shutdown: immediately", all_kinds, op_shutdown_now, PURGES},
    {"bury: what the dead held", held_by_the_dead, op_bury, NOTHING_TO_ITEMS},
    {"bury: of all kinds", all_kinds, op_bury, NOTHING_TO_ITEMS},
    {"bury: what the dead had taken, and who joins", taken_by_the_dead, op_bury, NOTHING_TO_ITEMS, JOINER},
    {"bury: the lock was left by the dead", held_by_the_dead, op_bury, NOTHING_TO_ITEMS, .dead_lock = 1},
    {"peek: of all kinds", all_kinds, op_peek, NOTHING_TO_ITEMS},
    {"unlink: segments", two_big, op_unlink, UNLINKS},
    {"put: switches segments, and somebody removes the queue", two_big, op_put_big, UNLINKS, .meets = 1},
    {"put: makes the first segment, and somebody removes the queue", nothing, op_put, UNLINKS, .meets = 1},
    {"get: releases a segment, and somebody removes the queue", end_of_segment, op_get, UNLINKS, .meets = 1},
    {"unlink: a consumer and a listener", nothing, op_unlink, UNLINKS, GETTER | EAR},
};
const int N_QUEUE_SCENARIOS = sizeof QUEUE_SCENARIOS / sizeof *QUEUE_SCENARIOS;
