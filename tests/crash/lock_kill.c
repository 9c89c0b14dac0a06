/* lock_kill.c: somebody is killed who takes a lock, gives it back, or closes it while he holds it. Whoever waits must get it,
 * with nobody's help, and nobody else.
 *
 *      lock_kill DIR ..., as play.h says. */
#include "bench.h"
#include "objects/lock.h"
#include "play.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum holds { NOBODY, DEAD, WE, HE };   /* who has the lock when the operation begins; HE: who is killed */
enum does { TRIES, TAKES, HUNGERS, GIVES, CLOSES, REMOVES };

struct scene {
    const char *name;
    enum holds holds;
    enum does does;
    int waits;     /* another process waits, and has for long */
    int anonymous;
};

static const struct scene SCENES[] = {
    {"try: it is free", NOBODY, TRIES, 0, 0},
    {"try: a dead one's", DEAD, TRIES, 0, 0},
    {"acquire: it is free", NOBODY, TAKES, 0, 0},
    {"acquire: anonymous", NOBODY, TAKES, 0, 1},
    {"acquire: a dead one's", DEAD, TAKES, 0, 0},
    {"acquire: falls asleep", WE, TAKES, 0, 0},
    {"acquire: falls asleep beside another", WE, TAKES, 1, 0},
    {"acquire: has waited long, falls asleep", WE, HUNGERS, 0, 0},
    {"release: nobody waits", HE, GIVES, 0, 0},
    {"release: one waits", HE, GIVES, 1, 0},
    {"release: anonymous, one waits", HE, GIVES, 1, 1},
    {"close: one waits", HE, CLOSES, 1, 0},
    {"close: nobody waits", HE, CLOSES, 0, 0},
    {"unlink: one waits", WE, REMOVES, 1, 0},
};
#define N_SCENES ((int)(sizeof SCENES / sizeof *SCENES))

static struct page_of_locks {
    uint32_t done, got; /* the operation is over; the other one has it */
    int rc;
    uint32_t holds; /* he is where the operation begins */
} *page;

static const struct scene *s;
static const char *dir;
static char path[700];
static toc_lock *lock; /* ours; children inherit an anonymous one */
static pid_t waiter;

static int falls_asleep(void) { return s->holds == WE && (s->does == TAKES || s->does == HUNGERS); }

static toc_lock *open_lock(void)
{
    toc_lock *l;
    toc_options options = TOC_DEFAULTS;
    options.at = dir;
    if (s->anonymous && lock)
        return lock;
    if (toc_lock_open(&l, s->anonymous ? NULL : "x", s->anonymous ? NULL : &options, "lock_kill") < 0)
        die("the lock can't be opened");
    return l;
}

static void fault(const char *what, const char *where)
{
    printf("FAULT %s, killed %s: %s\n", s->name, where, what);
    faults++;
}

static int is_on(uint32_t *flag) { return __atomic_load_n(flag, __ATOMIC_ACQUIRE); }

static void until(uint32_t *flag, pid_t pid)
{
    for (siginfo_t ended = {0}; !is_on(flag); sched_yield())
        /* It stays there for whoever judges it; and it may have set the flag since we looked, and ended. */
        if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == pid && !is_on(flag))
            die("a child ended before its time");
}

static void begin_waiter(void)
{
    waiter = bench_fork(3 * HANG_S);
    if (waiter == 0) {
        toc_lock *l = open_lock();
        page->rc = toc_lock_acquire(l, toc_now() - TOC_LOCK_HUNGRY_NS, TOC_FOREVER);
        __atomic_store_n(&page->got, 1, __ATOMIC_RELEASE);
        if (page->rc == 1)
            toc_lock_release(l);
        _exit(0);
    }
    /* Where another one holds it, he may give it back before we have seen it asleep: another moment, and as good. */
    while (!is_on(&page->got) && (!(__atomic_load_n(&lock->h.o.head->claim, __ATOMIC_ACQUIRE) & TOC_HUNGRY) || bench_state_of(waiter) != 'S'))
        sched_yield();
}

static void begin(void)
{
    int status;
    memset(page, 0, sizeof *page);
    lock = NULL;
    lock = open_lock();
    if (s->holds == DEAD) {
        pid_t pid = bench_fork(HANG_S);
        if (pid == 0) {
            if (toc_lock_try(open_lock()) != 1)
                _exit(1);
            raise(SIGKILL);
        }
        waitpid(pid, &status, 0);
        if (!WIFSIGNALED(status))
            die("he could not take it");
    }
    if (s->holds == WE && toc_lock_try(lock) != 1)
        die("we could not take it");
}

static int operate(toc_lock *l)
{
    switch (s->does) {
    case TRIES: return toc_lock_try(l);
    case TAKES: return toc_lock_acquire(l, 0, TOC_FOREVER);
    case HUNGERS: return toc_lock_acquire(l, toc_now() - TOC_LOCK_HUNGRY_NS, TOC_FOREVER);
    case GIVES: return toc_lock_release(l);
    case CLOSES: toc_close((toc_handle *)l); return 0;
    case REMOVES: return toc_unlink(path);
    }
    return -EINVAL;
}

