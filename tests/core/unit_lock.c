/* unit_lock.c: a lock of threads, handles and children, call by call. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit.h"

#include "tocsin.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static toc_lock *opened(const char *name)
{
    toc_lock *l;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    IS(toc_lock_open(&l, name, name ? &options : NULL, "unit_lock"), 0);
    return l;
}

static int try_it(toc_lock *l) { return toc_lock_try(l); }

/* Comes back when `n` are blocked on this handle, by what it says itself, and have asked for the bell. */
static void blocked(toc_lock *l, uint32_t n)
{
    toc_stat st;
    do {
        sched_yield();
        IS(toc_handle_stat(H(l), &st), 0);
    } while (st.waiting_here < n || !st.listeners);
}

struct waiter {
    pthread_t thread;
    toc_lock *l;
    int got;
};

static void *wait_in_thread(void *argument)
{
    struct waiter *w = argument;
    int64_t since = toc_now();
    do
        w->got = toc_lock_acquire(w->l, since, TOC_FOREVER);
    while (w->got == -EINTR);
    return NULL;
}

static void begin_wait(struct waiter *w, toc_lock *l, uint32_t nth)
{
    *w = (struct waiter){.l = l};
    CHECK(pthread_create(&w->thread, NULL, wait_in_thread, w) == 0);
    blocked(l, nth);
}

static int end_wait(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    return w->got;
}

static pid_t child(void (*body)(void *), void *with)
{
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        body(with);
        _exit(0);
    }
    return pid;
}

