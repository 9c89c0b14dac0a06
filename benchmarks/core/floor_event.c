/* floor_event.c: what the core costs without Python, and what the kernel costs without the core.
 *
 *      floor_event is_set    DIR CALLS
 *      floor_event set_clear DIR CALLS
 *      floor_event pingpong  DIR ROUNDS CPU_A CPU_B SPIN_NS     CPU -1: wherever the scheduler likes
 *      floor_event futex     DIR ROUNDS CPU_A CPU_B SPIN_NS     the same game on two bare futexes
 *      floor_event wake      DIR TIMES CPU_A CPU_B              one wakes, one sleeps: ns of each wake, a line each
 *      floor_event wake_futex DIR TIMES CPU_A CPU_B             the same on a bare futex
 *
 * Prints ns per call, or per round trip. The ping-pong is the one that cases/event/pingpong.py plays from Python:
 * set(a), wait(b), clear(b) against wait(a), clear(a), set(b).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "floor.h"

static toc_event *open_event(const char *dir, const char *name, int64_t spin_ns)
{
    toc_event *e;
    toc_options o = TOC_DEFAULTS;
    o.at = dir;
    o.spin_ns = spin_ns;
    must(toc_event_open(&e, name, &o), name);
    return e;
}

static void wait_for(toc_event *e)
{
    uint64_t since = toc_event_clears(e);
    int rc;
    do
        rc = toc_event_wait(e, since, TOC_FOREVER);
    while (rc == -EINTR);
    must(rc, "wait");
}

static void play(toc_event *mine, toc_event *theirs, long rounds, int serve)
{
    for (long i = 0; i < rounds; i++) {
        if (serve)
            must(toc_event_set(mine), "set");
        wait_for(theirs);
        must(toc_event_clear(theirs), "clear");
        if (!serve)
            must(toc_event_set(mine), "set");
    }
}

/* The bare game: 0 clear, 1 set, 2 somebody sleeps. */
static uint32_t *bare;
static int64_t bare_spin_ns;

static void bare_set(uint32_t *w)
{
    if (__atomic_exchange_n(w, 1, __ATOMIC_ACQ_REL) == 2)
        syscall(SYS_futex, w, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void bare_wait_clear(uint32_t *w)
{
    if (bare_spin_ns > 0) {
        int64_t end = toc_now() + bare_spin_ns;
        do
            for (int i = 0; i < 64 && __atomic_load_n(w, __ATOMIC_ACQUIRE) != 1; i++)
#if defined(__x86_64__) || defined(__i386__)
                __builtin_ia32_pause();
#else
                __asm__ volatile("" ::: "memory");
#endif
        while (__atomic_load_n(w, __ATOMIC_ACQUIRE) != 1 && toc_now() < end);
    }
    for (;;) {
        uint32_t seen = 0;
        if (__atomic_load_n(w, __ATOMIC_ACQUIRE) == 1)
            break;
        if (__atomic_compare_exchange_n(w, &seen, 2, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) || seen == 2)
            syscall(SYS_futex, w, FUTEX_WAIT, 2, NULL, NULL, 0);
    }
    __atomic_store_n(w, 0, __ATOMIC_RELEASE);
}

static void play_bare(uint32_t *mine, uint32_t *theirs, long rounds, int serve)
{
    for (long i = 0; i < rounds; i++) {
        if (serve)
            bare_set(mine);
        bare_wait_clear(theirs);
        if (!serve)
            bare_set(mine);
    }
}

static double pingpong(const char *dir, int futex, long rounds, long cpu_a, long cpu_b, int64_t spin_ns)
{
    long warm = rounds / 10 + 1;
    bare_spin_ns = spin_ns;
    bare = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bare == MAP_FAILED)
        exit(1);
    /* Both open by name, as strangers would; made before the fork, so that nobody is alone for long. */
    toc_event *a = open_event(dir, "floor-a", spin_ns), *b = open_event(dir, "floor-b", spin_ns);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(cpu_b);
        if (futex) {
            play_bare(bare + 64, bare, warm + rounds, 0);
        } else {
            toc_event *mine = open_event(dir, "floor-b", spin_ns), *theirs = open_event(dir, "floor-a", spin_ns);
            play(mine, theirs, warm + rounds, 0);
        }
        _exit(0);
    }
    pin(cpu_a);
    int64_t start = 0;
    for (int pass = 0; pass < 2; pass++) {
        long n = pass ? rounds : warm;
        start = toc_now();
        if (futex)
            play_bare(bare, bare + 64, n, 1);
        else
            play(a, b, n, 1);
    }
    double ns = (double)(toc_now() - start) / (double)rounds;
    waitpid(child, NULL, 0);
    must(toc_unlink(toc_event_path(a)), "unlink");
    must(toc_unlink(toc_event_path(b)), "unlink");
    toc_event_free(a);
    toc_event_free(b);
    return ns;
}

