/* sys_owner.c: the verbs of sys.h about who lives, and about what survives a power cut. */
#define _GNU_SOURCE
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int outcome(long r) { return r < 0 ? -errno : (int)r; }

int sys_owner_open(const char *path)
{
    /* First without O_CREAT, which fs.protected_regular refuses for another user's file in a sticky directory. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        fd = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
        if (fd >= 0)
            fchmod(fd, 0644); /* whatever the umask: who may use an object beside it must be able to lock */
    }
    if (fd < 0)
        return -errno;
    struct stat s;
    if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode))
        return fd;
    close(fd);
    return -EUCLEAN;
}

int sys_owner_lock(int fd, uint64_t id)
{
    /* A classic lock: the process's own, not inherited by fork and not by a passed descriptor. It goes with the
     * first close of ANY descriptor of the file in this process (fcntl(2)), so nothing else ever opens the file. */
    struct flock l = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = (off_t)id, .l_len = 1};
    return outcome(fcntl(fd, F_SETLK, &l));
}

int sys_owner_is_locked(int fd, uint64_t id)
{
    /* F_OFD_GETLK sees the classic lock of this very process, too: another copy of this library may hold it. */
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)id, .l_len = 1};
    return fcntl(fd, F_OFD_GETLK, &l) < 0 || l.l_type != F_UNLCK;
}

int sys_sync(int fd)
{
    int r;
    do
        r = fdatasync(fd);
    while (r < 0 && errno == EINTR);
    return outcome(r);
}

int sys_sync_dir(const char *path)
{
    char dir[4096];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (n == 0 || n >= sizeof dir)
        return -ENAMETOOLONG;
    memcpy(dir, path, n);
    dir[n] = 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 && errno != EINVAL ? -errno : 0; /* EINVAL: a file system that has nothing to sync */
    close(fd);
    return rc;
}

int sys_boot_id(uint64_t *id)
{
    char text[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    long n = read(fd, text, sizeof text);
    close(fd);
    if (n <= 0)
        return -EIO;
    uint64_t sum = 14695981039346656037ull; /* FNV-1a of its 36 characters */
    for (long i = 0; i < n; i++)
        sum = (sum ^ (unsigned char)text[i]) * 1099511628211ull;
    *id = sum;
    return 0;
}
