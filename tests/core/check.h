/* check.h: an assertion that also counts, and stays in release builds. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

static int checks_made;

#define CHECK(condition) \
    do { \
        __atomic_fetch_add(&checks_made, 1, __ATOMIC_RELAXED); /* threads check, too */ \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

/* The same for calls, whose answer helps. */
#define IS(call, wanted) \
    do { \
        long long got_ = (long long)(call), wanted_ = (long long)(wanted); \
        __atomic_fetch_add(&checks_made, 1, __ATOMIC_RELAXED); /* threads check, too */ \
        if (got_ != wanted_) { \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #call, got_, wanted_); \
            exit(1); \
        } \
    } while (0)

#define RUN(test) (test(), fprintf(stderr, "ok %s\n", #test))

#endif
