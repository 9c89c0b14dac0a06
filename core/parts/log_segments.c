/* log_segments.c: the table of segments, and this process's mappings of them. */
#include "log.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int toc_table_fault(const struct toc_table *t)
{
    uint32_t count = t->count;
    if (count > TOC_SEGMENTS_MAX || t->spares > TOC_SPARES || t->drops > TOC_DROPS)
        return -EUCLEAN;
    for (uint32_t i = 0; i < count; i++) {
        const struct toc_segment *s = &t->segment[i];
        if (s->pages == 0 || s->base % TOC_PAGE || s->pages > TOC_MESSAGE_MAX / TOC_PAGE + 1
            || (i > 0 && s->base < toc_segment_end(&t->segment[i - 1])))
            return -EUCLEAN;
    }
    return 0;
}

static uint32_t count_of(const struct toc_table *t) { return t->count > TOC_SEGMENTS_MAX ? TOC_SEGMENTS_MAX : t->count; }

const struct toc_segment *toc_log_segment(const struct toc_log *log, uint32_t half, uint64_t position)
{
    const struct toc_table *t = log->half[half & 1];
    uint32_t low = 0, high = count_of(t);
    while (low < high) { /* the first whose end is beyond the position */
        uint32_t middle = (low + high) / 2;
        if (toc_segment_end(&t->segment[middle]) > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low < count_of(t) ? &t->segment[low] : NULL;
}

int toc_log_file(const struct toc_log *log, uint32_t file, char path[TOC_PATH_MAX + 64])
{
    int n = snprintf(path, TOC_PATH_MAX + 64, "%s%u", log->prefix, file);
    return n < TOC_PATH_MAX + 64 ? 0 : -ENAMETOOLONG;
}

/* -- mappings */

static int remember(struct toc_log *log, const struct toc_segment *s, unsigned char *at)
{
    if (log->maps == log->maps_room) {
        uint32_t room = log->maps_room ? log->maps_room * 2 : 4;
        struct toc_mapping *more = realloc(log->map, room * sizeof *more);
        if (!more)
            return -ENOMEM;
        log->map = more;
        log->maps_room = room;
    }
    log->map[log->maps] = (struct toc_mapping){s->file, s->pages, at};
    log->maps++; /* last: a fork by another thread copies whole entries only */
    return 0;
}

static unsigned char *map(struct toc_log *log, const struct toc_segment *s, bool make, int *rc)
{
    size_t size = (size_t)s->pages * TOC_PAGE;
    for (uint32_t i = 0; i < log->maps && !make; i++)
        if (log->map[i].file == s->file && log->map[i].pages == s->pages)
            return log->map[i].at;

    char path[TOC_PATH_MAX + 64];
    uint64_t offset = log->path ? 0 : (uint64_t)s->file * TOC_PAGE;
    int fd = log->control;
    struct sys_file file;
    *rc = 0;
    if (log->path) {
        *rc = toc_log_file(log, s->file, path);
        fd = *rc < 0 ? *rc : sys_open_part(path, make, log->mode);
        if (fd < 0) {
            *rc = fd == -ENOENT ? -EUCLEAN : fd;
            return NULL;
        }
    }
    if (make)
        *rc = sys_allocate_range(fd, offset, size);
    if (*rc == 0)
        *rc = sys_fstat(fd, &file);
    if (*rc == 0 && (!file.regular || file.size < offset + size))
        *rc = -EUCLEAN; /* shorter than the table says: touching it would be SIGBUS */
    unsigned char *at = *rc < 0 ? NULL : sys_map_range(fd, offset, size, rc);
    if (log->path)
        sys_close(fd);
    if (make && *rc == -ENOSPC && log->path)
        sys_unlink(path); /* half a segment on a full file system helps nobody */
    if (at && (*rc = remember(log, s, at)) < 0) {
        sys_unmap(at, size);
        at = NULL;
    }
    return at;
}

static void forget(struct toc_log *log, uint32_t i)
{
    sys_unmap(log->map[i].at, (size_t)log->map[i].pages * TOC_PAGE);
    log->map[i] = log->map[--log->maps];
}

static bool is_listed(const struct toc_table *t, const struct toc_mapping *m)
{
    for (uint32_t i = 0; i < t->spares && i < TOC_SPARES; i++)
        if (t->spare[i].file == m->file && t->spare[i].pages == m->pages)
            return true;
    for (uint32_t i = 0; i < count_of(t); i++)
        if (t->segment[i].file == m->file && t->segment[i].pages == m->pages)
            return true;
    return false;
}

void toc_log_free(struct toc_log *log)
{
    while (log->maps)
        forget(log, log->maps - 1);
    free(log->map);
    log->map = NULL;
}

void toc_log_forget(struct toc_log *log, uint32_t forks)
{
    /* Whether each is still mapped is unknown, so they are left where they are. */
    log->map = NULL;
    log->maps = log->maps_room = 0;
    memset(log->near, 0, sizeof log->near);
    log->copy = -1;
    log->seen_change = log->deleted_change = UINT64_MAX;
    log->forks = forks;
}

/* -- the table */

/* Mappings of what is listed no more go, and with them every short cut: a spare may be in use under another base. */
static void look_at_table(struct toc_log *log, const struct toc_table *t)
{
    if (log->seen_change == t->change && log->copy < 0)
        return;
    memset(log->near, 0, sizeof log->near);
    for (uint32_t i = log->maps; i-- > 0;)
        if (!is_listed(t, &log->map[i]))
            forget(log, i);
    log->seen_change = t->change;
    log->copy = -1;
}

void toc_log_begin(struct toc_log *log, uint32_t half) { look_at_table(log, log->half[half & 1]); }

/* A part of a table that was never used may not be there yet. */
static int make_room(struct toc_log *log, uint32_t half, uint32_t count)
{
    uint64_t need = offsetof(struct toc_table, segment) + (uint64_t)count * sizeof(struct toc_segment);
    if (need <= TOC_PAGE)
        return 0;
    int fd = log->path ? sys_open(log->path, true) : log->control;
    if (fd < 0)
        return fd;
    struct sys_file file;
    int rc = sys_fstat(fd, &file);
    if (rc == 0 && file.size < log->table_offset[half] + TOC_TABLE_SIZE)
        rc = -EUCLEAN;
    if (rc == 0)
        rc = sys_allocate_range(fd, log->table_offset[half], (need + TOC_PAGE - 1) & ~(size_t)(TOC_PAGE - 1));
    if (log->path)
        sys_close(fd);
    return rc;
}

static void delete_file(const char *path, size_t size)
{
    int rc = sys_unlink(path);
    if (rc != -EPERM && rc != -EACCES)
        return;
    int fd = sys_open_part(path, false, 0); /* another user's, in a sticky directory: at least its memory */
    if (fd >= 0) {
        sys_punch(fd, 0, size);
        sys_close(fd);
    }
}

static void delete_dropped(struct toc_log *log, const struct toc_table *t)
{
    char path[TOC_PATH_MAX + 64];
    for (uint32_t i = 0; i < t->drops && i < TOC_DROPS; i++)
        if (!log->path)
            sys_punch(log->control, (uint64_t)t->drop[i].file * TOC_PAGE, (size_t)t->drop[i].pages * TOC_PAGE);
        else if (toc_log_file(log, t->drop[i].file, path) == 0)
            delete_file(path, (size_t)t->drop[i].pages * TOC_PAGE);
}

/* The half to change: a copy of the current one, with the drop list done. */
static struct toc_table *change(struct toc_log *log, uint32_t *half, uint32_t more, int *rc)
{
    const struct toc_table *now = log->half[*half & 1];
    if (log->copy == (int)(*half & 1))
        return log->half[*half & 1];
    *rc = toc_table_fault(now);
    if (*rc == 0 && now->count + more > TOC_SEGMENTS_MAX)
        *rc = -ENOSPC;
    if (*rc == 0)
        *rc = make_room(log, (*half & 1) ^ 1, now->count + more);
    if (*rc < 0)
        return NULL;
    if (log->deleted_change != now->change)
        delete_dropped(log, now); /* its dropper may have been killed before it did that */
    struct toc_table *t = log->half[(*half & 1) ^ 1];
    memcpy(t, now, offsetof(struct toc_table, segment) + now->count * sizeof(struct toc_segment));
    t->drops = 0;
    t->change++;
    *half = (*half & 1) ^ 1;
    log->copy = (int)*half;
    return t;
}

void toc_log_settle(struct toc_log *log, uint32_t half)
{
    const struct toc_table *t = log->half[half & 1];
    bool changed = log->copy == (int)(half & 1);
    if (changed && t->drops) {
        TOC_STEP("log.settle.before_delete");
        delete_dropped(log, t);
    }
    if (changed)
        log->deleted_change = t->change;
    look_at_table(log, t);
}

static void retire(const struct toc_log *log, struct toc_table *t, struct toc_segment s)
{
    if (!log->keep && t->spares < TOC_SPARES && s.pages <= TOC_SEGMENT_STEADY / TOC_PAGE && s.pages > TOC_SEGMENT_FIRST / TOC_PAGE)
        t->spare[t->spares++] = s;
    else
        t->drop[t->drops++] = s;
}

void toc_log_release(struct toc_log *log, uint32_t *half, uint64_t low)
{
    int rc = 0;
    const struct toc_table *now = log->half[*half & 1];
    if (now->count == 0 || toc_segment_end(&now->segment[0]) > low)
        return;
    struct toc_table *t = change(log, half, 0, &rc);
    if (!t)
        return; /* it stays for the next time */
    uint32_t gone = 0;
    while (gone < t->count && toc_segment_end(&t->segment[gone]) <= low && t->drops < TOC_DROPS)
        retire(log, t, t->segment[gone++]);
    memmove(t->segment, t->segment + gone, (t->count - gone) * sizeof(struct toc_segment));
    t->count -= gone;
}

void toc_log_release_one(struct toc_log *log, uint32_t *half, uint64_t base)
{
    int rc = 0;
    struct toc_table *t = change(log, half, 0, &rc);
    if (!t || t->drops >= TOC_DROPS)
        return;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->segment[i].base == base) {
            retire(log, t, t->segment[i]);
            memmove(t->segment + i, t->segment + i + 1, (t->count - i - 1) * sizeof(struct toc_segment));
            t->count--;
            memset(log->near, 0, sizeof log->near);
            return;
        }
}

int toc_log_mend(struct toc_log *log, uint32_t *half)
{
    int rc = 0;
    char path[TOC_PATH_MAX + 64];
    struct sys_file file;
    if (toc_table_fault(log->half[*half & 1]) < 0)
        *half = (*half & 1) ^ 1;
    struct toc_table *t = change(log, half, 0, &rc);
    if (!t)
        return rc;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        struct toc_segment s = t->segment[i];
        rc = log->path ? toc_log_file(log, s.file, path) : 0;
        if (rc == 0 && log->path)
            rc = sys_stat(path, &file);
        if (rc == 0 && (!log->path || file.size >= (uint64_t)s.pages * TOC_PAGE))
            t->segment[kept++] = s;
        else if (rc < 0 && rc != -ENOENT)
            return rc;
    }
    t->count = kept;
    t->spares = 0;
    return 0;
}

