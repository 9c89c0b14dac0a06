/* unit_topic.h: what the unit tests of the topic share. What is emitted is a number, and its bytes follow from it. */
#ifndef UNIT_TOPIC_H
#define UNIT_TOPIC_H

#include "unit.h"

#include "objects/topic.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define ROOM (80u << 10)
#define LEAST TOC_TOPIC_BYTES_MIN /* eight segments of a page: whatever can happen to a log happens soon */

static unsigned char buffer[ROOM];
static uint64_t missed;

static const char *const KINDS[] = {"x", NULL}; /* named, anonymous */
#define EACH(name) \
    for (int i_ = 0; i_ < 2; i_++) \
        for (const char *name = KINDS[i_], *once_ = ""; once_; once_ = NULL)

static inline void fill(unsigned char *to, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)(number >> i % 8 * 8 ^ i / 8);
}

/* Its number; what was heard must be whole. */
static inline uint64_t number_in(const unsigned char *bytes, size_t size)
{
    uint64_t number = 0;
    unsigned char wanted[8];
    memcpy(&number, bytes, size < 8 ? size : 8);
    for (size_t at = 0; at < size; at += 8) { /* byte i is byte i % 8 of the number, xor i / 8 */
        size_t n = size - at < 8 ? size - at : 8;
        for (size_t i = 0; i < n; i++)
            wanted[i] = (unsigned char)(number >> i * 8 ^ at / 8);
        CHECK(memcmp(bytes + at, wanted, n) == 0);
    }
    return number;
}

static inline toc_topic *opened_with(const char *name, int64_t max_bytes)
{
    toc_topic *t;
    toc_topic_options options = TOC_TOPIC_DEFAULTS;
    options.max_bytes = max_bytes;
    options.common.at = name ? place : NULL;
    IS(toc_topic_open(&t, name, &options), 0);
    return t;
}

static inline toc_topic *opened(const char *name) { return opened_with(name, -1); }

/* Another handle of the same topic, as another process has one. */
static inline toc_topic *another(toc_topic *t)
{
    toc_topic *other;
    int memory, pipe;
    if (toc_handle_path(H(t)))
        return opened("x");
    IS(toc_descriptors(H(t), &memory, &pipe), 0);
    IS(toc_topic_attach(&other, dup(memory), dup(pipe)), 0);
    return other;
}

static inline toc_topic *listener(toc_topic *t, uint64_t replay)
{
    toc_topic *l = another(t);
    IS(toc_topic_listen(l, replay), 0);
    return l;
}

static inline uint64_t emit_sized(toc_topic *t, uint64_t number, size_t size)
{
    static __thread unsigned char bytes[ROOM];
    uint64_t sequence = 0;
    fill(bytes, number, size);
    int rc = toc_topic_emit_quick(t, bytes, size, &sequence);
    if (rc == 0)
        rc = toc_topic_emit(t, bytes, size, 0, &sequence) == 0;
    IS(rc, 1);
    return sequence;
}

static inline uint64_t emit(toc_topic *t, uint64_t number) { return emit_sized(t, number, 8); }

/* 1, 0: nothing, or a reason. */
static inline int64_t read_one_into(toc_topic *t, toc_heard *h) { return toc_topic_read(t, buffer, sizeof buffer, h, 1, &missed, 0); }

static inline uint64_t heard(toc_topic *t)
{
    toc_heard h;
    IS(read_one_into(t, &h), 1);
    return number_in(buffer, h.length);
}

static inline int silent(toc_topic *t)
{
    toc_heard h;
    return read_one_into(t, &h) == 0;
}

/* Too slow: how many are lost. */
static inline uint64_t lagged(toc_topic *t)
{
    toc_heard h;
    IS(read_one_into(t, &h), -EOVERFLOW);
    return missed;
}

static inline toc_topic_stat state(toc_topic *t)
{
    toc_topic_stat s;
    IS(toc_topic_state(t, &s), 0);
    return s;
}

static inline void removed(toc_topic *t)
{
    if (toc_handle_path(H(t)))
        IS(toc_handle_unlink(H(t)), 0);
    toc_topic_free(t);
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
