/* sys_notify.c: the verbs of sys.h about changes in directories, as inotify tells them. */
#define _GNU_SOURCE
#include "sys.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

_Static_assert(SYS_NOTIFY_ENTRIES == (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO), "the kernel's numbers");
_Static_assert(SYS_NOTIFY_SELF == (IN_DELETE_SELF | IN_MOVE_SELF), "the kernel's numbers");
_Static_assert(SYS_NOTIFY_GONE == IN_IGNORED && SYS_NOTIFY_OVERFLOW == IN_Q_OVERFLOW, "the kernel's numbers");

static int outcome(long r) { return r < 0 ? -errno : (int)r; }

int sys_notify_open(void) { return outcome(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)); }

int sys_notify_add(int fd, const char *directory, uint32_t mask)
{
    /* IN_MASK_ADD: two who watch one directory for different things must not take each other's bits away. */
    return outcome(inotify_add_watch(fd, directory, mask | IN_MASK_ADD | IN_ONLYDIR | IN_DONT_FOLLOW));
}

int sys_notify_remove(int fd, int wd) { return outcome(inotify_rm_watch(fd, wd)); }

int sys_notify_read(int fd, void *buffer, size_t size)
{
    long r = read(fd, buffer, size);
    return r < 0 ? (errno == EAGAIN ? 0 : -errno) : (int)r;
}

size_t sys_notify_next(const void *buffer, size_t at, struct sys_change *out)
{
    /* Aligned: the kernel pads each name so that the next event begins at a multiple of the header's size. */
    const struct inotify_event *e = (const void *)((const char *)buffer + at);
    *out = (struct sys_change){.wd = e->wd, .mask = e->mask, .name = e->len ? e->name : ""};
    return at + sizeof *e + e->len;
}

int sys_counter(void) { return outcome(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
int sys_counter_add(int fd) { return outcome(eventfd_write(fd, 1)); }

int64_t sys_fs_type(const char *path)
{
    struct statfs s;
    return statfs(path, &s) < 0 ? -errno : (int64_t)(uint32_t)s.f_type;
}
