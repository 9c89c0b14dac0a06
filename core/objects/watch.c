/* watch.c: see watch.h. */
#include "watch.h"

#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert((uint32_t)TOC_WATCH_ENTRIES == SYS_NOTIFY_ENTRIES && (uint32_t)TOC_WATCH_SELF == SYS_NOTIFY_SELF, "");
_Static_assert((uint32_t)TOC_WATCH_GONE == SYS_NOTIFY_GONE && (uint32_t)TOC_WATCH_OVERFLOW == SYS_NOTIFY_OVERFLOW, "");

int toc_watch_open(struct toc_watch **out)
{
    struct toc_watch *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->notify = w->timer = -1;
    w->bell = sys_counter();
    int rc = w->bell < 0 ? w->bell : (w->timer = sys_timer());
    if (rc < 0) {
        toc_watch_free(w);
        return rc;
    }
    int fd = sys_notify_open();
    w->notify = fd < 0 ? -1 : fd;
    w->error = fd < 0 ? fd : 0;
    *out = w;
    return 0;
}

void toc_watch_free(struct toc_watch *w)
{
    int parts[] = {w->notify, w->timer, w->bell};
    for (int i = 0; i < 3; i++)
        if (parts[i] >= 0)
            sys_close(parts[i]);
    free(w);
}

int toc_watch_add(struct toc_watch *w, const char *directory, uint32_t mask)
{
    return w->notify < 0 ? w->error : sys_notify_add(w->notify, directory, mask);
}

int toc_watch_remove(struct toc_watch *w, int wd) { return w->notify < 0 ? 0 : sys_notify_remove(w->notify, wd); }

int toc_watch_read(struct toc_watch *w, bool ring)
{
    if (w->notify < 0)
        return 0;
    int got = sys_notify_read(w->notify, w->buffer, sizeof w->buffer);
    if (got > 0 && ring)
        toc_watch_ring(w); /* here, where nothing can come between: who reads and doesn't ring has robbed the others */
    return got;
}

size_t toc_watch_next(const struct toc_watch *w, size_t at, struct toc_watch_change *out)
{
    struct sys_change change;
    size_t next = sys_notify_next(w->buffer, at, &change);
    *out = (struct toc_watch_change){change.wd, change.mask, change.name};
    return next;
}

int toc_watch_ring(const struct toc_watch *w) { return sys_counter_add(w->bell); }

int toc_watch_ear(struct toc_watch *w)
{
    int ear = sys_epoll();
    if (ear < 0)
        return ear;
    int parts[] = {w->bell, w->notify, w->timer};
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        if (parts[i] >= 0)
            rc = sys_epoll_add(ear, parts[i]);
    if (rc < 0)
        sys_close(ear);
    return rc < 0 ? rc : ear;
}

int toc_watch_sleep(int ear, int64_t deadline) { return sys_epoll_wait(ear, deadline); }

int toc_watch_alarm(struct toc_watch *w, int64_t when) { return sys_timer_set(w->timer, when); }

int toc_watch_look(const char *path)
{
    struct sys_file found;
    int rc = sys_stat(path, &found);
    if (rc == 0)
        return found.directory ? TOC_WATCH_PRESENT : TOC_WATCH_STRANGE;
    return rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP || rc == -ENAMETOOLONG ? TOC_WATCH_ABSENT : rc;
}

int64_t toc_watch_file_system(const char *directory) { return sys_fs_type(directory); }