/* A child that is about to do it, and stops there when `traced`. */
static pid_t start(int traced, const char *step)
{
    pid_t pid = bench_fork(3 * HANG_S);
    if (pid) {
        if (s->holds == HE) { /* the other one waits for him */
            until(&page->holds, pid);
            if (s->waits)
                begin_waiter();
        }
        return pid;
    }
    toc_lock *l = open_lock();
    if (s->holds == HE && toc_lock_try(l) != 1)
        _exit(1);
    __atomic_store_n(&page->holds, 1, __ATOMIC_RELEASE);
    while (s->holds == HE && s->waits && !(__atomic_load_n(&l->h.o.head->claim, __ATOMIC_ACQUIRE) & TOC_HUNGRY))
        sched_yield();
    if (s->holds == HE && s->waits)
        usleep(2000); /* it falls asleep; if it has not yet, it is another moment, and as good */
    if (traced)
        walk_trace_me();
    if (step)
        setenv("TOC_STEP_KILL", step, 1); /* not before: what leads to the operation is to live */
    int rc = operate(l);
    if (rc < 0)
        _exit(2);
    __atomic_store_n(&page->done, 1, __ATOMIC_RELEASE);
    _exit(0);
}

static int soon(uint32_t *flag)
{
    for (int64_t end = toc_now() + (int64_t)patience * 1000000000; toc_now() < end; sched_yield())
        if (is_on(flag))
            return 1;
    return 0;
}

static void judge(const char *where)
{
    points++;
    if (s->does == REMOVES) {
        uint64_t word = __atomic_load_n(&lock->h.o.head->word, __ATOMIC_ACQUIRE);
        if (!(word & TOC_REMOVED) && toc_unlink(path) < 0)
            fault("it can't be removed any more", where);
        if (!soon(&page->got) || page->rc != -EIDRM)
            fault("whoever waited was not told of the removal", where);
        if (toc_lock_release(lock) != 0)
            fault("our own hold is lost", where);
    } else {
        if (s->holds == WE) {
            if (!toc_lock_is_mine(lock) || is_on(&page->got))
                fault("a waiter's death took our lock", where);
            if (toc_lock_release(lock) != 0)
                fault("we can't give it back", where);
        }
        if (s->waits && (!soon(&page->got) || page->rc != 1))
            fault("whoever waited sleeps on", where);
    }
    if (waiter) {
        int status;
        if (!page->got)
            kill(waiter, SIGKILL);
        waitpid(waiter, &status, 0);
        waiter = 0;
    }
    if (s->does != REMOVES && !faults) {
        int fd = toc_fileno((toc_handle *)lock);
        if (poll(&(struct pollfd){fd, POLLIN, 0}, 1, patience * 1000) != 1)
            fault("its descriptor does not say that it can be taken", where);
        if (toc_lock_locked(lock) || toc_lock_try(lock) != 1)
            fault("it can't be taken", where);
        if (s->holds == DEAD && toc_lock_is_mine(lock) != 2 && !page->done)
            fault("a death was not told", where);
        if (s->holds == WE && toc_lock_is_mine(lock) != 1)
            fault("it is called abandoned, and was given back", where);
        toc_lock_release(lock);
        if (toc_lock_try(lock) != 1 || toc_lock_is_mine(lock) != 1)
            fault("it is called abandoned once more", where);
        toc_lock_release(lock);
    }
    toc_lock_free(lock);
    lock = NULL;
    toc_unlink(path);
    bench_empty(dir, 0);
}

static int at_step(const char *name)
{
    int status;
    begin();
    if (s->holds != HE && s->waits)
        begin_waiter();
    pid_t pid = start(0, name);
    for (; waitpid(pid, &status, WNOHANG) == 0; sched_yield())
        if (falls_asleep() && bench_state_of(pid) == 'S') {
            kill(pid, SIGTERM); /* not SIGKILL: that would look like the step */
            waitpid(pid, &status, 0);
            break;
        }
    if (WIFEXITED(status) && WEXITSTATUS(status))
        fault("the operation failed", name);
    judge(name);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void walk_it(struct walk *w)
{
    begin();
    if (s->holds != HE && s->waits)
        begin_waiter();
    *w = (struct walk){.done = &page->done, .word = {&lock->h.o.head->word, &lock->h.o.head->claim},
                       .sleeps = falls_asleep()};
    walk_adopt(w, start(1, NULL));
}

static const char *choose(int scene)
{
    s = &SCENES[scene];
    return s->name;
}

int main(int argc, char **argv)
{
    static const struct play PLAY = {N_SCENES, choose, at_step, walk_it, NULL, judge};
    play_check(argc, argv);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        die("memory");
    dir = argv[1];
    snprintf(path, sizeof path, "%s/x", dir);
    return play(&PLAY, argc, argv);
}
