/* lock_random.c: processes and threads on one lock, and its holder is killed again and again.
 *
 *      lock_random DIR SECONDS PERIOD_MS
 *
 * Eight processes and eight threads of a ninth take the lock, look whether somebody else is inside, count by a plain addition,
 * and give it back. Every PERIOD_MS the one who holds it, if it is one of the eight processes, is stopped, is seen to
 * hold it still, and is then killed; another one takes its place. The time from there to the next one's being inside is
 * what somebody waited on the dead. TOTAL has the figures in microseconds. */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 8
#define THREADS 8
#define WORKERS (PROCESSES + THREADS)

static struct crowd {
    volatile uint64_t inside;  /* who: written and read by who holds the lock, and nobody else */
    volatile uint64_t counter; /* by plain additions */
    uint64_t broken;           /* how often somebody else was inside */
    uint64_t died_inside, followed, followed_ns;
    uint32_t stop;
    struct { uint64_t turns, longest_ns; } of[WORKERS];
} *crowd;

static const char *dir;

static toc_lock *open_lock(void)
{
    toc_lock *l;
    toc_options options = TOC_DEFAULTS;
    options.at = dir;
    if (toc_lock_open(&l, "crowd", &options, "lock_random") < 0)
        die("the lock can't be opened");
    return l;
}

static void add(uint64_t *to, uint64_t n) { __atomic_fetch_add(to, n, __ATOMIC_ACQ_REL); }

static void work_inside(uint64_t me, int abandoned, int64_t now, unsigned *seed)
{
    uint64_t found = crowd->inside;
    if (abandoned) {
        __atomic_store_n(&crowd->followed_ns, (uint64_t)now, __ATOMIC_RELAXED);
        if (found)
            crowd->died_inside++;
        add(&crowd->followed, 1);
    } else if (found) {
        add(&crowd->broken, 1);
    }
    crowd->inside = me + 1;
    uint64_t count = crowd->counter;
    for (unsigned n = rand_r(seed) % 2000; n; n--)
        __asm__ volatile("" ::: "memory");
    if (rand_r(seed) % 16 == 0)
        sched_yield();
    crowd->counter = count + 1;
    if (crowd->inside != me + 1)
        add(&crowd->broken, 1);
    crowd->of[me].turns++;
    crowd->inside = 0;
}

static void work(uint64_t me, toc_lock *l)
{
    unsigned seed = (unsigned)(me + 1) * 2654435761u ^ (unsigned)toc_now();
    while (!__atomic_load_n(&crowd->stop, __ATOMIC_ACQUIRE)) {
        int64_t since = toc_now();
        int rc;
        while ((rc = toc_lock_acquire(l, since, TOC_FOREVER)) == -EINTR)
            ;
        if (rc != 1)
            die("acquire failed");
        int64_t now = toc_now();
        if ((uint64_t)(now - since) > crowd->of[me].longest_ns)
            crowd->of[me].longest_ns = (uint64_t)(now - since);
        work_inside(me, toc_lock_is_mine(l) == 2, now, &seed);
        if (toc_lock_release(l) != 0)
            die("release failed");
        if (rand_r(&seed) % 8 == 0)
            sched_yield();
    }
}

struct worker {
    pthread_t thread;
    uint64_t me;
    toc_lock *l;
};

static void *thread_of(void *argument)
{
    struct worker *w = argument;
    work(w->me, w->l);
    return NULL;
}

static void be_threads(void)
{
    struct worker w[THREADS];
    toc_lock *l[2] = {open_lock(), open_lock()}; /* threads of one handle, and handles of one process */
    for (uint64_t i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.me = PROCESSES + i, .l = l[i % 2]};
        if (pthread_create(&w[i].thread, NULL, thread_of, &w[i]))
            die("no thread");
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    _exit(0);
}

static pid_t start(uint64_t me)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (me < PROCESSES) {
            work(me, open_lock());
            _exit(0);
        }
        be_threads();
    }
    return pid;
}

