/* unit_lock_ends.c: what ends a wait for a lock, or its handle: close, cancel, removal, a signal; a deleted bell, no descriptors; crowds. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_lock.h"

#include "sys/sys.h"

#include <signal.h>
#include <sys/resource.h>

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

static volatile sig_atomic_t handled;
static void handle(int signal) { (void)signal, handled++; }

/* It comes before the sleep, which would never hear of it without the hold; then the lock's first millisecond is over as
 * well, between whose two sleeps it would also be lost. */
static void a_signal_before_the_sleep_ends_it(void)
{
    toc_lock *a = opened("signals"), *b = opened("signals");
    sigset_t before, after;
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handle}, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    IS(try_it(a), 1);
    for (int hungry = 0; hungry < 2; hungry++) {
        handled = 0;
        toc_signals_hold();
        raise(SIGUSR1);
        IS(handled, 0);
        IS(toc_lock_acquire(b, hungry ? 1 : toc_now(), TOC_FOREVER), -EINTR);
        IS(handled, 1);
        raise(SIGUSR1);
        IS(handled, 1); /* it is on hold again */
        toc_signals_give();
        IS(handled, 2);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i <= 64; i++) /* by number: the kernel's masks are shorter than libc's, whose rest is anything */
        IS(sigismember(&before, i), sigismember(&after, i));
    toc_lock_free(a);
    toc_lock_free(b);
}

/* Who waits for another thread's short lock, or in any futex, can be interrupted as if nothing were on hold. */
static uint32_t ended;

static void *interrupt(void *thread)
{
    while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE)) { /* again and again: one may come before the sleep */
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
        usleep(1000);
    }
    return NULL;
}

static void a_futex_under_hold_hears_signals(void)
{
    pthread_t me = pthread_self(), other;
    uint64_t word = 0;
    handled = 0;
    toc_signals_hold();
    CHECK(pthread_create(&other, NULL, interrupt, &me) == 0);
    IS(sys_futex_wait(&word, 0, ~0u, TOC_FOREVER), -EINTR);
    __atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
    pthread_join(other, NULL);
    toc_signals_give();
    CHECK(handled);
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
    RUN(a_closed_holder_abandons);
    RUN(close_ends_the_blocked);
    RUN(a_signal_before_the_sleep_ends_it);
    RUN(a_futex_under_hold_hears_signals);
    RUN(a_removed_lock);
    RUN(no_descriptor_left);
    RUN(the_bell_is_deleted);
    RUN(nobody_is_inside_with_another);
    return unit_end();
}