static double alone(const char *dir, int setting, long calls)
{
    toc_event *e = open_event(dir, "floor-alone", 0);
    int64_t start = 0;
    for (int pass = 0; pass < 2; pass++) { /* the first is to warm up */
        start = toc_now();
        for (long i = 0; i < calls; i++)
            if (setting) {
                must(toc_event_set(e), "set");
                must(toc_event_clear(e), "clear");
            } else {
                must(toc_event_is_set(e), "is_set");
            }
    }
    double ns = (double)(toc_now() - start) / (double)calls;
    must(toc_unlink(toc_event_path(e)), "unlink");
    toc_event_free(e);
    return ns;
}

/* State S in two looks with the same count of switches, as procs.asleep() has it. */
static long switches_if_asleep(pid_t pid)
{
    char path[64], line[128];
    long switches = 0, n = 0;
    int sleeps = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "r");
    if (!status)
        exit(1);
    while (fgets(line, sizeof line, status)) {
        if (strncmp(line, "State:\tS", 8) == 0)
            sleeps = 1;
        if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %ld", &n) == 1)
            switches += n;
    }
    fclose(status);
    return sleeps ? switches : -1;
}

static void until_asleep(pid_t pid)
{
    for (long before = -2, now; (now = switches_if_asleep(pid)) != before || now < 0; before = now)
        usleep(200);
}

static int wakes(const char *dir, int futex, long times, long cpu_a, long cpu_b)
{
    int64_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int told[2];
    char byte;
    if (page == MAP_FAILED || pipe(told) != 0)
        return 1;
    bare = (uint32_t *)(page + 64);
    toc_event *e = open_event(dir, "floor-wake", 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(cpu_b);
        toc_event *mine = open_event(dir, "floor-wake", 0);
        for (;;) {
            if (futex)
                bare_wait_clear(bare);
            else
                wait_for(mine);
            page[0] = toc_now();
            if (!futex)
                must(toc_event_clear(mine), "clear");
            if (write(told[1], ".", 1) != 1)
                _exit(1);
        }
    }
    pin(cpu_a);
    for (long i = -3; i < times; i++) { /* three to warm up */
        until_asleep(child);
        int64_t start = toc_now();
        if (futex)
            bare_set(bare);
        else
            must(toc_event_set(e), "set");
        if (read(told[0], &byte, 1) != 1)
            return 1;
        if (i >= 0)
            printf("%lld\n", (long long)(page[0] - start));
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    must(toc_unlink(toc_event_path(e)), "unlink");
    toc_event_free(e);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strncmp(argv[1], "wake", 4) == 0)
        return wakes(argv[2], strcmp(argv[1], "wake") != 0, atol(argv[3]), atol(argv[4]), atol(argv[5]));
    if (argc == 4 && strcmp(argv[1], "is_set") == 0)
        printf("%.3f\n", alone(argv[2], 0, atol(argv[3])));
    else if (argc == 4 && strcmp(argv[1], "set_clear") == 0)
        printf("%.3f\n", alone(argv[2], 1, atol(argv[3])));
    else if (argc == 7 && (strcmp(argv[1], "pingpong") == 0 || strcmp(argv[1], "futex") == 0))
        printf("%.3f\n", pingpong(argv[2], argv[1][0] == 'f', atol(argv[3]), atol(argv[4]), atol(argv[5]),
                                  atoll(argv[6])));
    else
        return 2;
    return 0;
}
