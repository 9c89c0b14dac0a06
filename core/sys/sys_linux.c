/* sys_linux.c: the verbs of sys.h as Linux system calls. Nothing here knows what an event is. */
#define _GNU_SOURCE
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the futex is the first half of the word");

#define NS 1000000000ll
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* the same on every architecture that Linux has had since then */
#endif

static int outcome(long r) { return r < 0 ? -errno : (int)r; }

/* -- time */

static int64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS + t.tv_nsec;
}

int64_t sys_now(void) { return read_clock(CLOCK_MONOTONIC); }
int64_t sys_now_coarse(void) { return read_clock(CLOCK_MONOTONIC_COARSE); }
int64_t sys_wall(void) { return read_clock(CLOCK_REALTIME); }

void sys_nap(int64_t ns)
{
    struct timespec t = {ns / NS, ns % NS};
    nanosleep(&t, NULL);
}

/* -- signals on hold */

static _Thread_local struct {
    int depth;
    sigset_t outside;
} hold;

void sys_signals_hold(void)
{
    sigset_t all;
    sigfillset(&all);
    if (hold.depth++ == 0)
        pthread_sigmask(SIG_SETMASK, &all, &hold.outside);
}

void sys_signals_give(void)
{
    if (--hold.depth == 0)
        pthread_sigmask(SIG_SETMASK, &hold.outside, NULL);
}

/* -- futex: shared, never FUTEX_PRIVATE_FLAG, because the neighbours are other processes */

static long futex(uint64_t *word, int op, uint32_t value, const void *time_or_count, uint64_t *second, uint32_t last)
{
    int before = errno; /* a library call from a signal handler must not change it */
    long r = syscall(SYS_futex, (uint32_t *)word, op, value, time_or_count, (uint32_t *)second, last);
    if (r < 0)
        r = -errno;
    errno = before;
    return r;
}

int sys_futex_wait(uint64_t *word, uint32_t value, uint32_t mask, int64_t deadline)
{
    struct timespec t = {deadline / NS, deadline % NS};
    sigset_t held;
    if (hold.depth)
        pthread_sigmask(SIG_SETMASK, &hold.outside, &held);
    /* FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time; FUTEX_WAIT a relative one (futex(2)). */
    long rc = futex(word, FUTEX_WAIT_BITSET, value, deadline == SYS_FOREVER ? NULL : &t, NULL, mask);
    if (hold.depth)
        pthread_sigmask(SIG_SETMASK, &held, NULL);
    return (int)rc;
}

int sys_futex_or_wake(uint64_t *word, uint32_t bits)
{
    /* FUTEX_WAKE_OP: *word |= bits and wake all of *word, under the hash bucket's lock (futex(2)). The second
     * wake (if the old value was -1) wakes nobody: its count is 0. It does not look at masks. */
    uint32_t op = FUTEX_OP(FUTEX_OP_OR, bits, FUTEX_OP_CMP_EQ, 0);
    return (int)futex(word, FUTEX_WAKE_OP, 0x7fffffff, (void *)0, word, op);
}

int sys_futex_wake_mask(uint64_t *word, uint32_t mask)
{
    return (int)futex(word, FUTEX_WAKE_BITSET, 0x7fffffff, NULL, NULL, mask);
}

int sys_futex_add_wake(uint64_t *word, int32_t add, int count)
{
    /* 12 bits, sign-extended (futex(2)); -EFAULT cannot be: the word is mapped. */
    uint32_t op = FUTEX_OP(FUTEX_OP_ADD, (uint32_t)add & 0xfff, FUTEX_OP_CMP_EQ, 0);
    return (int)futex(word, FUTEX_WAKE_OP, (uint32_t)count, (void *)0, word, op);
}

int sys_futex_wake(uint64_t *word, int count)
{
    return (int)futex(word, FUTEX_WAKE, (uint32_t)count, NULL, NULL, 0);
}

/* -- FIFOs */

int sys_fifo_make(const char *path, uint32_t mode) { return outcome(mkfifo(path, mode)); }

static int open_fifo(const char *path, int flags, bool follow)
{
    /* O_NONBLOCK: a FIFO's open may block (fifo(7)). The check comes before the first byte: whoever can
     * write the directory could have put a regular file there, and it must not be written to. */
    int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
    if (fd < 0)
        return -errno;
    struct stat s;
    if (fstat(fd, &s) == 0 && S_ISFIFO(s.st_mode))
        return fd;
    close(fd);
    return -EUCLEAN;
}

int sys_open_ring(const char *path, bool follow) { return open_fifo(path, O_RDWR, follow); }
int sys_open_ear(const char *path, bool follow) { return open_fifo(path, O_RDONLY, follow); }

int sys_write_byte(int fd)
{
    long r = write(fd, "!", 1);
    return r < 0 ? -errno : 0;
}


int sys_has_byte(int fd)
{
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count > 0;
}

void sys_pipe_small(int fd)
{
    int before = errno;
    if (fcntl(fd, F_SETPIPE_SZ, 8192) < 0) /* EBUSY, EPERM: then it keeps the size that it has */
        errno = before;
}

int sys_pipe(int *reader)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    close(ends[1]);
    *reader = ends[0];
    return 0;
}

int sys_close(int fd) { return outcome(close(fd)); }

/* -- epoll */

int sys_epoll(void) { return outcome(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int epoll, int op, int fd)
{
    struct epoll_event e = {EPOLLIN | EPOLLET, {.fd = fd}};
    return outcome(epoll_ctl(epoll, op, fd, &e));
}

int sys_epoll_add(int epoll, int fd) { return control(epoll, EPOLL_CTL_ADD, fd); }
int sys_epoll_again(int epoll, int fd) { return control(epoll, EPOLL_CTL_MOD, fd); }
int sys_epoll_drop(int epoll, int fd) { return control(epoll, EPOLL_CTL_DEL, fd); }

int sys_timer(void) { return outcome(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }

int sys_timer_set(int timer, int64_t when)
{
    struct itimerspec at = {.it_value = {when / NS, when % NS}};
    return outcome(timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL));
}

static int wait_ms(int epoll, struct epoll_event *e, int64_t left)
{
    /* Round up: a wait that returned early would have to be called again. */
    int ms = left < 0 ? -1 : left > 86400 * NS ? 86400 * 1000 : (int)((left + 999999) / 1000000);
    return outcome(epoll_pwait(epoll, e, 1, ms, hold.depth ? &hold.outside : NULL));
}

int sys_epoll_wait(int epoll, int64_t deadline)
{
    struct epoll_event e;
    int64_t left = deadline == SYS_FOREVER ? -1 : deadline ? deadline - sys_now() : 0;
    if (deadline == SYS_FOREVER || left <= 0)
        return wait_ms(epoll, &e, deadline == SYS_FOREVER ? -1 : 0);
    struct timespec t = {left / NS, left % NS};
    /* In ns; Linux 5.11. The last is the size of the kernel's own mask, which is smaller than libc's. */
    int rc = outcome(syscall(SYS_epoll_pwait2, epoll, &e, 1, &t, hold.depth ? &hold.outside : NULL, (size_t)8));
    return rc == -ENOSYS ? wait_ms(epoll, &e, left) : rc;
}

/* -- this process */

uint32_t sys_uid(void) { return geteuid(); }
uint32_t sys_pid(void) { return (uint32_t)getpid(); }

int sys_random(void *out, size_t size)
{
    long r = getrandom(out, size, 0); /* up to 256 bytes are never interrupted (getrandom(2)) */
    return r < 0 ? -errno : 0;
}
