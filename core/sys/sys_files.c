/* sys_files.c: the verbs of sys.h that make, name, map and remove files. */
#define _GNU_SOURCE
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int outcome(long r) { return r < 0 ? -errno : (int)r; }

static void describe(const struct stat *s, struct sys_file *out)
{
    *out = (struct sys_file){
        .dev = s->st_dev, .ino = s->st_ino, .size = (uint64_t)s->st_size, .mode = s->st_mode & 07777,
        .uid = s->st_uid, .links = (uint32_t)s->st_nlink, .regular = S_ISREG(s->st_mode),
        .directory = S_ISDIR(s->st_mode), .symlink = S_ISLNK(s->st_mode),
    };
}

int sys_stat(const char *path, struct sys_file *out)
{
    struct stat s;
    if (lstat(path, &s) < 0)
        return -errno;
    describe(&s, out);
    return 0;
}

int sys_fstat(int fd, struct sys_file *out)
{
    struct stat s;
    if (fstat(fd, &s) < 0)
        return -errno;
    describe(&s, out);
    return 0;
}

int sys_open(const char *path, bool write)
{
    return outcome(open(path, (write ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

int sys_create(const char *dir, const char *hidden, uint32_t mode, bool *named)
{
    *named = false;
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        /* A file system without O_TMPFILE (open(2)). The name is random, so O_EXCL is never contended. */
        fd = open(hidden, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, mode);
        *named = fd >= 0;
    }
    if (fd < 0)
        return -errno;
    if (fchmod(fd, mode) < 0) { /* the umask has no say in what was asked for */
        int error = -errno;
        close(fd);
        if (*named)
            unlink(hidden);
        return error;
    }
    return fd;
}

int sys_self_path(int fd, char out[64])
{
    int n = snprintf(out, 64, "/proc/self/fd/%d", fd);
    return n < 64 ? 0 : -ENAMETOOLONG;
}

int sys_name(int fd, const char *hidden, bool named, const char *path)
{
    if (named) {
        int r = link(hidden, path) < 0 ? -errno : 0;
        unlink(hidden);
        return r;
    }
    char self[64];
    sys_self_path(fd, self);
    return outcome(linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW));
}

int sys_allocate(int fd, size_t size)
{
    int error; /* a full tmpfs says ENOSPC here, where ftruncate would leave a SIGBUS for later */
    do
        error = posix_fallocate(fd, 0, (off_t)size);
    while (error == EINTR);
    return -error;
}

int sys_memory(void) { return outcome(memfd_create("tocsin", MFD_CLOEXEC)); }

int sys_extend(int fd, size_t size)
{
    struct stat s;
    if (fstat(fd, &s) < 0)
        return -errno;
    return (size_t)s.st_size >= size ? 0 : outcome(ftruncate(fd, (off_t)size));
}

int sys_open_part(const char *path, bool make, uint32_t mode)
{
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 || errno != ENOENT || !make)
        return outcome(fd);
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode);
    if (fd >= 0 && fchmod(fd, mode) < 0 && errno != EPERM) {
        int error = -errno;
        close(fd);
        return error;
    }
    return outcome(fd);
}

int sys_allocate_range(int fd, uint64_t offset, size_t size)
{
    int error;
    do
        error = posix_fallocate(fd, (off_t)offset, (off_t)size);
    while (error == EINTR);
    return -error;
}

#define READ_AHEAD (256u << 10)
#define POPULATE_READ 22 /* MADV_POPULATE_READ; not every libc's header has it */

void *sys_map_range(int fd, uint64_t offset, size_t size, int *error)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    *error = at == MAP_FAILED ? -errno : 0;
    /* A fault for reading maps 16 pages at once, one for writing a single page: so all is read now, rather than written
     * page by page later, under somebody's lock. A kernel before 5.14 refuses, and nothing is lost. */
    if (at != MAP_FAILED && size <= READ_AHEAD)
        madvise(at, size, POPULATE_READ);
    return at == MAP_FAILED ? NULL : at;
}

int sys_punch(int fd, uint64_t offset, size_t size)
{
    return outcome(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size));
}

void *sys_map(int fd, size_t size, bool write, int *error)
{
    void *at = mmap(NULL, size, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    *error = at == MAP_FAILED ? -errno : 0;
    return at == MAP_FAILED ? NULL : at;
}

void sys_unmap(void *at, size_t size) { munmap(at, size); }

int64_t sys_read_at(int fd, uint64_t offset, void *to, size_t size)
{
    size_t had = 0;
    while (had < size) {
        ssize_t n = pread(fd, (char *)to + had, size - had, (off_t)(offset + had));
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        had += (size_t)n;
    }
    return (int64_t)had;
}

int sys_unlink(const char *path) { return outcome(unlink(path)); }
int sys_link(const char *from, const char *to) { return outcome(link(from, to)); }
int sys_chmod(const char *path, uint32_t mode) { return outcome(fchmodat(AT_FDCWD, path, mode, 0)); }
int sys_mkdir(const char *path, uint32_t mode) { return outcome(mkdir(path, mode)); }

int sys_rmdir(const char *path) { return outcome(rmdir(path)); }

int sys_rename_new(const char *from, const char *to)
{
    int rc = outcome(renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));
    if (rc == -EINVAL || rc == -ENOSYS) /* a file system without it: an empty directory may take another's place */
        rc = outcome(rename(from, to));
    return rc == -ENOTEMPTY || rc == -ENOTDIR ? -EEXIST : rc;
}

int sys_list(const char *directory, int (*each)(void *context, const char *name), void *context)
{
    DIR *d = opendir(directory);
    if (!d)
        return -errno;
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d));)
        rc = each(context, e->d_name);
    closedir(d);
    return rc;
}

int sys_lock(int fd)
{
    /* Held for microseconds by whoever removes the file; longer only by a stopped process. */
    for (int i = 0; i < 100; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        sys_nap(10000000);
    }
    return -EBUSY;
}

int sys_may_remove(const char *dir, const struct sys_file *file)
{
    struct stat d;
    if (stat(dir, &d) < 0)
        return -errno;
    if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0)
        return -errno;
    uid_t me = geteuid();
    /* A sticky directory: only the owner of the file or of the directory, and root (unlink(2)). */
    if ((d.st_mode & S_ISVTX) && me != 0 && me != file->uid && me != d.st_uid)
        return -EPERM;
    return 0;
}

int sys_working_dir(char *out, size_t size) { return getcwd(out, size) ? 0 : -errno; }
const char *sys_env(const char *name) { return getenv(name); }
