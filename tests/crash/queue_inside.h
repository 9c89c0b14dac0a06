/* queue_inside.h: what the judges of a queue share. */
#ifndef QUEUE_INSIDE_H
#define QUEUE_INSIDE_H

#include "queue_bench.h"

#include <stdio.h>

#define FAULT(...) (snprintf(w->page->fault, sizeof w->page->fault, __VA_ARGS__), w->page->fault)

void world_look_now(struct world *w); /* who looks next, looks for the dead */
uint64_t world_count(const struct world *w, enum fate fate);
/* -- those who wait: how many of these kinds; the first of them to come back; what it came back with */
int world_waiting(const struct world *w, unsigned kinds);
struct queue_waiter *world_next_back(struct world *w, unsigned kinds);
const char *world_reap(struct world *w, struct queue_waiter *one, int shut);
const char *world_release(struct world *w);

#endif
