/* watch.h: changes in directories, heard by many waiters through one inotify instance. Floor 3.
 *
 * A change is a hint to look, never the truth: the truth is stat. What this file promises is that nobody who waits
 * misses the hint, though an inotify event can be read only once:
 *
 *   - Each waiter has an ear: an epoll of its own that holds the inotify descriptor and a counter, both edge-triggered.
 *   - Who hears something reads ALL events (toc_watch_read), and that adds one to the counter: an edge for everyone
 *     else. Nobody ever reads the counter, so this edge can't be taken from anybody.
 *   - Who waits has his ear first, then reads, then looks, then sleeps.
 *
 * An event that equals the last unread one is merged with it and gives no edge. It needs none: who got the edge of the
 * first has not read yet, and looks after he has. The same holds for events that an overflow swallows.
 *
 * There may be no instance left (EMFILE): then `error` says so, and ears hear the counter and the timer alone.
 * Calls on one watch must not run at the same time, but for toc_watch_ring and toc_watch_sleep.
 */
#ifndef TOC_WATCH_H
#define TOC_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { /* what to listen for, and what is heard (inotify(7)); an overflow has no directory */
    TOC_WATCH_ENTRIES = 0x3c0, /* somebody made, removed or renamed a name in it */
    TOC_WATCH_SELF = 0xc00,    /* it was itself moved or removed */
    TOC_WATCH_GONE = 0x8000,   /* its watch has ended; the number is free */
    TOC_WATCH_OVERFLOW = 0x4000,
    TOC_WATCH_BUFFER = 65536,
};

struct toc_watch {
    int notify; /* -1: `error` says why */
    int error;
    int bell;  /* the counter */
    int timer; /* for where there is nothing to hear */
    char buffer[TOC_WATCH_BUFFER] __attribute__((aligned(8)));
};

struct toc_watch_change {
    int32_t wd;
    uint32_t mask;
    const char *name; /* in the buffer, until the next read; "" when it is about the directory itself */
};

/* -EMFILE and the like: not even the counter and the timer. Without an inotify instance: 0, and `error`. */
int toc_watch_open(struct toc_watch **out);
void toc_watch_free(struct toc_watch *w);

/* Listen to a directory, no symbolic link, for `mask` as well: its number. -ENOSPC: the user has no watch left. */
int toc_watch_add(struct toc_watch *w, const char *directory, uint32_t mask);
int toc_watch_remove(struct toc_watch *w, int wd);

/* The next events, as bytes in the buffer; 0: no more. Rings the counter if there were any and `ring` says so. */
int toc_watch_read(struct toc_watch *w, bool ring);
size_t toc_watch_next(const struct toc_watch *w, size_t at, struct toc_watch_change *out);

/* Everyone looks. */
int toc_watch_ring(const struct toc_watch *w);

/* A new ear: a descriptor for toc_watch_sleep, or for anybody's poll; the caller closes it. */
int toc_watch_ear(struct toc_watch *w);
/* Until there is something to hear: 1; 0 at the deadline; -EINTR. */
int toc_watch_sleep(int ear, int64_t deadline);
/* An edge in all ears at that time (toc_now), in place of the time before. */
int toc_watch_alarm(struct toc_watch *w, int64_t when);

/* What a path names at this moment: a directory, something else, or nothing (also when nothing can be there:
 * -ELOOP, -ENAMETOOLONG); -EACCES and the like. */
enum { TOC_WATCH_ABSENT, TOC_WATCH_PRESENT, TOC_WATCH_STRANGE };
int toc_watch_look(const char *path);

/* The number of the directory's file system (statfs(2)), or -errno. */
int64_t toc_watch_file_system(const char *directory);

#endif