static uint32_t wanted_pages(const struct toc_table *t, uint64_t need, uint64_t live)
{
    uint64_t size = TOC_SEGMENT_FIRST;
    if (t->count) {
        size = (uint64_t)t->segment[t->count - 1].pages * TOC_PAGE * 2;
        if (size > TOC_SEGMENT_STEADY)
            size = TOC_SEGMENT_STEADY;
    } else if (t->spares) {
        size = (uint64_t)t->spare[0].pages * TOC_PAGE;
    }
    while (size < live / 16 && size < TOC_SEGMENT_LARGE)
        size *= 2;
    if (size < need)
        size = need;
    return (uint32_t)((size + TOC_PAGE - 1) / TOC_PAGE);
}

static unsigned char *append_segment(struct toc_log *log, uint32_t *half, uint64_t base, uint64_t need, uint64_t live, int *rc)
{
    struct toc_table *t = change(log, half, 1, rc);
    if (!t)
        return NULL;
    if (t->count == TOC_SEGMENTS_MAX) {
        *rc = -ENOSPC;
        return NULL;
    }
    struct toc_segment s = {base, t->next_file, wanted_pages(t, need, live)};
    uint32_t spare = 0;
    while (spare < t->spares && ((uint64_t)t->spare[spare].pages * TOC_PAGE < need || t->spare[spare].pages < s.pages / 2))
        spare++;
    bool make = spare == t->spares;
    if (!make)
        s = (struct toc_segment){base, t->spare[spare].file, t->spare[spare].pages};
    TOC_STEP("log.append.before_make");
    unsigned char *at = map(log, &s, make, rc);
    if (!at)
        return NULL;
    if (make)
        t->next_file += log->path ? 1 : s.pages;
    else
        t->spare[spare] = t->spare[--t->spares];
    t->segment[t->count++] = s;
    return at;
}

