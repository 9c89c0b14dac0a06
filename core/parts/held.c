#include "held.h"

#include "../sys/sys.h"

static struct toc_held *first; /* guarded by sys_enter */
static uint32_t forks;

static void forget_all(void) /* in the child, with the mutex held by the thread that forked */
{
    for (struct toc_held *h = first, *after; h; h = after) {
        after = h->after;
        sys_close(h->fd);
        *h = (struct toc_held)TOC_HELD_NONE;
    }
    first = 0;
    forks++;
}

static int keep(struct toc_held *h, int fd)
{
    if (fd < 0)
        return fd;
    *h = (struct toc_held){fd, 0, first};
    if (first)
        first->before = h;
    first = h;
    return 0;
}

/* One way in, so that no open can forget the mutex. */
static int open_listed(struct toc_held *h, int (*open)(const char *, bool), const char *path, bool follow)
{
    struct sys_mask saved;
    sys_enter(&saved);
    sys_at_fork(forget_all);
    int rc = keep(h, open(path, follow));
    sys_leave(&saved);
    return rc;
}

static int open_epoll(const char *path, bool follow)
{
    (void)path;
    (void)follow;
    return sys_epoll();
}

static int open_timer(const char *path, bool follow)
{
    (void)path;
    (void)follow;
    return sys_timer();
}

int toc_held_timer(struct toc_held *h) { return open_listed(h, open_timer, 0, false); }
int toc_held_writer(struct toc_held *h, const char *path, bool follow) { return open_listed(h, sys_open_ring, path, follow); }
static int open_file(const char *path, bool follow)
{
    (void)follow;
    return sys_open(path, true);
}

int toc_held_file(struct toc_held *h, const char *path) { return open_listed(h, open_file, path, false); }
int toc_held_ear(struct toc_held *h, const char *path, bool follow) { return open_listed(h, sys_open_ear, path, follow); }
int toc_held_epoll(struct toc_held *h) { return open_listed(h, open_epoll, 0, false); }

int toc_held_owner_entered(struct toc_held *h, const char *path)
{
    sys_at_fork(forget_all);
    return keep(h, sys_owner_open(path));
}

static void unlist(struct toc_held *h)
{
    if (h->before)
        h->before->after = h->after;
    else
        first = h->after;
    if (h->after)
        h->after->before = h->before;
    *h = (struct toc_held)TOC_HELD_NONE;
}

void toc_held_forget_entered(struct toc_held *h)
{
    if (h->fd >= 0)
        unlist(h);
}

void toc_held_close_entered(struct toc_held *h)
{
    if (h->fd >= 0) {
        int fd = h->fd;
        unlist(h);
        sys_close(fd);
    }
}

void toc_held_close(struct toc_held *h)
{
    struct sys_mask saved;
    if (h->fd < 0)
        return;
    sys_enter(&saved);
    toc_held_close_entered(h);
    sys_leave(&saved);
}

void toc_held_move_entered(struct toc_held *to, struct toc_held *from)
{
    *to = *from;
    if (to->fd >= 0) {
        if (to->before)
            to->before->after = to;
        else
            first = to;
        if (to->after)
            to->after->before = to;
    }
    *from = (struct toc_held)TOC_HELD_NONE;
}

void toc_held_move(struct toc_held *to, struct toc_held *from)
{
    struct sys_mask saved;
    sys_enter(&saved);
    toc_held_move_entered(to, from);
    sys_leave(&saved);
}

uint32_t toc_held_forks(void) { return forks; }
