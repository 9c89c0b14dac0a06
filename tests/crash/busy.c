/* busy.c: see busy.h. */
#include "busy.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

const char *const ROLE_NAMES[ROLES] = {
    [SETTER] = "setter", [RINGER] = "setter with listeners", [OPENER] = "opener", [UNLINKER] = "unlinker",
    [CLEARING] = "clearer", [SLEEPING] = "sleeper", [LISTENING] = "listener", [WAITING_CLEAR] = "waits for the clear",
    [THREADS] = "three threads", [TASK] = "Python, loop and thread", [SHELL] = "shell, evt_wait",
};
const char *const PHASE_NAMES[PHASES] = {
    [STARTING] = "starting", [PARKED] = "parked", [DEAD] = "dead", [WAIT_SET] = "wait", [WAIT_CLEAR] = "wait_clear",
    [IN_SET] = "set", [IN_CLEAR] = "clear", [IN_OPEN] = "open", [IN_UNLINK] = "unlink", [IN_FILENO] = "fileno", [IN_FREE] = "free", [BETWEEN] = "between calls",
};

struct worker {
    struct busy_page *page;
    struct busy_slot *slot;
    const char *dir;
    toc_event *e;
    uint64_t random_state;
};

static void phase(struct worker *w, enum phase p) { __atomic_store_n(&w->slot->phase, p, __ATOMIC_SEQ_CST); }

/* "I begin" before the look, while random_kill freezes before it looks at us: one of the two sees the other. */
static int may_begin(struct worker *w)
{
    phase(w, BETWEEN);
    return !__atomic_load_n(&w->page->frozen, __ATOMIC_SEQ_CST);
}

static uint64_t draw(struct worker *w, uint64_t below)
{
    w->random_state ^= w->random_state << 13;
    w->random_state ^= w->random_state >> 7;
    w->random_state ^= w->random_state << 17;
    return w->random_state % below;
}

void busy_unpark(struct busy_page *page) { syscall(SYS_futex, &page->frozen, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0); }

static void park(struct worker *w)
{
    while (!may_begin(w)) {
        phase(w, PARKED);
        syscall(SYS_futex, &w->page->frozen, FUTEX_WAIT, 1, NULL, NULL, 0);
    }
}

static void must_not_fail(struct worker *w, int rc)
{
    fprintf(stderr, "worker %d: %s gave %d (%s)\n", (int)getpid(), PHASE_NAMES[w->slot->phase], rc, toc_strerror(rc));
    _exit(100);
}

static void open_it(struct worker *w)
{
    toc_options o = TOC_DEFAULTS;
    int rc;
    o.at = w->dir;
    phase(w, IN_OPEN);
    /* Busy: only when removers come faster than openers, which is no fault. Everything else is. */
    while ((rc = toc_event_open(&w->e, "x", &o)) == -EBUSY) {}
    if (rc < 0)
        must_not_fail(w, rc);
}

static void free_it(struct worker *w)
{
    phase(w, IN_FREE);
    toc_event_free(w->e);
    w->e = NULL;
}

static void again(struct worker *w, int rc) /* after each call: was it removed? Anything else must not fail */
{
    if (rc == -EIDRM) {
        free_it(w);
        open_it(w);
    } else if (rc < 0 && rc != -EINTR) {
        must_not_fail(w, rc);
    }
}

static void set(struct worker *w)
{
    phase(w, IN_SET);
    again(w, toc_event_set(w->e));
}

static void clear(struct worker *w)
{
    phase(w, IN_CLEAR);
    again(w, toc_event_clear(w->e));
}

static void wait_clear(struct worker *w)
{
    uint64_t since = toc_event_clears(w->e);
    phase(w, WAIT_CLEAR);
    again(w, toc_event_wait_clear(w->e, since, TOC_FOREVER));
}

static void sleep_for_set(struct worker *w)
{
    uint64_t since = toc_event_clears(w->e);
    phase(w, WAIT_SET);
    again(w, toc_event_wait(w->e, since, TOC_FOREVER));
}

static void listen_for_set(struct worker *w)
{
    phase(w, IN_FILENO);
    struct pollfd p = {toc_event_fileno(w->e), POLLIN, 0};
    uint64_t since = toc_event_clears(w->e), generation = 0;
    int rc = p.fd < 0 ? p.fd : 0;
    phase(w, WAIT_SET);
    while (rc >= 0) {
        rc = toc_event_is_set(w->e);
        if (rc < 0 || (rc = toc_event_generation(w->e, &generation)) < 0 || generation > since)
            break;
        poll(&p, 1, -1);
    }
    again(w, rc);
}

static void unlink_it(struct worker *w)
{
    struct timespec t = {0, 200000};
    char path[TOC_PATH_MAX];
    int rc = 0;
    if (w->page->unlinking && toc_path(path, w->dir, "x") == 0) {
        phase(w, IN_UNLINK);
        rc = toc_unlink(path);
    }
    if (rc < 0 && rc != -ENOENT && rc != -EIDRM && rc != -EBUSY)
        must_not_fail(w, rc);
    phase(w, BETWEEN);
    nanosleep(&t, NULL);
}

/* Between two waits everyone asks again: when it is frozen, nobody may begin one that our next change would not end. */
static void go_on(struct worker *w, enum role role)
{
    switch (role) {
    case SETTER: set(w); if (draw(w, 2)) clear(w); break;
    case RINGER: /* it listens itself, so its sets ring */
        listen_for_set(w);
        if (may_begin(w)) {
            clear(w);
            set(w);
        }
        break;
    case OPENER: free_it(w); open_it(w); if (draw(w, 4) == 0) set(w); break;
    case UNLINKER: unlink_it(w); break;
    case CLEARING: clear(w); if (may_begin(w)) wait_clear(w); break;
    case SLEEPING: sleep_for_set(w); if (may_begin(w)) wait_clear(w); break;
    case LISTENING: listen_for_set(w); if (may_begin(w)) wait_clear(w); break;
    default: wait_clear(w); if (may_begin(w)) sleep_for_set(w); break;
    }
}

static void loop(struct worker *w, enum role role)
{
    open_it(w);
    for (;;) {
        park(w);
        go_on(w, role);
    }
}

static void *thread_main(void *arg)
{
    struct worker *w = arg;
    loop(w, w->random_state & 1 ? SLEEPING : LISTENING);
    return NULL;
}

void busy_main(struct busy_page *page, enum role role, int slot, const char *dir, uint64_t seed)
{
    struct worker w = {page, &page->slot[slot], dir, NULL, seed | 1}, other[2];
    pthread_t thread;
    for (int i = 0; role == THREADS && i < 2; i++) {
        other[i] = (struct worker){page, &page->slot[slot + 1 + i], dir, NULL, (seed << 2 | 2) + (uint64_t)i};
        if (pthread_create(&thread, NULL, thread_main, &other[i]))
            _exit(103);
    }
    loop(&w, role == THREADS ? SETTER : role);
    _exit(0);
}
