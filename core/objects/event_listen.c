/* event_listen.c: an event as a descriptor, for select, poll, epoll and event loops. */
#include "event.h"

#include "../parts/word.h"
#include "../sys/atom.h"
#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>

int toc_call_begin(struct toc_event *e, struct toc_call *call)
{
    struct sys_mask saved;
    toc_object_enter(&e->o);
    int rc = toc_ear_open(&call->ear, &e->o.bell, true);
    sys_enter(&saved);
    call->next = e->calls;
    e->calls = call;
    sys_leave(&saved);
    return rc;
}

void toc_call_end(struct toc_event *e, struct toc_call *call)
{
    struct sys_mask saved;
    sys_enter(&saved);
    struct toc_call **at = &e->calls;
    while (*at && *at != call)
        at = &(*at)->next;
    if (*at)
        *at = call->next;
    sys_leave(&saved);
    toc_ear_close(&call->ear);
    toc_object_leave(&e->o);
}

void toc_call_wake_all(struct toc_event *e)
{
    struct sys_mask saved;
    sys_enter(&saved);
    for (struct toc_call *c = e->calls; c; c = c->next)
        if (toc_ear_is_open(&c->ear))
            toc_ear_again(&c->ear);
    sys_leave(&saved);
}

/* Threads of one handle share its descriptor: whoever is first to show a complete one wins. A forked child
 * finds its parent's closed (held.h), and replaces it in the same way; `instead_of` is one that has become deaf. The
 * new one is open before the old one is closed, so that its number differs, and a hub sees that it is another. */
static int open_once(struct toc_event *e, struct toc_ear **slot, struct toc_ear *instead_of, bool with_epoll)
{
    struct sys_mask saved;
    struct toc_ear *spare = calloc(1, sizeof *spare);
    if (!spare)
        return -ENOMEM;
    int rc = toc_ear_open(spare, &e->o.bell, with_epoll);
    if (rc == 0) {
        sys_enter(&saved);
        if (!toc_ear_is_open(*slot) || *slot == instead_of) {
            spare->old = *slot;
            *slot = spare;
            spare = NULL;
        }
        sys_leave(&saved);
        if (!spare && (*slot)->old)
            toc_ear_close((*slot)->old);
    }
    if (spare) {
        toc_ear_close(spare);
        free(spare);
    }
    return rc;
}

/* Once a second at most: a cleaner may have deleted the FIFO, and then ringers use another by now. */
static void mend_hearing(struct toc_event *e)
{
    uint64_t now = (uint64_t)sys_now_coarse(), heard = atom_load_relax(&e->heard_ns);
    if (now - heard > TOC_LOOK_NS && atom_cas_acqrel(&e->heard_ns, &heard, now) && toc_ear_is_deaf(e->own, &e->o.bell))
        toc_ear_mend(e->own, &e->o.bell);
}

uint64_t toc_event_look(struct toc_event *e)
{
    uint64_t *word = &e->o.head->word, w;
    /* Counted in, so that close does not give the descriptors' numbers back while we use them. */
    toc_object_enter(&e->o);
    if (atom32_load_acq(&e->o.closed) || !toc_ear_is_open(e->own)) { /* or a fork: the child makes its own */
        w = atom_load_acq(word);
    } else {
        mend_hearing(e);
        toc_ear_edge(e->own, 0);
        w = atom_or_acqrel(word, TOC_BELL);
        if (w & (TOC_SET | TOC_REMOVED))
            toc_ear_again(e->own);
    }
    toc_object_leave(&e->o);
    return w;
}

static int number(int fd) { return fd < 0 ? -ESHUTDOWN : fd; }

/* Who listens makes the bell, and a removed object gets no new one. */
static int may_listen(toc_event *e)
{
    int rc = toc_object_ready(&e->o);
    return rc == 0 && (atom_load_acq(&e->o.head->word) & TOC_REMOVED) ? -EIDRM : rc;
}

int toc_event_fileno(toc_event *e)
{
    int rc = may_listen(e);
    if (rc < 0)
        return rc;
    if (toc_ear_is_open(e->own))
        return number(e->own->epoll.fd);
    atom_store_relax(&e->listening, 1); /* first: another thread may use the descriptor before we come back */
    rc = open_once(e, &e->own, NULL, true);
    if (rc < 0)
        return rc;
    int64_t young = toc_bell_young(e->o.head); /* before the look that arms */
    toc_event_look(e);
    if (young) {
        sys_nap(young);
        toc_event_look(e);
    }
    return number(e->own->epoll.fd);
}

int toc_event_is_set(toc_event *e)
{
    if (atom32_load_acq(&e->o.closed))
        return -ESHUTDOWN;
    uint64_t w = atom_load_acq(&e->o.head->word);
    if (!(w & TOC_SET) && atom_load_relax(&e->listening))
        w = toc_event_look(e);
    if ((w & TOC_REMOVED) || atom32_load_acq(&e->o.gone))
        return -EIDRM;
    return w & TOC_SET ? 1 : 0;
}

int toc_event_generation(toc_event *e, uint64_t *out)
{
    if (atom32_load_acq(&e->o.closed))
        return -ESHUTDOWN;
    uint64_t w = atom_load_acq(&e->o.head->word);
    /* A loop that watches the descriptor and compares generations must not spin on an edge of the past. */
    if (!(w & TOC_SET) && atom_load_relax(&e->listening))
        w = toc_event_look(e);
    *out = word_generation(w);
    return 0;
}

int toc_event_listen(toc_event *e)
{
    int rc = may_listen(e);
    struct toc_ear *ear = e->shared;
    if (rc == 0 && (!toc_ear_is_open(ear) || toc_ear_is_deaf(ear, &e->o.bell)))
        rc = open_once(e, &e->shared, ear, false);
    return rc < 0 ? rc : number(e->shared->fifo.fd);
}

int toc_event_arm(toc_event *e, int for_clear, uint64_t *out)
{
    int rc = toc_object_ready(&e->o);
    if (rc < 0)
        return rc;
    *out = atom_or_acqrel(&e->o.head->word, for_clear ? TOC_CBELL : TOC_BELL);
    return *out & TOC_REMOVED ? -EIDRM : 0;
}

int toc_event_arm_later(toc_event *e, uint64_t *out)
{
    uint64_t *word = &e->o.head->word;
    int rc = toc_object_ready(&e->o);
    if (rc < 0)
        return rc;
    do
        *out = atom_or_acqrel(word, TOC_BELL);
    while ((*out & TOC_SET) && !((*out = atom_or_acqrel(word, TOC_CBELL)) & TOC_SET));
    return *out & TOC_REMOVED ? -EIDRM : 0;
}

int64_t toc_event_look_again(toc_event *e) { return e->o.writable ? toc_bell_young(e->o.head) : 0; }
