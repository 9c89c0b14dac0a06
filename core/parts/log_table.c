/* log_table.c: which segments there are. The half that is not current is changed; the state that names it makes it true. */
#include "log.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdio.h>
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

const struct toc_segment *toc_table_segment(const struct toc_table *t, uint64_t position)
{
    uint32_t low = 0, high = log_count(t);
    while (low < high) { /* the first whose end is beyond the position */
        uint32_t middle = (low + high) / 2;
        if (toc_segment_end(&t->segment[middle]) > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low < log_count(t) ? &t->segment[low] : NULL;
}

const struct toc_segment *toc_log_segment(const struct toc_log *log, uint32_t half, uint64_t position)
{
    return toc_table_segment(log->half[half & 1], position);
}

int toc_log_file(const struct toc_log *log, uint32_t file, char path[TOC_PATH_MAX + 64])
{
    int n = snprintf(path, TOC_PATH_MAX + 64, "%s%u", log->prefix, file);
    return n < TOC_PATH_MAX + 64 ? 0 : -ENAMETOOLONG;
}

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

struct toc_table *toc_log_change(struct toc_log *log, uint32_t *half, uint32_t more, int *rc)
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
    /* Who reads without the lock may still be at the half that becomes the new one, and finds out by the state. */
    atom_fence_rel();
    atom_put_bytes((uint64_t *)(void *)t, now, offsetof(struct toc_table, segment) + now->count * sizeof(struct toc_segment));
    log_set(&t->drops, 0);
    atom_store_relax(&t->change, t->change + 1);
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
    toc_log_look_at(log, t);
}

void toc_log_undo(struct toc_log *log, uint32_t half, bool remove)
{
    const struct toc_table *t = log->half[half & 1], *given_up = log->half[log->copy];
    char path[TOC_PATH_MAX + 64];
    if (remove && log->path) /* one more than it says: its last may have been made and not entered */
        for (uint32_t i = 0, file = t->next_file; i < TOC_DROPS && file <= given_up->next_file; i++, file++)
            if (toc_log_file(log, file, path) == 0)
                sys_unlink(path);
    toc_log_look_at(log, t);
}

static void retire(const struct toc_log *log, struct toc_table *t, struct toc_segment s)
{
    /* Small ones are a log's first steps, unless nothing larger will come; what is larger than `most` was for one large record. */
    uint32_t least = TOC_SEGMENT_FIRST / TOC_PAGE, most = TOC_SEGMENT_SPARE / TOC_PAGE, own = log->most / TOC_PAGE, i = t->spares;
    bool handy = own && own <= least ? s.pages == own : s.pages > least && s.pages <= (own && own < most ? own : most);
    if (!log->keep && handy && i < TOC_SPARES) {
        log_put(&t->spare[i], s);
        log_set(&t->spares, i + 1);
        return;
    }
    if (!log->keep && handy) { /* in a smaller one's place, which may be of no use to the records that come now */
        uint32_t smallest = 0;
        for (i = 1; i < TOC_SPARES; i++)
            if (t->spare[i].pages < t->spare[smallest].pages)
                smallest = i;
        struct toc_segment was = t->spare[smallest];
        if (was.pages < s.pages) {
            log_put(&t->spare[smallest], s);
            s = was;
        }
    }
    log_put(&t->drop[t->drops], s);
    log_set(&t->drops, t->drops + 1);
}

/* `gone` of them from number `at` on. */
static void close_up(struct toc_table *t, uint32_t at, uint32_t gone)
{
    for (uint32_t i = at; i + gone < t->count; i++)
        log_put(&t->segment[i], t->segment[i + gone]);
    log_set(&t->count, t->count - gone);
}

void toc_log_release(struct toc_log *log, uint32_t *half, uint64_t low)
{
    int rc = 0;
    const struct toc_table *now = log->half[*half & 1];
    if (now->count == 0 || toc_segment_end(&now->segment[0]) > low)
        return;
    struct toc_table *t = toc_log_change(log, half, 0, &rc);
    if (!t)
        return; /* it stays for the next time */
    uint32_t gone = 0;
    while (gone < t->count && toc_segment_end(&t->segment[gone]) <= low && t->drops < TOC_DROPS)
        retire(log, t, t->segment[gone++]);
    close_up(t, 0, gone);
}

void toc_log_release_one(struct toc_log *log, uint32_t *half, uint64_t base)
{
    int rc = 0;
    struct toc_table *t = toc_log_change(log, half, 0, &rc);
    if (!t || t->drops >= TOC_DROPS)
        return;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->segment[i].base == base) {
            retire(log, t, t->segment[i]);
            close_up(t, i, 1);
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
    struct toc_table *t = toc_log_change(log, half, 0, &rc);
    if (!t)
        return rc;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        struct toc_segment s = t->segment[i];
        rc = log->path ? toc_log_file(log, s.file, path) : 0;
        if (rc == 0 && log->path)
            rc = sys_stat(path, &file);
        if (rc == 0 && (!log->path || file.size >= (uint64_t)s.pages * TOC_PAGE))
            log_put(&t->segment[kept++], s);
        else if (rc < 0 && rc != -ENOENT)
            return rc;
    }
    log_set(&t->count, kept);
    log_set(&t->spares, 0);
    return 0;
}
