/* sys.h: the kernel, in the few verbs that tocsin needs. Floor 0.
 *
 * sys_linux.c makes the system calls; tests/core/sim/ has a second implementation with one scheduler, one
 * clock and kills. A verb returns 0 or a number, or -errno. Every verb that waits may also return early.
 */
#ifndef TOC_SYS_H
#define TOC_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYS_FOREVER ((int64_t)-1)

/* -- time: CLOCK_MONOTONIC, ns. The coarse clock is a few ms behind and costs a few ns. */
int64_t sys_now(void);
int64_t sys_now_coarse(void);
int64_t sys_wall(void); /* CLOCK_REALTIME */
void sys_nap(int64_t ns);

/* -- futex on the low half of a shared 64-bit word */
/* Sleep while the low half is `value`. 0 woken, -EAGAIN it was another value, -ETIMEDOUT, -EINTR.
 * `mask` picks who sys_futex_wake_mask wakes. */
int sys_futex_wait(uint64_t *word, uint32_t value, uint32_t mask, int64_t deadline);
/* One system call that puts `bits` (below 2^11, FUTEX_OP's range) in and wakes everyone, whatever their
 * mask: a kill comes before both or after both. */
int sys_futex_or_wake(uint64_t *word, uint32_t bits);
int sys_futex_wake_mask(uint64_t *word, uint32_t mask);
/* The same with an addition (-2048 to 2047, to the low half) and at most `count` woken; returns how many were. */
int sys_futex_add_wake(uint64_t *word, int32_t add, int count);
int sys_futex_wake(uint64_t *word, int count);

/* -- FIFOs */
int sys_fifo_make(const char *path, uint32_t mode); /* -EEXIST is the caller's to judge */
int sys_open_ring(const char *path, bool follow);   /* read and write, never blocks, must be a FIFO */
int sys_open_ear(const char *path, bool follow);    /* read only, never blocks, must be a FIFO */
int sys_write_byte(int fd);                         /* 0, or -EAGAIN when the pipe is full */
int sys_has_byte(int fd);                           /* 1 or 0 */
void sys_pipe_small(int fd);                        /* 8 KiB are plenty for a bell; a wish, not a need */
int sys_pipe(int *reader);                          /* a new pipe's read end; its write end is closed again */
int sys_close(int fd);

/* -- epoll, edge-triggered, one descriptor in each */
int sys_epoll(void);
int sys_epoll_add(int epoll, int fd);
int sys_epoll_again(int epoll, int fd); /* re-raises the edge if the descriptor is readable */
int sys_epoll_drop(int epoll, int fd);
int sys_timer(void);                       /* a descriptor that is readable when its time has come, for an epoll */
int sys_timer_set(int timer, int64_t when); /* once, at that time; 0: never */
int sys_epoll_wait(int epoll, int64_t deadline); /* 1 an edge (now consumed), 0 deadline, -EINTR. Deadline 0: look once */
/* From `hold` to `give`, the calling thread's signals come only while it sleeps in the verbs above; in sys_epoll_wait also
 * one that came since `hold`, without a gap. They nest. */
void sys_signals_hold(void);
void sys_signals_give(void);

