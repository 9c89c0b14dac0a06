/* handle.c: a handle's life, whatever its object: open, wait by the bell, cancel, close, free. */
#include "handle.h"

#include "../parts/word.h"
#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>

/* Handles that keep an ear open between two calls, in this process. Two descriptors each: a program with thousands of
 * objects must not lose its descriptors to those that wait now and then. */
#define IDLE_EARS 64
static uint32_t idle_ears, idle_forks; /* guarded by sys_enter */

static int begin(struct toc_handle **out, int rc, struct toc_handle *h, const struct toc_kind *kind)
{
    if (rc < 0) {
        free(h);
        return rc;
    }
    h->kind = kind;
    h->idle = (struct toc_call){.ear = TOC_EAR_NONE};
    *out = h;
    return 0;
}

int toc_handle_make(struct toc_handle **out, const struct toc_kind *kind, const struct toc_birth *birth, const char *name,
                    const toc_options *options)
{
    toc_options o = options ? *options : TOC_DEFAULTS;
    struct toc_handle *h = calloc(1, kind->handle);
    return h ? begin(out, toc_object_make(&h->o, kind->kind, kind->file, birth, name, &o), h, kind) : -ENOMEM;
}

int toc_handle_open(struct toc_handle **out, const struct toc_kind *kind, const char *name, const toc_options *options)
{
    return toc_handle_make(out, kind, NULL, name, options);
}

int toc_handle_attach(struct toc_handle **out, const struct toc_kind *kind, int memory, int pipe)
{
    struct toc_handle *h = calloc(1, kind->handle);
    if (h)
        return begin(out, toc_object_attach(&h->o, kind->kind, kind->file, memory, pipe), h, kind);
    sys_close(memory);
    sys_close(pipe);
    return -ENOMEM;
}

int toc_handle_verdict(const struct toc_handle *h, uint64_t word)
{
    if (word & TOC_REMOVED || atom32_load_acq(&h->o.gone))
        return -EIDRM;
    if (atom32_load_acq(&h->o.closed))
        return -ESHUTDOWN;
    return atom32_load_acq(&h->cancelled) ? -ECANCELED : 0;
}

/* -- calls that wait by descriptor */

static uint64_t user(void) { return toc_held_forks() + 1ull; }

static bool take_idle(struct toc_handle *h)
{
    uint64_t mine = user(), seen = atom_load_acq(&h->idle_user);
    while (seen != mine) /* nobody's, or a thread's of the parent, which isn't here */
        if (atom_cas_acqrel(&h->idle_user, &seen, mine))
            return true;
    return false;
}

static void give_idle(struct toc_handle *h)
{
    uint64_t mine = user();
    atom_cas_acqrel(&h->idle_user, &mine, 0);
}

static bool may_stay_open(void)
{
    struct sys_mask saved;
    sys_enter(&saved);
    if (idle_forks != toc_held_forks()) { /* the child has closed them all (held.h) */
        idle_forks = toc_held_forks();
        idle_ears = 0;
    }
    bool may = idle_ears < IDLE_EARS;
    idle_ears += may;
    sys_leave(&saved);
    return may;
}

static void close_idle(struct toc_handle *h)
{
    struct sys_mask saved;
    if (!toc_ear_is_open(&h->idle.ear))
        return;
    toc_ear_close(&h->idle.ear);
    sys_enter(&saved);
    if (idle_ears && idle_forks == toc_held_forks())
        idle_ears--;
    sys_leave(&saved);
}

/* Moved in when it is complete: wake_all may be looking at it. */
static int open_idle(struct toc_handle *h)
{
    struct toc_ear fresh;
    int rc = toc_ear_open(&fresh, &h->o.bell, true);
    if (rc == 0) {
        toc_held_move(&h->idle.ear.epoll, &fresh.epoll);
        toc_held_move(&h->idle.ear.fifo, &fresh.fifo);
    }
    return rc;
}

/* Threads that a fork left behind stand in the list no more: their stacks may be other threads' by now. */
static struct toc_call **list_of(struct toc_handle *h)
{
    if (h->calls_forks != toc_held_forks()) {
        h->calls_forks = toc_held_forks();
        h->calls = NULL;
    }
    return &h->calls;
}

/* *call: the caller's own; becomes the idle one if that is free. */
static int call_begin(struct toc_handle *h, struct toc_call **call)
{
    struct sys_mask saved;
    toc_object_enter(&h->o);
    if (take_idle(h)) {
        /* A cleaner may have deleted the FIFO since the last call, and then ringers use another by now. */
        if (toc_ear_is_open(&h->idle.ear)) {
            if (!toc_ear_is_deaf(&h->idle.ear, &h->o.bell)) {
                *call = &h->idle;
                return 0;
            }
            close_idle(h);
        }
        if (may_stay_open()) {
            *call = &h->idle;
            int rc = open_idle(h);
            if (rc < 0) {
                sys_enter(&saved);
                idle_ears--;
                sys_leave(&saved);
            }
            return rc;
        }
        give_idle(h);
    }
    int rc = toc_ear_open(&(*call)->ear, &h->o.bell, true);
    sys_enter(&saved);
    struct toc_call **list = list_of(h);
    (*call)->next = *list;
    *list = *call;
    sys_leave(&saved);
    return rc;
}