static unsigned char *near(struct toc_log *log, uint32_t half, uint64_t position, enum toc_near which, uint64_t *end, int *rc)
{
    if (log->near[which].at && position >= log->near[which].base && position < log->near[which].end) {
        *end = log->near[which].end;
        return log->near[which].at + (position - log->near[which].base);
    }
    const struct toc_segment *s = toc_log_segment(log, half, position);
    if (!s || s->base > position) {
        *rc = -EUCLEAN;
        return NULL;
    }
    unsigned char *at = map(log, s, false, rc);
    if (!at)
        return NULL;
    log->near[which].base = s->base;
    *end = log->near[which].end = toc_segment_end(s);
    log->near[which].at = at;
    return at + (position - s->base);
}

struct toc_record *toc_log_at(struct toc_log *log, uint32_t half, uint64_t *position, uint64_t end, enum toc_near which, int *rc)
{
    for (uint32_t i = 0; i <= TOC_SEGMENTS_MAX && *position < end; i++) {
        const struct toc_segment *s;
        uint64_t stop;
        bool in_near = log->near[which].at && *position >= log->near[which].base && *position < log->near[which].end;
        if (!in_near && (s = toc_log_segment(log, half, *position)) && s->base > *position) {
            *position = s->base; /* a segment in the middle is gone: nothing lived in it */
            continue;
        }
        struct toc_record *r = (struct toc_record *)(void *)near(log, half, *position, which, &stop, rc);
        if (!r)
            return NULL;
        if (*position % 8 || stop - *position < sizeof *r || r->length == TOC_PAD) {
            *position = stop;
            continue;
        }
        if (toc_record_size(r->length) > stop - *position) {
            *rc = -EUCLEAN;
            return NULL;
        }
        *rc = 0;
        return r;
    }
    *rc = *position < end ? -EUCLEAN : 0;
    return NULL;
}

