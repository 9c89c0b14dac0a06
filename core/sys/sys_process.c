/* sys_process.c: one mutex per process that fork respects. */
#define _GNU_SOURCE
#include "sys.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static void (*child_hook)(void);
static sigset_t fork_saved; /* of the thread that is forking; it holds the gate */

_Static_assert(sizeof(sigset_t) <= sizeof(struct sys_mask), "a signal mask fits");

void sys_enter(struct sys_mask *saved)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    memcpy(saved, &before, sizeof before);
    pthread_mutex_lock(&gate);
}

void sys_leave(const struct sys_mask *saved)
{
    sigset_t before;
    memcpy(&before, saved, sizeof before);
    pthread_mutex_unlock(&gate);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void before_fork(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&gate);
    fork_saved = before;
}

static void after_fork(void)
{
    sigset_t before = fork_saved;
    pthread_mutex_unlock(&gate);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void after_fork_in_child(void)
{
    if (child_hook)
        child_hook();
    after_fork();
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void register_handlers(void) { pthread_atfork(before_fork, after_fork, after_fork_in_child); }

void sys_at_fork(void (*child)(void))
{
    child_hook = child;
    pthread_once(&once, register_handlers);
}
