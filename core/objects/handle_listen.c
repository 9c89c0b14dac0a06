/* handle_listen.c: an object as a descriptor, for select, poll, epoll and event loops. */
#include "handle.h"

#include "../parts/word.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>

/* Threads of one handle share its descriptor: whoever is first to show a complete one wins. A forked child
 * finds its parent's closed (held.h), and replaces it in the same way; `instead_of` is one that has become deaf. The
 * new one is open before the old one is closed, so that its number differs, and a hub sees that it is another. */
static int open_once(struct toc_handle *h, struct toc_ear **slot, struct toc_ear *instead_of, bool with_epoll)
{
    struct sys_mask saved;
    struct toc_ear *spare = calloc(1, sizeof *spare);
    if (!spare)
        return -ENOMEM;
    int rc = toc_ear_open(spare, &h->o.bell, with_epoll);
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
static void mend_hearing(struct toc_handle *h)
{
    uint64_t now = (uint64_t)sys_now_coarse(), heard = atom_load_relax(&h->heard_ns);
    if (now - heard > TOC_LOOK_NS && atom_cas_acqrel(&h->heard_ns, &heard, now) && toc_ear_is_deaf(h->own, &h->o.bell))
        toc_ear_mend(h->own, &h->o.bell);
}

uint64_t toc_handle_look(struct toc_handle *h)
{
    uint64_t *word = &h->o.head->word, w;
    /* Counted in, so that close does not give the descriptors' numbers back while we use them. */
    toc_object_enter(&h->o);
    if (atom32_load_acq(&h->o.closed) || !toc_ear_is_open(h->own)) { /* or a fork: the child makes its own */
        w = atom_load_acq(word);
    } else {
        mend_hearing(h);
        toc_ear_edge(h->own, 0);
        w = atom_or_acqrel(word, TOC_BELL);
        if ((w & TOC_REMOVED) || atom32_load_acq(&h->cancelled) || h->kind->ready(h, w))
            toc_ear_again(h->own);
    }
    toc_object_leave(&h->o);
    return w;
}

static int number(int fd) { return fd < 0 ? -ESHUTDOWN : fd; }

/* Who listens makes the bell, and a removed object gets no new one. */
static int may_listen(struct toc_handle *h)
{
    int rc = toc_object_ready(&h->o);
    return rc == 0 && (atom_load_acq(&h->o.head->word) & TOC_REMOVED) ? -EIDRM : rc;
}

int toc_fileno(toc_handle *h)
{
    int rc = may_listen(h);
    if (rc < 0)
        return rc;
    if (toc_ear_is_open(h->own))
        return number(h->own->epoll.fd);
    atom_store_relax(&h->listening, 1); /* first: another thread may use the descriptor before we come back */
    rc = open_once(h, &h->own, NULL, true);
    if (rc < 0)
        return rc;
    int64_t young = toc_bell_young(h->o.head); /* before the look that arms */
    toc_handle_look(h);
    if (young) {
        sys_nap(young);
        toc_handle_look(h);
    }
    return number(h->own->epoll.fd);
}

int toc_listen(toc_handle *h)
{
    int rc = may_listen(h);
    struct toc_ear *ear = h->shared;
    if (rc == 0 && (!toc_ear_is_open(ear) || toc_ear_is_deaf(ear, &h->o.bell)))
        rc = open_once(h, &h->shared, ear, false);
    return rc < 0 ? rc : number(h->shared->fifo.fd);
}

int toc_handle_arm(struct toc_handle *h, uint64_t bit, uint64_t *word)
{
    int rc = toc_object_ready(&h->o);
    if (rc < 0)
        return rc;
    *word = atom_or_acqrel(&h->o.head->word, bit);
    return toc_handle_verdict(h, *word);
}

int toc_arm(toc_handle *h, int side, uint64_t *ticket)
{
    int rc = toc_handle_arm(h, side ? TOC_CBELL : TOC_BELL, ticket);
    *ticket = rc < 0 ? 0 : word_clears(*ticket);
    return rc;
}

int toc_look_ready(toc_handle *h, uint64_t *word)
{
    *word = atom_load_acq(&h->o.head->word);
    int rc = toc_handle_arm(h, TOC_BELL, word);
    if (rc == -EIDRM || rc == -ESHUTDOWN || rc == -ECANCELED)
        return 1;
    return rc < 0 ? rc : h->kind->ready(h, *word);
}

uint64_t toc_ticket(const toc_handle *h) { return word_clears(atom_load_acq(&h->o.head->word)); }
int64_t toc_look_again(toc_handle *h) { return h->o.writable ? toc_bell_young(h->o.head) : 0; }
