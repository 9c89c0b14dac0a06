/* bench_inside.h: what the files of the bench have from each other, and its programs need not. */
#ifndef BENCH_INSIDE_H
#define BENCH_INSIDE_H

#include "bench.h"

static inline uint64_t load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

void add_waiter(struct ctx *c, unsigned kind, int comes_later);
/* Comes back when it is asleep, or back already. */
void await_asleep(struct ctx *c, const struct waiter *w);

#endif
