/* floor.h: what the C floors share: an error ends them, and they may stay on one processor. */
#ifndef FLOOR_H
#define FLOOR_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "tocsin.h"

static inline void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "floor: %s: %s\n", what, toc_strerror(rc));
    exit(1);
}

static inline void pin(long cpu)
{
    if (cpu < 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        perror("floor: sched_setaffinity");
        exit(1);
    }
}

#endif
