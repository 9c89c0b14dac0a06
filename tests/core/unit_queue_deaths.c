/* unit_queue_deaths.c: processes that die, or are stopped, with items, the lock, or a wait. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_queue.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that does something and stops itself; the caller kills it, or lets it go on. */
static pid_t child(void (*what)(toc_queue *))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        toc_queue *q = opened("x");
        alarm(60);
        what(q);
        raise(SIGSTOP);
        toc_queue_leave(q); /* for those who hold the lock; the others never come here */
        _exit(0);
    }
    IS(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    return pid;
}

static void killed(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    IS(waitpid(pid, &status, 0), pid);
}

static void receives_two(toc_queue *q)
{
    toc_taken t;
    received(q, &t);
    received(q, &t);
}

static void gets_one(toc_queue *q) { got(q); }
static void holds_the_lock(toc_queue *q) { IS(toc_queue_enter(q, 0), 0); }

static void what_the_dead_held_comes_back(void)
{
    toc_queue *q = opened("x");
    for (uint64_t i = 1; i <= 4; i++)
        IS(put(q, i), 0);
    pid_t one = child(receives_two);
    IS(state(q).held, 2);
    IS(got(q), 3);
    look_now(q);
    IS(got(q), 4); /* a holder that is stopped lives, however long */
    look_now(q);
    CHECK(empty(q));
    IS(state(q).held, 2);
    killed(one);
    look_now(q);
    IS(got(q), 1); /* in the order in which they were put */
    toc_taken t;
    IS(received(q, &t), 2);
    IS(t.attempt, 2);
    IS(toc_queue_ack(q, &t), 0);
    CHECK(empty(q));
    IS(state(q).held, 0);
    removed(q);
}

static void without_help_within_seconds(void)
{
    toc_queue *q = opened("x");
    toc_taken t;
    IS(put(q, 1), 0);
    IS(put(q, 2), 0);
    killed(child(receives_two));
    for (uint64_t i = 1; i <= 2; i++) { /* nobody resets the clock here */
        IS(toc_queue_receive(q, buffer, sizeof buffer, &t, TOC_FOREVER), 0);
        IS(t.sequence, i);
        IS(toc_queue_ack(q, &t), 0);
    }
    IS(put(q, 3), 0);
    killed(child(gets_one));
    IS(toc_queue_join(q, TOC_FOREVER), 1); /* what the dead had got is nobody's work any more */
    removed(q);
}

static void the_lock_of_the_dead(void)
{
    toc_queue *q = opened("x");
    for (uint64_t i = 1; i <= 5; i++) {
        killed(child(holds_the_lock));
        IS(put(q, i), 0);
    }
    for (uint64_t i = 1; i <= 5; i++) {
        killed(child(holds_the_lock));
        IS(got(q), i);
    }
    removed(q);
}

static void the_lock_of_the_stopped(void)
{
    toc_queue *q = opened("x");
    toc_taken t;
    int status;
    IS(put(q, 1), 0);
    pid_t one = child(holds_the_lock);
    uint64_t holder = queue_file(q)->lock;
    CHECK(holder != 0);
    IS(toc_queue_get(q, buffer, sizeof buffer, &t, toc_now() + 50000000), -ETIMEDOUT);
    IS(toc_queue_put_quick(q, "x", 1), 0); /* needs the full call */
    IS(toc_queue_put(q, "x", 1, 0), -ETIMEDOUT);
    IS(toc_short_holder(queue_file(q)->lock), toc_short_holder(holder)); /* never robbed */
    IS(state(q).ready, 1); /* looks need no lock */
    kill(one, SIGCONT);
    IS(waitpid(one, &status, 0), one);
    IS(status, 0);
    IS(got(q), 1);
    CHECK(empty(q));
    removed(q);
}

static void more_holders_than_one_page(void)
{
    enum { MANY = 130 };
    static pid_t pids[MANY];
    toc_queue *q = opened("x");
    toc_taken t;
    int ready[2];
    char byte;
    IS(pipe(ready), 0);
    for (uint64_t i = 1; i <= MANY; i++)
        IS(put(q, i), 0);
    for (int i = 0; i < MANY; i++) {
        fflush(NULL);
        pids[i] = fork();
        if (pids[i] == 0) {
            toc_queue *mine = opened("x");
            received(mine, &t);
            CHECK(write(ready[1], "x", 1) == 1);
            pause();
        }
        IS(read(ready[0], &byte, 1), 1);
    }
    IS(state(q).held, MANY);
    CHECK(empty(q));
    for (int i = 0; i < MANY; i++)
        killed(pids[i]);
    look_now(q);
    uint64_t sum = 0;
    for (int i = 0; i < MANY; i++) { /* all at once, however many died */
        sum += received(q, &t);
        IS(t.attempt, 2);
        IS(toc_queue_ack(q, &t), 0);
    }
    IS(sum, MANY * (MANY + 1) / 2);
    CHECK(empty(q));
    close(ready[0]);
    close(ready[1]);
    removed(q);
}

