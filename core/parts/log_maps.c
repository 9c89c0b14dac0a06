/* log_maps.c: this process's mappings of segments. Under the object's lock, which keeps its threads apart as well. */
#include "log.h"

#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
    log->map[log->maps] = (struct toc_mapping){s->file, s->pages, s->base, at};
    log->maps++; /* last: a fork by another thread copies whole entries only */
    return 0;
}

unsigned char *toc_log_map(struct toc_log *log, const struct toc_segment *s, bool make, int *rc)
{
    size_t size = (size_t)s->pages * TOC_PAGE;
    for (uint32_t i = 0; i < log->maps && !make; i++)
        if (log->map[i].file == s->file && log->map[i].pages == s->pages) {
            log->map[i].base = s->base;
            return log->map[i].at;
        }

    char path[TOC_PATH_MAX + 64];
    uint64_t offset = log->path ? 0 : (uint64_t)s->file * TOC_PAGE;
    int fd = log->control;
    struct sys_file file;
    *rc = 0;
    if (log->path) {
        *rc = toc_log_file(log, s->file, path);
        fd = *rc < 0 ? *rc : sys_open_part(path, make, log->mode);
        if (fd < 0) {
            *rc = fd == -ENOENT || fd == -EISDIR || fd == -ELOOP || fd == -ENXIO ? -EUCLEAN : fd; /* gone, or something else */
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
    /* Where it was, as a rule: with a long backlog, all of both lists at each change would be most of a put. */
    const struct toc_segment *s = toc_table_segment(t, m->base);
    if (s && s->file == m->file && s->pages == m->pages)
        return true;
    for (uint32_t i = 0; i < t->spares && i < TOC_SPARES; i++)
        if (t->spare[i].file == m->file && t->spare[i].pages == m->pages)
            return true;
    for (uint32_t i = 0; i < log_count(t); i++)
        if (t->segment[i].file == m->file && t->segment[i].pages == m->pages)
            return true;
    return false;
}

void toc_log_look_at(struct toc_log *log, const struct toc_table *t)
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

void toc_log_begin(struct toc_log *log, uint32_t half) { toc_log_look_at(log, log->half[half & 1]); }

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
