/* unit_queue.h: what the unit tests of the queue share. Items are numbers, and their bytes follow from the number, so that
 * whoever takes one sees whether it is whole. */
#ifndef UNIT_QUEUE_H
#define UNIT_QUEUE_H

#include "unit.h"

#include "objects/queue.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define ROOM (80u << 10)

static unsigned char buffer[ROOM];

static const char *const KINDS[] = {"x", NULL}; /* named, anonymous */
#define EACH(name) \
    for (int i_ = 0; i_ < 2; i_++) \
        for (const char *name = KINDS[i_], *once_ = ""; once_; once_ = NULL)

static inline void fill(unsigned char *to, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)(number >> i % 8 * 8 ^ i / 8);
}

static inline toc_queue *opened_with(const char *name, int64_t maxsize, int64_t max_bytes)
{
    toc_queue *q;
    toc_queue_options options = TOC_QUEUE_DEFAULTS;
    options.maxsize = maxsize;
    options.max_bytes = max_bytes;
    options.common.at = name ? place : NULL;
    IS(toc_queue_open(&q, name, &options), 0);
    return q;
}

static inline toc_queue *opened(const char *name) { return opened_with(name, -1, -1); }

static inline int put_sized(toc_queue *q, uint64_t number, size_t size)
{
    static __thread unsigned char bytes[ROOM];
    fill(bytes, number, size);
    return toc_queue_put(q, bytes, size, 0);
}

static inline int put(toc_queue *q, uint64_t number) { return put_sized(q, number, 8); }

/* Its number; what was taken must be whole. */
static inline uint64_t number_in(const unsigned char *bytes, size_t size)
{
    uint64_t number = 0;
    unsigned char wanted[64];
    memcpy(&number, bytes, size < 8 ? size : 8);
    for (size_t at = 0; at < size; at += 8) { /* byte i is byte i % 8 of the number, xor i / 8 */
        size_t n = size - at < 8 ? size - at : 8;
        for (size_t i = 0; i < n; i++)
            wanted[i] = (unsigned char)(number >> i * 8 ^ at / 8);
        CHECK(memcmp(bytes + at, wanted, n) == 0);
    }
    return number;
}

static inline uint64_t got(toc_queue *q)
{
    toc_taken t;
    IS(toc_queue_get(q, buffer, sizeof buffer, &t, 0), 0);
    IS(t.held, 0);
    return number_in(buffer, t.length);
}

static inline uint64_t received(toc_queue *q, toc_taken *t)
{
    IS(toc_queue_receive(q, buffer, sizeof buffer, t, 0), 0);
    IS(t->held, 1);
    return number_in(buffer, t->length);
}

static inline int empty(toc_queue *q)
{
    toc_taken t;
    return toc_queue_get(q, buffer, sizeof buffer, &t, 0) == -EAGAIN;
}

static inline toc_queue_stat state(toc_queue *q)
{
    toc_queue_stat s;
    IS(toc_queue_state(q, &s), 0);
    return s;
}

/* The next look for the dead is now, and not within a second. */
static inline void look_now(toc_queue *q) { atom_store_rel(&queue_file(q)->looked_ns, 0); }

static inline void removed(toc_queue *q)
{
    if (toc_handle_path(H(q)))
        IS(toc_handle_unlink(H(q)), 0);
    toc_queue_free(q);
}

static inline int files(void) /* of segments */
{
    DIR *d = opendir(place);
    int n = 0;
    CHECK(d);
    for (struct dirent *f; (f = readdir(d));)
        n += !strncmp(f->d_name, ".x.", 3) && !strstr(f->d_name, ".bell");
    closedir(d);
    return n;
}

#endif
