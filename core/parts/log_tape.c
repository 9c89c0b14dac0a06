/* log_tape.c: from a position to a record, and room for the next one. */
#include "log.h"

#include "../sys/step.h"

#include <errno.h>

/* What segments grow to: of small records, what fits a cache; of large ones sixteen, so that few system calls are made for
 * each, as long as it can be a spare one afterwards; and nothing is left over at the end. */
static uint64_t steady(uint64_t need)
{
    uint64_t size = need * 16 < TOC_SEGMENT_SPARE ? need * 16 : TOC_SEGMENT_SPARE - TOC_SEGMENT_SPARE % need;
    return size > TOC_SEGMENT_STEADY ? size : TOC_SEGMENT_STEADY;
}

static uint32_t wanted_pages(const struct toc_log *log, const struct toc_table *t, uint64_t need, uint64_t live)
{
    uint64_t size = TOC_SEGMENT_FIRST;
    if (t->count) {
        size = (uint64_t)t->segment[t->count - 1].pages * TOC_PAGE * 2;
        if (size > steady(need))
            size = steady(need);
    } else if (t->spares) {
        size = (uint64_t)t->spare[0].pages * TOC_PAGE;
    }
    /* Not sooner: a larger one is made anew each time, because no spare is so large. */
    while (size < live / 256 && size < TOC_SEGMENT_LARGE)
        size *= 2;
    if (log->most && size > log->most)
        size = log->most;
    if (size < need)
        size = need;
    return (uint32_t)((size + TOC_PAGE - 1) / TOC_PAGE);
}

static unsigned char *append_segment(struct toc_log *log, uint32_t *half, uint64_t base, uint64_t need, uint64_t live, int *rc)
{
    struct toc_table *t = toc_log_change(log, half, 1, rc);
    if (!t)
        return NULL;
    if (t->count == TOC_SEGMENTS_MAX) {
        *rc = -ENOSPC;
        return NULL;
    }
    struct toc_segment s = {base, t->next_file, wanted_pages(log, t, need, live)};
    uint32_t spare = 0;
    while (spare < t->spares && ((uint64_t)t->spare[spare].pages * TOC_PAGE < need || t->spare[spare].pages < s.pages / 2))
        spare++;
    bool make = spare == t->spares;
    if (!make)
        s = (struct toc_segment){base, t->spare[spare].file, t->spare[spare].pages};
    TOC_STEP("log.append.before_make");
    unsigned char *at = toc_log_map(log, &s, make, rc);
    if (!at)
        return NULL;
    if (make)
        log_set(&t->next_file, t->next_file + (log->path ? 1 : s.pages));
    else
        log_drop_spare(t, spare);
    log_put(&t->segment[t->count], s);
    log_set(&t->count, t->count + 1);
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
    unsigned char *at = toc_log_map(log, s, false, rc);
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
            atom32_store_rel(&((struct toc_record *)(void *)at)->length, TOC_PAD);
        *tail = stop;
    }
    if (quick) {
        *rc = -EAGAIN;
        return NULL;
    }
    return (struct toc_record *)(void *)append_segment(log, half, *tail, need, live, rc);
}
