/* log_check.c: a record's check: it tells what was written whole, here, from what was not. */
#include "log.h"

#include <string.h>

/* Odd constants: each step is a bijection of its lane, so one changed word always changes the lane. */
#define A 0x9e3779b97f4a7c15ull
#define B 0xc2b2ae3d27d4eb4full

static uint64_t word(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

static uint64_t mix(uint64_t lane, uint64_t w)
{
    lane = (lane ^ w) * A;
    return lane ^ lane >> 32;
}

static uint64_t step(uint64_t lane, uint64_t w)
{
    lane = (lane ^ w) * A;
    return lane << 31 | lane >> 33; /* brings the high bits down, in one instruction */
}

uint64_t toc_payload_hash(const void *payload, size_t n)
{
    const unsigned char *p = payload;
    uint64_t sum = mix(A, n);
    if (n >= 128) { /* eight lanes: a multiplication takes three cycles and more, but one can begin in each */
        uint64_t lane[8];
        for (int i = 0; i < 8; i++)
            lane[i] = sum + (uint64_t)i * B;
        for (; n >= 64; p += 64, n -= 64)
            for (int i = 0; i < 8; i++)
                lane[i] = step(lane[i], word(p + 8 * i));
        for (int i = 0; i < 8; i++)
            sum = mix(sum, lane[i]);
    }
    for (; n >= 8; p += 8, n -= 8)
        sum = mix(sum, word(p));
    uint64_t last = 0;
    memcpy(&last, p, n);
    return mix(sum, last);
}

uint32_t toc_record_seal(uint64_t hash, uint32_t length, uint64_t sequence, uint64_t position)
{
    uint64_t sum = mix(mix(position * B + length, sequence), hash);
    return (uint32_t)(sum ^ sum >> 29);
}

uint32_t toc_record_check(const struct toc_record *r, uint64_t position)
{
    return toc_record_seal(toc_payload_hash(r->payload, r->length), r->length, r->sequence, position);
}