static void a_crowd_that_comes_and_goes(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* whose forks are slow */
    enum { CROWD = 150 };
#else
    enum { CROWD = 1300 }; /* more than there are entries for holders */
#endif
    toc_queue *q = opened("x");
    for (uint64_t i = 1; i <= CROWD; i++)
        IS(put(q, i), 0);
    for (uint64_t i = 1; i <= CROWD; i++) {
        int status;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            toc_queue *mine = opened("x");
            _exit(got(mine) == i ? 0 : 1); /* and never says task_done */
        }
        IS(waitpid(pid, &status, 0), pid);
        IS(status, 0);
    }
    look_now(q);
    IS(toc_queue_join(q, TOC_FOREVER), 1);
    removed(q);
}

static void a_burial_that_comes_late(void)
{
    toc_queue *q = opened("x");
    toc_taken t;
    for (uint64_t i = 1; i <= 2; i++)
        IS(put(q, i), 0);
    killed(child(receives_two));
    for (uint64_t i = 3; i < 200; i++) { /* others go on, over several segments */
        atom_store_rel(&queue_file(q)->looked_ns, (uint64_t)toc_now());
        IS(put_sized(q, i, 5000), 0);
        IS(got(q), i);
    }
    look_now(q);
    IS(received(q, &t), 1);
    IS(toc_queue_ack(q, &t), 0);
    IS(received(q, &t), 2);
    IS(toc_queue_ack(q, &t), 0);
    CHECK(empty(q));
    CHECK(state(q).segments <= 2);
    removed(q);
}

static void a_queue_that_is_never_empty(void)
{
    toc_queue *q = opened("x");
    toc_taken t;
    uint64_t number = 2, back = 0;
    IS(put(q, 1), 0);
    IS(put(q, 2), 0);
    killed(child(receives_two));
    IS(put(q, ++number), 0);
    while (back < 2) { /* nobody here ever finds it empty, and so asks who died; within seconds they are back all the same */
        IS(put(q, ++number), 0);
        uint64_t came = received(q, &t);
        IS(t.attempt, came <= 2 ? 2 : 1);
        back += came <= 2;
        IS(toc_queue_ack(q, &t), 0);
    }
    removed(q);
}

static void who_closed_his_last_handle_still_holds(void)
{
    toc_queue *q = opened("x"), *again;
    toc_taken t;
    int status;
    IS(put(q, 1), 0);
    IS(received(q, &t), 1);
    again = opened("x");
    IS(put(again, 2), 0); /* so the process is still somebody there */
    IS(got(again), 2);
    toc_queue_free(q);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        toc_queue *mine = opened("x");
        look_now(mine);
        _exit(empty(mine) ? 0 : 1);
    }
    IS(waitpid(pid, &status, 0), pid);
    IS(status, 0);
    IS(toc_queue_ack(again, &t), 0);
    removed(again);
}

/* A classic lock goes with the first close of any descriptor of its file, whatever the path by which it was opened. */
static void one_place_with_two_names(void)
{
    char other[500];
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_queue *q = opened("x"), *y;
    toc_taken t;
    int status;
    snprintf(other, sizeof other, "%s/again", place);
    IS(symlink(place, other), 0);
    IS(put(q, 1), 0);
    IS(received(q, &t), 1);
    o.common.at = other;
    IS(toc_queue_open(&y, "y", &o), 0);
    IS(put(y, 1), 0);
    removed(y);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        toc_queue *mine = opened("x");
        look_now(mine);
        _exit(empty(mine) ? 0 : 1);
    }
    IS(waitpid(pid, &status, 0), pid);
    IS(status, 0);
    IS(toc_queue_ack(q, &t), 0);
    removed(q);
    IS(unlink(other), 0);
}

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(what_the_dead_held_comes_back);
    RUN(without_help_within_seconds);
    RUN(the_lock_of_the_dead);
    RUN(the_lock_of_the_stopped);
    RUN(more_holders_than_one_page);
    RUN(a_crowd_that_comes_and_goes);
    RUN(a_burial_that_comes_late);
    RUN(a_queue_that_is_never_empty);
    RUN(who_closed_his_last_handle_still_holds);
    RUN(one_place_with_two_names);
    return unit_end();
}