/* -- files */
struct sys_file { /* what stat says of a file */
    uint64_t dev, ino, size;
    uint32_t mode, uid, links;
    bool regular, directory, symlink;
};
int sys_stat(const char *path, struct sys_file *out); /* never follows a final symlink */
int sys_fstat(int fd, struct sys_file *out);
int sys_open(const char *path, bool write); /* an existing file; no symlink, never blocks on a FIFO */
int sys_create(const char *dir, const char *hidden, uint32_t mode, bool *named); /* without a name; else as `hidden` */
int sys_name(int fd, const char *hidden, bool named, const char *path); /* -EEXIST: somebody was faster */
int sys_allocate(int fd, size_t size);
int sys_memory(void); /* a memfd */
int sys_extend(int fd, size_t size); /* its size, for parts that are allocated on need; never makes it smaller */
/* Parts of an object that are files or ranges of their own. Made without O_EXCL: what a dead maker left is used. */
int sys_open_part(const char *path, bool make, uint32_t mode);
int sys_allocate_range(int fd, uint64_t offset, size_t size);
void *sys_map_range(int fd, uint64_t offset, size_t size, int *error);
int sys_punch(int fd, uint64_t offset, size_t size); /* give the memory of a range back; it reads as zeros then */
int sys_sync(int fd);               /* fdatasync: what it returned for survives a power cut */
int sys_sync_dir(const char *path); /* the directory that `path` is in: its names survive, too */
/* Calls `each` for every name in the directory, until it returns something; 0, that, or -errno. */
int sys_list(const char *directory, int (*each)(void *context, const char *name), void *context);
int sys_boot_id(uint64_t *id);      /* another number after each start of the kernel */
void *sys_map(int fd, size_t size, bool write, int *error);
void sys_unmap(void *at, size_t size);
int64_t sys_read_at(int fd, uint64_t offset, void *to, size_t size); /* how many bytes there were */
int sys_unlink(const char *path);
int sys_link(const char *from, const char *to);
int sys_chmod(const char *path, uint32_t mode);
int sys_mkdir(const char *path, uint32_t mode);
int sys_rmdir(const char *path);
int sys_rename_new(const char *from, const char *to); /* a directory; -EEXIST when `to` is there */
int sys_lock(int fd); /* the whole file, until closed; -EBUSY when it was held for a second */
int sys_may_remove(const char *dir, const struct sys_file *file);
int sys_self_path(int fd, char out[64]); /* a path that opens this descriptor anew */

/* -- changes in directories (inotify(7)); a change is a hint, and what it was is for sys_stat to say */
#define SYS_NOTIFY_ENTRIES 0x3c0u  /* a name in it was made, removed, renamed */
#define SYS_NOTIFY_SELF 0xc00u     /* it was itself removed or moved */
#define SYS_NOTIFY_GONE 0x8000u    /* it is not watched any more */
#define SYS_NOTIFY_OVERFLOW 0x4000u /* some were lost: look at everything */
struct sys_change { int32_t wd; uint32_t mask; const char *name; };
int sys_notify_open(void);                                               /* never blocks */
int sys_notify_add(int fd, const char *directory, uint32_t mask);        /* its number; the bits are added to earlier ones */
int sys_notify_remove(int fd, int wd);
int sys_notify_read(int fd, void *buffer, size_t size);                  /* bytes; 0: nothing there */
size_t sys_notify_next(const void *buffer, size_t at, struct sys_change *out); /* the one at `at`; where the next is */
int sys_counter(void);          /* a descriptor that is readable from the first addition on; each one is an edge */
int sys_counter_add(int fd);
int64_t sys_fs_type(const char *path); /* statfs's number of the file system */

/* -- who lives: a lock on one byte of a file, which the kernel takes back at the holder's death, whatever the death */
int sys_owner_open(const char *path);           /* made on need, empty, readable by all: a read lock needs no more */
int sys_owner_lock(int fd, uint64_t id);        /* for this process; forked children do not inherit it */
int sys_owner_is_locked(int fd, uint64_t id);   /* 1 by somebody, 0 by nobody; a doubt is 1 */

/* -- this process */
uint32_t sys_uid(void);
uint32_t sys_pid(void); /* for people: what lives is asked by other means */
int sys_random(void *out, size_t size);
int sys_working_dir(char *out, size_t size);
const char *sys_env(const char *name);
/* A mutex that fork also takes, so that a child never inherits it locked. Signals are blocked inside, so that
 * a handler that sets an event cannot meet it locked by its own thread. Short, and never around a wait. */
struct sys_mask { uint64_t bits[16]; };
void sys_enter(struct sys_mask *saved);
void sys_leave(const struct sys_mask *saved);
/* `child` is called first thing in every forked child. To be called between sys_enter and sys_leave, as often as one
 * likes; all calls give the same function. */
void sys_at_fork(void (*child)(void));

#endif