static void call_end(struct toc_handle *h, struct toc_call *call)
{
    if (call == &h->idle) {
        if (atom32_load_acq(&h->o.closed))
            close_idle(h);
        give_idle(h);
    } else {
        struct sys_mask saved;
        sys_enter(&saved);
        struct toc_call **at = list_of(h);
        while (*at && *at != call)
            at = &(*at)->next;
        if (*at)
            *at = call->next;
        sys_leave(&saved);
        toc_ear_close(&call->ear);
    }
    toc_object_leave(&h->o);
}

static void wake_calls(struct toc_handle *h)
{
    struct sys_mask saved;
    sys_enter(&saved);
    for (struct toc_call *c = *list_of(h); c; c = c->next)
        if (toc_ear_is_open(&c->ear))
            toc_ear_again(&c->ear);
    /* In use or not: the next call consumes what is old. Its user may be closing it. */
    if (toc_ear_is_open(&h->idle.ear) && h->idle.ear.epoll.fd >= 0)
        toc_ear_again(&h->idle.ear);
    sys_leave(&saved);
}

int64_t toc_handle_next_look(const struct toc_handle *h)
{
    /* Counted from the last look and not from the last wake: rings of others must not put it off. */
    return (int64_t)atom_load_relax(&h->o.looked_ns) + TOC_SLEEP_NS;
}

int64_t toc_handle_sleep_until(const struct toc_handle *h, int64_t deadline)
{
    int64_t look = toc_handle_next_look(h);
    return deadline == TOC_FOREVER || deadline > look ? look : deadline;
}

/* When the bell is old, 0 if it is: who waits for SET looks once more then (bell.h). Only an event's word has SLEPT. */
static int64_t young_until(struct toc_handle *h, uint64_t bit)
{
    if (bit != TOC_BELL || !(atom_load_acq(&h->o.head->word) & TOC_SLEPT))
        return 0;
    int64_t young = toc_bell_young(h->o.head);
    return young ? sys_now() + young : 0;
}

int toc_handle_await(struct toc_handle *h, uint64_t bit, toc_done *done, uint64_t since, int64_t deadline)
{
    struct toc_call mine = {.ear = TOC_EAR_NONE}, *call = &mine;
    int rc = call_begin(h, &call);
    int64_t young = rc == 0 ? young_until(h, bit) : 0; /* before the arming */
    if (rc == 0)
        toc_ear_edge(&call->ear, 0); /* of the past; from here on: arm, judge, sleep, which consumes */
    while (rc == 0) {
        uint64_t w = atom_or_acqrel(&h->o.head->word, bit);
        if ((rc = toc_handle_verdict(h, w)) < 0)
            break;
        if (done(h, w, since)) {
            rc = 1;
            break;
        }
        int64_t now = sys_now();
        if (deadline != TOC_FOREVER && deadline <= now)
            break;
        if (now >= toc_handle_next_look(h)) {
            toc_object_check_name(&h->o);
            if (toc_ear_is_deaf(&call->ear, &h->o.bell)) {
                call_end(h, call);
                call = &mine;
                rc = call_begin(h, &call);
            }
            continue;
        }
        TOC_STEP("handle.await.before_sleep");
        int64_t until = toc_handle_sleep_until(h, deadline);
        if (young && young <= now)
            young = 0; /* the look that we have just had was the second */
        rc = toc_ear_edge(&call->ear, young && young < until ? young : until);
        if (rc > 0)
            rc = 0;
    }
    call_end(h, call);
    return rc;
}

/* -- the end of a handle */

/* A sleeper may be between its look and its sleep, where a wake doesn't reach it: so call until all of our own are
 * out. Bounded, because a thread of this process may be stopped by a debugger. */
static void wake_own(struct toc_handle *h)
{
    atom_fence(); /* after `closed` or `cancelled` was stored; pairs with the fence in toc_object_enter */
    for (int i = 0; i < 2000 && atom32_load_acq(&h->o.inside) && h->o.forks == toc_held_forks(); i++) {
        sys_futex_wake_mask(&h->o.head->word, h->o.mask);
        wake_calls(h);
        sys_nap(50000);
    }
}

void toc_cancel(toc_handle *h)
{
    atom32_store_rel(&h->cancelled, 1); /* pairs with the acquire in toc_handle_verdict */
    wake_own(h);
    if (atom_load_relax(&h->listening))
        toc_handle_look(h); /* whoever polls our descriptor is to look, too */
}

void toc_close(toc_handle *h)
{
    atom32_store_rel(&h->o.closed, 1); /* pairs with the acquires of whoever looks at it */
    wake_own(h);
    if (h->kind->let_go)
        h->kind->let_go(h);
    if (h->own)
        toc_ear_close(h->own);
    if (h->shared)
        toc_ear_close(h->shared);
    if (h->alarm)
        toc_held_close(h->alarm);
    if (take_idle(h)) { /* else its user, who is stopped, closes it when he goes on */
        close_idle(h);
        give_idle(h);
    }
}

static void free_all(struct toc_ear *ear)
{
    while (ear) {
        struct toc_ear *old = ear->old;
        free(ear);
        ear = old;
    }
}

void toc_handle_free(struct toc_handle *h)
{
    toc_close(h);
    free_all(h->own);
    free_all(h->shared);
    free(h->alarm);
    if (h->owner)
        toc_owner_quit(h->owner);
    toc_object_free(&h->o);
    free(h);
}