static void reap(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

static void one_at_a_time(void)
{
    toc_lock *a = opened("one"), *b = opened("one");
    IS(toc_lock_locked(a), 0);
    IS(toc_lock_release(a), -EPERM);
    IS(try_it(a), 1);
    IS(toc_lock_locked(b), 1);
    IS(toc_lock_is_mine(a), 1);
    IS(toc_lock_is_mine(b), 0);
    IS(try_it(a), 0); /* not recursive */
    IS(try_it(b), 0);
    IS(toc_lock_acquire(b, 0, toc_now() + 5000000), 0);
    IS(toc_lock_release(b), -EPERM); /* it is a's */
    IS(toc_lock_release(a), 0);
    IS(toc_lock_release(a), -EPERM);
    IS(toc_lock_acquire(b, 0, TOC_FOREVER), 1);
    IS(toc_lock_release_quick(b), 0); /* somebody asked for the bell */
    IS(toc_lock_release(b), 0);
    IS(toc_lock_acquire(b, 0, 1), 1); /* in the past, but it is free */
    IS(toc_lock_release_quick(b), 1);
    IS(toc_lock_release_quick(b), -EPERM);
    toc_lock_free(a);
    toc_lock_free(b);
}

static void who_holds_it(void)
{
    toc_lock *a = opened("who"), *b = opened("who");
    toc_owner_info who;
    IS(toc_lock_holder(b, &who), 0);
    IS(try_it(a), 1);
    IS(toc_lock_holder(b, &who), 1);
    IS(who.pid, getpid());
    IS(who.alive, 1);
    CHECK(strcmp(who.command, "unit_lock") == 0);
    toc_stat st;
    IS(toc_handle_stat(H(a), &st), 0);
    IS(st.kind, TOC_KIND_LOCK);
    IS(toc_lock_release(a), 0);
    IS(toc_lock_holder(b, &who), 0);
    toc_lock_free(a);
    toc_lock_free(b);
}

static void a_release_wakes_who_waits(void)
{
    toc_lock *a = opened("wakes"), *b = opened("wakes");
    struct waiter w[4];
    IS(try_it(a), 1);
    for (uint32_t i = 0; i < 4; i++)
        begin_wait(&w[i], i % 2 ? a : b, i / 2 + 1); /* on the holder's own handle, too */
    int left = 4;
    IS(toc_lock_release(a), 0);
    while (left) /* each takes it in turn, and whichever handle has it gives it back */
        for (int i = 0; i < 2; i++)
            if (toc_lock_release(i ? a : b) == 0)
                left--;
    for (int i = 0; i < 4; i++)
        IS(end_wait(&w[i]), 1);
    IS(toc_lock_locked(a), 0);
    toc_lock_free(a);
    toc_lock_free(b);
}

static void who_waits_long_goes_first(void)
{
    toc_lock *a = opened("hungry"), *b = opened("hungry"), *c = opened("hungry");
    struct waiter w;
    IS(try_it(a), 1);
    int64_t long_ago = toc_now() - TOC_LOCK_HUNGRY_NS, just_now = toc_now() + 3600ll * 1000000000;
    IS(toc_lock_acquire(b, long_ago, 0), 0); /* leaves word */
    IS(toc_lock_release(a), 0);
    IS(toc_lock_acquire(c, just_now, 0), 0); /* for the hungry */
    IS(toc_lock_locked(c), 0);
    uint64_t ticket;
    IS(toc_lock_arm(c, 1, &ticket), 0);
    IS(ticket, 0);
    IS(toc_lock_arm(c, 0, &ticket), 0);
    IS(ticket, 1);
    IS(toc_lock_acquire(b, long_ago, 0), 1);
    IS(toc_lock_release(b), 0);
    IS(toc_lock_acquire(c, just_now, 0), 1); /* taking it has dropped the word */
    IS(toc_lock_acquire(b, long_ago, 0), 0);
    IS(toc_lock_release(c), 0);
    IS(try_it(a), 1); /* who only tries is not kept out by those who may be dead */
    IS(toc_lock_acquire(b, long_ago, 0), 0);
    IS(toc_lock_release(a), 0);
    begin_wait(&w, c, 0); /* nobody hungry is left: who comes waits a millisecond, and takes it */
    IS(end_wait(&w), 1);
    IS(toc_lock_release(c), 0);
    toc_lock_free(a);
    toc_lock_free(b);
    toc_lock_free(c);
}

static void a_loop_does_not_keep_it(void)
{
    toc_lock *a = opened("loop"), *b = opened("loop");
    for (int i = 0; i < 20; i++) {
        struct waiter w;
        IS(toc_lock_acquire(a, 0, TOC_FOREVER), 1);
        begin_wait(&w, b, 1);
        while (!toc_lock_is_mine(b)) {
            IS(toc_lock_release(a), 0);
            IS(toc_lock_acquire(a, 0, toc_now() + 20000000) >= 0, 1);
            if (!toc_lock_is_mine(a))
                break; /* b has it */
        }
        IS(end_wait(&w), 1);
        IS(toc_lock_release(b), 0);
        IS(toc_lock_release(a), -EPERM);
    }
    toc_lock_free(a);
    toc_lock_free(b);
}

static void a_closed_holder_abandons(void)
{
    toc_lock *a = opened("closed"), *b = opened("closed");
    struct waiter w;
    IS(try_it(a), 1);
    begin_wait(&w, b, 1);
    toc_close(H(a));
    IS(end_wait(&w), 1);
    IS(toc_lock_is_mine(b), 2);
    IS(toc_lock_release(a), -ESHUTDOWN);
    IS(try_it(a), -ESHUTDOWN);
    IS(toc_lock_locked(a), -ESHUTDOWN);
    IS(toc_lock_release(b), 0);
    IS(try_it(b), 1);
    IS(toc_lock_is_mine(b), 1); /* it was told once */
    toc_lock_free(b);           /* frees it as well */
    toc_lock *c = opened("closed");
    IS(try_it(c), 1);
    IS(toc_lock_is_mine(c), 2);
    toc_lock_free(a);
    toc_lock_free(c);
}

static void close_ends_the_blocked(void)
{
    for (int cancel = 0; cancel < 2; cancel++) {
        toc_lock *a = opened("ends"), *b = opened("ends");
        struct waiter w[3];
        IS(try_it(a), 1);
        for (uint32_t i = 0; i < 3; i++)
            begin_wait(&w[i], b, i + 1);
        if (cancel)
            toc_cancel(H(b));
        else
            toc_close(H(b));
        for (int i = 0; i < 3; i++)
            IS(end_wait(&w[i]), cancel ? -ECANCELED : -ESHUTDOWN);
        IS(toc_lock_release(a), 0);
        toc_lock_free(a);
        toc_lock_free(b);
    }
}

static void a_removed_lock(void)
{
    toc_lock *a = opened("removed"), *b = opened("removed");
    struct waiter w;
    IS(try_it(a), 1);
    begin_wait(&w, b, 1);
    IS(toc_handle_unlink(H(b)), 0);
    IS(end_wait(&w), -EIDRM);
    IS(try_it(b), -EIDRM);
    IS(toc_lock_release(a), 0); /* his hold was good to the end */
    IS(try_it(a), -EIDRM);
    toc_lock_free(a);
    toc_lock_free(b);
}

static void hold_and_die(void *with)
{
    toc_lock *l = opened((char *)with);
    if (try_it(l) != 1)
        _exit(1);
    raise(SIGKILL);
}

struct gate {
    int ready[2], go[2];
    const char *name;
};

static struct gate gate(const char *name)
{
    struct gate g = {.name = name};
    CHECK(pipe(g.ready) == 0 && pipe(g.go) == 0);
    return g;
}

static void hold_until_told(void *with)
{
    struct gate *g = with;
    char c;
    toc_lock *l = opened(g->name);
    if (toc_lock_acquire(l, 0, TOC_FOREVER) != 1 || write(g->ready[1], "r", 1) != 1)
        _exit(1);
    if (read(g->go[0], &c, 1) == 1 && c == 'r')
        _exit(toc_lock_release(l) == 0 ? 0 : 1);
    for (;;)
        pause();
}

static void wait_ready(struct gate *g)
{
    char c;
    CHECK(read(g->ready[0], &c, 1) == 1);
}

static void end_gate(struct gate *g)
{
    for (int i = 0; i < 2; i++) {
        close(g->ready[i]);
        close(g->go[i]);
    }
}

static void the_dead_free_it(void)
{
    toc_lock *l = opened("dead");
    toc_owner_info who;
    reap(child(hold_and_die, "dead"));
    IS(toc_lock_holder(l, &who), 1);
    IS(who.alive, 0);
    IS(toc_lock_locked(l), 0);
    IS(try_it(l), 1);
    IS(toc_lock_is_mine(l), 2);
    IS(toc_lock_release(l), 0);
    IS(try_it(l), 1);
    IS(toc_lock_is_mine(l), 1);
    IS(toc_lock_release(l), 0);
    toc_lock_free(l);
}

static void a_death_wakes_who_waits(void)
{
    toc_lock *l = opened("deathbell"), *other = opened("deathbell");
    for (int i = 0; i < 20; i++) {
        struct gate g = gate("deathbell");
        pid_t pid = child(hold_until_told, &g);
        wait_ready(&g);
        struct waiter w;
        begin_wait(&w, l, 1);
        int fd = toc_fileno(H(other));
        CHECK(fd >= 0);
        IS(toc_lock_locked(other), 1);
        IS(readable(fd), 0);
        kill(pid, SIGKILL);
        IS(end_wait(&w), 1); /* by the kernel's ring: nobody polls */
        IS(toc_lock_is_mine(l), 2);
        reap(pid);
        IS(toc_lock_release(l), 0);
        end_gate(&g);
    }
    toc_lock_free(l);
    toc_lock_free(other);
}

static void the_stopped_are_not_robbed(void)
{
    toc_lock *l = opened("stopped");
    struct gate g = gate("stopped");
    pid_t pid = child(hold_until_told, &g);
    int status;
    wait_ready(&g);
    kill(pid, SIGSTOP);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    IS(toc_lock_acquire(l, 0, toc_now() + 50000000), 0);
    IS(toc_lock_locked(l), 1);
    kill(pid, SIGCONT);
    CHECK(write(g.go[1], "r", 1) == 1);
    IS(toc_lock_acquire(l, 0, TOC_FOREVER), 1);
    IS(toc_lock_is_mine(l), 1);
    reap(pid);
    end_gate(&g);
    toc_lock_free(l);
}

static void look_as_a_child(void *with)
{
    toc_lock *l = with;
    if (toc_lock_is_mine(l) || toc_lock_release(l) != -EPERM || try_it(l) != 0 || toc_lock_locked(l) != 1)
        _exit(1);
    toc_lock_free(l); /* frees nothing: it is the parent's */
}

static void a_child_holds_nothing(void)
{
    toc_lock *l = opened("fork"), *other = opened("fork");
    IS(try_it(l), 1);
    reap(child(look_as_a_child, l));
    IS(toc_lock_is_mine(l), 1);
    IS(try_it(other), 0);
    IS(toc_lock_release(l), 0);
    IS(try_it(other), 1);
    toc_lock_free(l);
    toc_lock_free(other);
}

static void the_descriptor(void)
{
    toc_lock *a = opened("fd"), *b = opened("fd");
    int fd = toc_fileno(H(b));
    CHECK(fd >= 0);
    IS(readable(fd), 1); /* it can be taken */
    IS(try_it(a), 1);
    IS(try_it(b), 0); /* looks consume */
    IS(readable(fd), 0);
    IS(toc_lock_release(a), 0);
    IS(readable(fd), 1);
    IS(try_it(b), 1);
    IS(readable(fd), 0);
    IS(toc_lock_release(b), 0);
    IS(readable(fd), 1);
    IS(toc_lock_locked(b), 0);
    IS(readable(fd), 1);
    toc_lock_free(a);
    toc_lock_free(b);
}

static void anonymous(void)
{
    toc_lock *a = opened(NULL), *b;
    int memory, fifo;
    IS(toc_descriptors(H(a), &memory, &fifo), 0);
    IS(toc_lock_attach(&b, dup(memory), dup(fifo), NULL), 0);
    struct waiter w;
    IS(try_it(a), 1);
    begin_wait(&w, b, 1);
    IS(toc_lock_release(a), 0);
    IS(end_wait(&w), 1);
    toc_owner_info who;
    IS(toc_lock_holder(a, &who), 1);
    IS(who.pid, getpid());
    toc_lock_free(a);
    toc_lock_free(b);
}

static void no_descriptor_left(void)
{
    toc_lock *a = opened("full"), *b = opened("full");
    struct rlimit old, now;
    struct waiter w;
    IS(try_it(a), 1);
    begin_wait(&w, b, 1);
    getrlimit(RLIMIT_NOFILE, &old);
    int next = dup(0);
    now = old;
    now.rlim_cur = (rlim_t)next + 1; /* what is open stays */
    close(next);
    int fill = dup(0);
    CHECK(fill == next && setrlimit(RLIMIT_NOFILE, &now) == 0);
    CHECK(dup(0) < 0 && errno == EMFILE);
    IS(toc_lock_release(a), 0); /* rings by the ring in its hand */
    IS(end_wait(&w), 1);
    toc_lock *c;
    toc_options options = TOC_DEFAULTS;
    options.at = place;
    CHECK(toc_lock_open(&c, "full2", &options, NULL) < 0);
    setrlimit(RLIMIT_NOFILE, &old);
    close(fill);
    IS(toc_lock_release(b), 0);
    toc_lock_free(a);
    toc_lock_free(b);
}

static void the_bell_is_deleted(void)
{
    toc_lock *a = opened("tidied"), *b = opened("tidied");
    char path[2048];
    toc_stat st;
    struct waiter w;
    IS(try_it(a), 1);
    IS(toc_handle_stat(H(a), &st), 0);
    snprintf(path, sizeof path, "%s/.tidied.%016llx.bell", place, (unsigned long long)st.id);
    CHECK(unlink(path) == 0); /* a cleaner */
    begin_wait(&w, b, 1);     /* makes another */
    IS(toc_lock_release(a), 0);
    IS(end_wait(&w), 1);
    IS(toc_lock_release(b), 0);
    toc_lock_free(a);
    toc_lock_free(b);
}

/* -- many threads, many handles, one counter that is no atomic */

#define THREADS 6
#define TURNS 400
#ifdef __SANITIZE_THREAD__
#define HANDLES 1 /* it can't know that two mappings are the same memory */
#else
#define HANDLES 2
#endif
static volatile long counter;
static toc_lock *shared[2];

static void *count_up(void *argument)
{
    toc_lock *l = argument;
    for (int i = 0; i < TURNS; i++) {
        int64_t since = toc_now();
        int rc;
        while ((rc = toc_lock_acquire(l, since, i % 3 ? TOC_FOREVER : toc_now() + 1000000)) == -EINTR || rc == 0)
            ;
        CHECK(rc == 1);
        long seen = counter;
        if (i % 50 == 0)
            sched_yield();
        counter = seen + 1;
        if ((rc = toc_lock_release_quick(l)) == 0)
            rc = toc_lock_release(l) == 0;
        CHECK(rc == 1);
    }
    return NULL;
}

static void nobody_is_inside_with_another(void)
{
    pthread_t threads[THREADS];
    counter = 0;
    shared[0] = opened("crowd");
    shared[1] = opened("crowd");
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, count_up, shared[i % HANDLES]) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    IS(counter, THREADS * TURNS);
    toc_lock_free(shared[0]);
    toc_lock_free(shared[1]);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(one_at_a_time);
    RUN(who_holds_it);
    RUN(a_release_wakes_who_waits);
    RUN(who_waits_long_goes_first);
    RUN(a_loop_does_not_keep_it);
    RUN(a_closed_holder_abandons);
    RUN(close_ends_the_blocked);
    RUN(a_removed_lock);
    RUN(the_dead_free_it);
    RUN(a_death_wakes_who_waits);
    RUN(the_stopped_are_not_robbed);
    RUN(a_child_holds_nothing);
    RUN(the_descriptor);
    RUN(anonymous);
    RUN(no_descriptor_left);
    RUN(the_bell_is_deleted);
    RUN(nobody_is_inside_with_another);
    return unit_end();
}
