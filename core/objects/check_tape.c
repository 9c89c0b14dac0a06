/* check_tape.c: the records of a log, read from its segments' files, one segment in memory at a time. */
#include "check.h"

#include "../parts/change.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int toc_tape_begin(struct toc_tape *t, struct toc_image *m, uint64_t table_at_0, uint64_t table_at_1)
{
    *t = (struct toc_tape){.m = m, .table_at = {table_at_0, table_at_1}, .table = malloc(sizeof *t->table)};
    return t->table ? 0 : -ENOMEM;
}

void toc_tape_end(struct toc_tape *t)
{
    free(t->table);
    free(t->bytes);
}

int toc_tape_table(struct toc_tape *t, uint32_t half)
{
    uint64_t at = t->table_at[half & 1];
    int rc = toc_image_read(t->m, at, t->table, offsetof(struct toc_table, segment));
    if (rc == 0) /* most of it was never used, and is not even allocated */
        rc = toc_image_read(t->m, at + offsetof(struct toc_table, segment), t->table->segment,
                            log_count(t->table) * sizeof(struct toc_segment));
    t->base = t->end = 0;
    return rc;
}

/* The half that is current is never written to, so it is whole if it still is the current one, under the same number of changes,
 * after it was read. */
int toc_tape_snapshot(struct toc_tape *t, const struct toc_states *where, void *state, uint64_t *word)
{
    const uint64_t word_at = offsetof(struct toc_head, word);
    uint64_t after, change;
    uint32_t half, again;
    int rc = 0;
    for (int i = 0; rc == 0 && i < TOC_CHECK_TRIES; i++) {
        rc = toc_image_word(t->m, word_at, word);
        if (rc == 0)
            rc = toc_image_read(t->m, where->at + (change_count(*word) & 1) * where->size, state, where->size);
        if (rc == 0)
            rc = toc_image_word(t->m, word_at, &after);
        if (rc < 0 || change_count(after) != change_count(*word))
            continue;
        memcpy(&half, (const char *)state + where->half, sizeof half);
        rc = toc_tape_table(t, half);
        if (rc == 0)
            rc = toc_image_word(t->m, word_at, &after);
        if (rc == 0)
            rc = toc_image_read(t->m, where->at + (change_count(after) & 1) * where->size + where->half, &again, sizeof again);
        if (rc == 0)
            rc = toc_image_word(t->m, t->table_at[half & 1], &change);
        if (rc == 0 && again == half && change == t->table->change)
            return 0;
    }
    return rc < 0 ? rc : -EBUSY;
}

/* The first segment that ends behind `position`; NULL: none. */
static const struct toc_segment *segment_at(const struct toc_tape *t, uint64_t position)
{
    for (uint32_t i = 0; i < log_count(t->table); i++)
        if (toc_segment_end(&t->table->segment[i]) > position)
            return &t->table->segment[i];
    return NULL;
}

static int load(struct toc_tape *t, const struct toc_segment *s)
{
    char path[TOC_BELL_PATH_MAX + 16];
    uint64_t size = (uint64_t)s->pages * TOC_PAGE;
    struct sys_file file;
    if (size > t->room) {
        free(t->bytes);
        t->bytes = malloc(size);
        t->room = t->bytes ? size : 0;
    }
    t->base = t->end = 0;
    if (!t->bytes)
        return -ENOMEM;
    snprintf(path, sizeof path, "%s%u", t->m->prefix, s->file);
    int fd = sys_open(path, false);
    if (fd < 0)
        return fd == -ENOENT || fd == -ELOOP || fd == -ENXIO ? -EUCLEAN : fd;
    int rc = sys_fstat(fd, &file);
    int64_t had = rc < 0 || !file.regular ? -1 : sys_read_at(fd, 0, t->bytes, size);
    sys_close(fd);
    if (rc < 0)
        return rc;
    if (had < 0)
        return -EUCLEAN;
    memset(t->bytes + had, 0, size - (uint64_t)had); /* of one that was cut, what is left is judged; zeros are no record */
    t->base = s->base;
    t->end = toc_segment_end(s);
    return 0;
}

int toc_tape_record(struct toc_tape *t, uint64_t *at, uint64_t end, struct toc_record **out)
{
    while (*at < end) {
        if (*at < t->base || *at >= t->end) {
            const struct toc_segment *s = segment_at(t, *at);
            if (!s || s->base >= end)
                return 0;
            if (s->base > *at) /* one in the middle was let go: nothing lives in it */
                *at = s->base;
            int rc = load(t, s);
            if (rc < 0)
                return rc;
        }
        uint64_t left = t->end - *at;
        struct toc_record *r = (struct toc_record *)(void *)(t->bytes + (*at - t->base));
        if (left < sizeof *r || r->length == TOC_PAD) {
            *at = t->end;
            continue;
        }
        if (*at % 8 || toc_record_size(r->length) > left || r->check != toc_record_check(r, *at))
            return -EUCLEAN;
        *out = r;
        return 1;
    }
    return 0;
}

uint64_t toc_tape_next_whole(struct toc_tape *t, uint64_t at, uint64_t end, uint64_t least, uint64_t most)
{
    for (at = (at + 8) & ~7ull; at < end;) {
        if (at < t->base || at >= t->end) {
            const struct toc_segment *s = segment_at(t, at);
            if (!s || s->base >= end)
                return end;
            if (s->base > at)
                at = s->base;
            if (load(t, s) < 0) { /* missing: the next one, perhaps */
                at = toc_segment_end(s);
                continue;
            }
        }
        uint64_t left = t->end - at;
        const struct toc_record *r = (const struct toc_record *)(const void *)(t->bytes + (at - t->base));
        /* The cheap questions first: most of what is looked at is the inside of an item. */
        bool may_be = left >= sizeof *r && r->sequence >= least && r->sequence <= most && toc_record_size(r->length) <= left;
        if (may_be && r->check == toc_record_check(r, at))
            return at;
        if (may_be && (t->hashed += r->length) > TOC_CHECK_HASH)
            return end;
        at += 8;
    }
    return end;
}

bool toc_tape_names(const struct toc_tape *t, const char *rest)
{
    uint64_t number = 0;
    size_t n = 0;
    for (; rest[n] >= '0' && rest[n] <= '9' && n < 10; n++)
        number = number * 10 + (uint64_t)(rest[n] - '0');
    if (rest[n] || n == 0 || (n > 1 && rest[0] == '0'))
        return true; /* the bell; or nothing of ours */
    if (number >= t->table->next_file)
        return true; /* somebody may just be making it */
    for (uint32_t i = 0; i < log_count(t->table); i++)
        if (t->table->segment[i].file == number)
            return true;
    for (uint32_t i = 0; i < t->table->spares && i < TOC_SPARES; i++)
        if (t->table->spare[i].file == number)
            return true;
    for (uint32_t i = 0; i < t->table->drops && i < TOC_DROPS; i++) /* deleted by the next who changes the table */
        if (t->table->drop[i].file == number)
            return true;
    return false;
}