static int slot_of(const pid_t *pids, uint32_t pid)
{
    for (int i = 0; i < PROCESSES; i++)
        if ((uint32_t)pids[i] == pid)
            return i;
    return -1;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Kills whoever holds it; when that was, or 0: nobody of ours was to be had. */
static int64_t kill_holder(toc_lock *l, pid_t *pids)
{
    toc_owner_info who;
    int status;
    for (int64_t until = toc_now() + 1000000000; toc_now() < until;) { /* a thread may be off its processor with the lock */
        int slot = toc_lock_holder(l, &who) == 1 ? slot_of(pids, who.pid) : -1;
        if (slot < 0) {
            sched_yield();
            continue;
        }
        pid_t pid = pids[slot];
        kill(pid, SIGSTOP);
        if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
            die("a worker ended by itself");
        if (toc_lock_holder(l, &who) != 1 || who.pid != (uint32_t)pid) {
            kill(pid, SIGCONT);
            continue;
        }
        int64_t now = toc_now();
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        pids[slot] = start((uint64_t)slot);
        return now;
    }
    return 0;
}

static uint64_t fewest_turns(void)
{
    uint64_t fewest = ~0ull;
    for (int i = 0; i < WORKERS; i++) {
        uint64_t turns = __atomic_load_n(&crowd->of[i].turns, __ATOMIC_RELAXED);
        fewest = turns < fewest ? turns : fewest;
    }
    return fewest;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        die("usage: lock_random DIR SECONDS PERIOD_MS");
    dir = argv[1];
    long period = atol(argv[3]), most = atol(argv[2]) * 1000 / period + 1;
    int64_t *delays = calloc((size_t)most, sizeof *delays);
    long kills = 0, missed = 0, faults = 0;
    pid_t pids[PROCESSES], threads;
    int status;
    crowd = mmap(NULL, sizeof *crowd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (crowd == MAP_FAILED || !delays)
        die("memory");
    toc_lock *l = open_lock();
    for (uint64_t i = 0; i < PROCESSES; i++)
        pids[i] = start(i);
    threads = start(PROCESSES);

    int64_t end = toc_now() + atol(argv[2]) * 1000000000ll;
    for (int64_t next = toc_now(); next < end && kills < most && !faults; next += period * 1000000) {
        for (int64_t now; (now = toc_now()) < next;)
            nanosleep(&(struct timespec){0, next - now > 900000000 ? 900000000 : next - now}, NULL);
        uint64_t before = __atomic_load_n(&crowd->followed, __ATOMIC_ACQUIRE);
        int64_t killed = kill_holder(l, pids);
        if (!killed) {
            missed++;
            continue;
        }
        for (int64_t hang = toc_now() + (int64_t)patience * 1000000000; __atomic_load_n(&crowd->followed, __ATOMIC_ACQUIRE) == before;) {
            if (toc_now() > hang) {
                printf("FAULT nobody followed the dead\n");
                faults++;
                break;
            }
            nanosleep(&(struct timespec){0, 100000}, NULL);
        }
        delays[kills++] = (int64_t)__atomic_load_n(&crowd->followed_ns, __ATOMIC_RELAXED) - killed;
    }
    for (int64_t hang = toc_now() + (int64_t)patience * 1000000000; fewest_turns() == 0 && toc_now() < hang && !faults;)
        nanosleep(&(struct timespec){0, 1000000}, NULL); /* who has not come to run yet is not starved */
    __atomic_store_n(&crowd->stop, 1, __ATOMIC_RELEASE);
    alarm((unsigned)patience); /* those who wait get it in turn, and end */
    for (int i = 0; i < PROCESSES; i++)
        waitpid(pids[i], &status, 0);
    waitpid(threads, &status, 0);

    uint64_t turns = 0, fewest = fewest_turns(), longest = 0;
    for (int i = 0; i < WORKERS; i++) {
        turns += crowd->of[i].turns;
        longest = crowd->of[i].longest_ns > longest ? crowd->of[i].longest_ns : longest;
    }
    if (crowd->broken || crowd->counter < turns || crowd->counter > turns + (uint64_t)kills) {
        printf("FAULT mutual exclusion was broken: %llu seen, %llu counted in %llu turns\n", (unsigned long long)crowd->broken,
               (unsigned long long)crowd->counter, (unsigned long long)turns);
        faults++;
    }
    if (fewest == 0) {
        printf("FAULT somebody never had it\n");
        faults++;
    }
    qsort(delays, (size_t)kills, sizeof *delays, by_size);
    printf("TOTAL kills=%ld missed=%ld inside=%llu turns=%llu fewest=%llu longest_us=%llu median_us=%lld worst_us=%lld faults=%ld\n",
           kills, missed, (unsigned long long)crowd->died_inside, (unsigned long long)turns, (unsigned long long)fewest,
           (unsigned long long)longest / 1000, kills ? (long long)delays[kills / 2] / 1000 : 0,
           kills ? (long long)delays[kills - 1] / 1000 : 0, faults);
    return faults ? 1 : 0;
}
