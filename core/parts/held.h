/* held.h: descriptors that a forked child must not keep. Floor 1.
 *
 * A bell rings for the dead because the kernel's close is an edge, and a lock is freed by it. A child that had
 * inherited the descriptor would put that off, and one that had inherited an epoll would eat its parent's edges. So every
 * such descriptor stands in a process-wide list from the moment it exists (opening and listing happen inside the mutex
 * that fork takes, too), and the child closes them first thing.
 */
#ifndef TOC_HELD_H
#define TOC_HELD_H

#include <stdbool.h>
#include <stdint.h>

struct toc_held {
    int fd; /* -1: none, also after a fork */
    struct toc_held *before, *after;
};

#define TOC_HELD_NONE {-1, 0, 0}

int toc_held_ear(struct toc_held *h, const char *path, bool follow);    /* a FIFO, for reading */
int toc_held_writer(struct toc_held *h, const char *path, bool follow); /* a FIFO, for writing, too */
int toc_held_file(struct toc_held *h, const char *path);                /* an object's file, both ways */
int toc_held_owner_entered(struct toc_held *h, const char *path);       /* the file of locks that say who lives */
int toc_held_epoll(struct toc_held *h);
int toc_held_timer(struct toc_held *h);
void toc_held_close(struct toc_held *h);
void toc_held_close_entered(struct toc_held *h);  /* _entered: by who is between sys_enter and sys_leave already */
void toc_held_forget_entered(struct toc_held *h); /* without closing: somebody else has, and the number is another's */
void toc_held_move(struct toc_held *to, struct toc_held *from); /* the list knows them by address */
void toc_held_move_entered(struct toc_held *to, struct toc_held *from);

/* How many forks lie between this process and the first one: a handle that remembers another number is a
 * child's copy, and the threads that were inside it exist no more. */
uint32_t toc_held_forks(void);

#endif
