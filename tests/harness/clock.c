/* clock.c: preloaded into a program, its wall clock is off by as many nanoseconds as the file $TOCSIN_TEST_CLOCK says,
   at once and while it runs. What a step of ntpd, a restored machine or a person with `date` does to it; other clocks go
   on as they were, as the kernel's do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const int64_t *jump;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("TOCSIN_TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        _exit(99);
    void *found = mmap(NULL, sizeof *jump, PROT_READ, MAP_SHARED, fd, 0);
    if (found == MAP_FAILED)
        _exit(99);
    close(fd);
    jump = found;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int failed = (int)syscall(SYS_clock_gettime, id, t);
    if (failed || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) || !jump)
        return failed;
    int64_t ns = t->tv_sec * SECOND + t->tv_nsec + __atomic_load_n(jump, __ATOMIC_RELAXED);
    t->tv_sec = ns / SECOND;
    t->tv_nsec = ns % SECOND;
    return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    (void)zone;
    struct timespec t;
    if (clock_gettime(CLOCK_REALTIME, &t))
        return -1;
    tv->tv_sec = t.tv_sec;
    tv->tv_usec = t.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (into)
        *into = t.tv_sec;
    return t.tv_sec;
}
