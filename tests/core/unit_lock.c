/* unit_lock.c: a lock of threads and handles, call by call. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_lock.h"

#include <string.h>

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

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(one_at_a_time);
    RUN(who_holds_it);
    RUN(a_release_wakes_who_waits);
    RUN(who_waits_long_goes_first);
    RUN(a_loop_does_not_keep_it);
    RUN(the_descriptor);
    RUN(anonymous);
    return unit_end();
}