struct toc_record *toc_log_room(struct toc_log *log, uint32_t *half, uint64_t *tail, uint32_t length, uint64_t live, bool quick,
                                int *rc)
{
    uint64_t need = toc_record_size(length), stop;
    const struct toc_segment *s;
    bool in_near = log->near[TOC_NEAR_TAIL].at && *tail >= log->near[TOC_NEAR_TAIL].base && *tail < log->near[TOC_NEAR_TAIL].end;
    *rc = 0;
    if (!in_near && (s = toc_log_segment(log, *half, *tail)) && s->base > *tail) {
        *rc = -EUCLEAN;
        return NULL;
    }
    if (in_near || s) {
        unsigned char *at = near(log, *half, *tail, TOC_NEAR_TAIL, &stop, rc);
        if (!at)
            return NULL;
        if (*tail % 8) {
            *rc = -EUCLEAN;
            return NULL;
        }
        if (need <= stop - *tail)
            return (struct toc_record *)(void *)at;
        if (quick) {
            *rc = -EAGAIN;
            return NULL;
        }
        if (stop - *tail >= sizeof(struct toc_record))
            ((struct toc_record *)(void *)at)->length = TOC_PAD;
        *tail = stop;
    }
    if (quick) {
        *rc = -EAGAIN;
        return NULL;
    }
    return (struct toc_record *)(void *)append_segment(log, half, *tail, need, live, rc);
}
