/* unit_lock_deaths.c: a holder that dies, is stopped, or forks. Argument: a directory of ours. */
#define _GNU_SOURCE
#include "unit_lock.h"

#include <signal.h>
#include <sys/wait.h>

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

int main(int argc, char **argv)
{
    unit_begin(argc, argv);
    RUN(the_dead_free_it);
    RUN(a_death_wakes_who_waits);
    RUN(the_stopped_are_not_robbed);
    RUN(a_child_holds_nothing);
    return unit_end();
}
