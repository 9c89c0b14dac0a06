/* demo.h: what the parts of tocsin-demo-hash share. */
#ifndef TOCSIN_DEMO_H
#define TOCSIN_DEMO_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* SHA-256 (FIPS 180-4): begin, add any number of pieces, end. */
struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
};
void sha256_begin(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t size);
void sha256_end(struct sha256 *h, char hex[65]);

/* Run argv and print "LABEL BEGAN ENDED CPU"; its exit code. */
int demo_clock(const char *label, char **argv);

static inline int64_t demo_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
