/* run_wait.c: waiting for many events at once, each of which may be set, or lose its owner, in any order.
 *
 * All bells are in one epoll, edge by edge. A turn: arm, then look; whatever comes after the look is an edge (tocsin.h,
 * toc_event_listen). Nothing is looked at by the clock, but for the second look at a young bell, and once a minute for a
 * name that was taken away by somebody who doesn't know of us. */
#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define A_MINUTE 60000000000ll

/* 1 done, 0 not yet, -errno. Deadline 0: it doesn't sleep. */
static int look(struct awaited *a)
{
    if (!a->done) {
        int rc = toc_event_wait(a->e, a->since, 0);
        if (rc < 0)
            return rc == -EINTR ? 0 : rc;
        a->done = rc;
    }
    return a->done;
}

/* Its bell is another one when a cleaner took the old one away. */
static int listen(int epoll, struct awaited *a)
{
    int fd = toc_event_listen(a->e);
    if (fd < 0 || fd == a->fd)
        return fd < 0 ? fd : 0;
    struct epoll_event e = {EPOLLIN | EPOLLET, {.ptr = a}};
    a->fd = fd;
    int64_t young = toc_event_look_again(a->e);
    a->again = young ? toc_now() + young : 0;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* Arm, then look. */
static int turn(struct awaited *a)
{
    uint64_t word;
    int rc = a->done ? 0 : toc_event_arm(a->e, 0, &word);
    return rc < 0 ? rc : look(a);
}

static int64_t earlier(int64_t a, int64_t b) { return a == TOC_FOREVER || (b != TOC_FOREVER && b < a) ? b : a; }

static int sleep_ms(int64_t until)
{
    int64_t left = until - toc_now();
    return left <= 0 ? 0 : (int)((left + 999999) / 1000000); /* up, or it would come back early and go round */
}

struct wait {
    struct awaited *all;
    int count, left;
    int epoll;
    int64_t minute; /* when the names are looked at next */
    struct awaited *which;
};

/* Those that an edge, the clock or the minute is about; `every`: all of them. When to come again at the latest in *next. */
static int look_at_all(struct wait *w, int every, int64_t *next)
{
    int64_t now = toc_now();
    int names = now >= w->minute;
    if (names)
        w->minute = now + A_MINUTE;
    *next = w->minute;
    for (int i = 0; i < w->count; i++) {
        struct awaited *a = w->which = &w->all[i];
        if (a->done)
            continue;
        int due = a->again && now >= a->again, rc = 0;
        if (due)
            a->again = 0;
        if (names)
            rc = toc_event_check_name(a->e);
        if (rc == 0 && (names || a->fd < 0))
            rc = listen(w->epoll, a);
        if (rc == 0 && (every || due || names))
            rc = turn(a);
        if (rc < 0)
            return rc;
        w->left -= rc;
        if (!a->done && a->again)
            *next = earlier(*next, a->again);
    }
    return 0;
}

static int edges(struct wait *w, int64_t until)
{
    struct epoll_event got[64];
    int n = epoll_wait(w->epoll, got, 64, sleep_ms(until));
    if (n < 0)
        return errno == EINTR ? 0 : -errno; /* stopped and continued: nothing is missed */
    for (int i = 0; i < n; i++) {
        w->which = got[i].data.ptr;
        if (w->which->done)
            continue;
        int rc = turn(w->which);
        if (rc < 0)
            return rc;
        w->left -= rc;
    }
    return n;
}

int run_wait(struct awaited *all, int count, int64_t deadline, struct awaited **which)
{
    struct wait w = {.all = all, .count = count, .left = count, .epoll = -1, .minute = toc_now() + A_MINUTE};
    int rc = 0;
    for (int i = 0; i < count && rc >= 0; i++) {
        w.which = &all[i];
        if ((rc = look(w.which)) > 0)
            w.left--;
    }
    if (rc >= 0 && w.left && deadline != 0) {
        w.epoll = epoll_create1(EPOLL_CLOEXEC);
        rc = w.epoll < 0 ? -errno : 0;
    }
    for (int every = 1; rc >= 0 && w.left && deadline != 0; every = 0) {
        int64_t next;
        rc = look_at_all(&w, every, &next);
        if (rc < 0 || !w.left)
            break;
        if (deadline != TOC_FOREVER && deadline <= toc_now())
            break;
        rc = edges(&w, earlier(next, deadline));
    }
    *which = w.which;
    for (int i = 0; i < count && rc >= 0 && w.left; i++)
        if (!all[i].done)
            *which = &all[i]; /* one that the deadline found unset */
    return rc < 0 ? rc : !w.left;
}
