/* lock_handle.c: a lock's handle: its life, the ring in its hand, and the looks that take nothing. */
#include "lock.h"

#include "../sys/sys.h"

#include <errno.h>
#include <string.h>

static int lives(struct toc_lock *l, uint64_t claim)
{
    struct toc_owner *me;
    int rc = toc_handle_owner(&l->h, (uint64_t)sys_now_coarse(), &me);
    return rc < 0 || toc_owner_lives(me, claim_owner(claim)); /* a doubt is alive */
}

int toc_lock_is_free(struct toc_lock *l, bool hungry)
{
    uint64_t claim = atom_load_acq(&l->h.o.head->claim);
    return claim_owner(claim) ? !lives(l, claim) : hungry || !(claim & TOC_HUNGRY);
}

static bool ready(const struct toc_handle *h, uint64_t word)
{
    (void)word;
    return toc_lock_is_free((struct toc_lock *)(uintptr_t)h, true);
}

static const struct toc_kind LOCK = {TOC_KIND_LOCK, TOC_LOCK_SIZE, sizeof(struct toc_lock), ready, toc_lock_let_go};

static struct toc_lock *begin(struct toc_handle *h, const char *command)
{
    struct toc_lock *l = (struct toc_lock *)h; /* its first member */
    l->ring = (struct toc_held)TOC_HELD_NONE;
    for (size_t i = 0; command && i < TOC_COMMAND_MAX && command[i]; i++)
        l->command[i] = command[i];
    return l;
}

int toc_lock_open(toc_lock **out, const char *name, const toc_options *options, const char *command)
{
    struct toc_handle *h;
    int rc = toc_handle_open(&h, &LOCK, name, options);
    if (rc == 0)
        *out = begin(h, command);
    return rc;
}

int toc_lock_attach(toc_lock **out, int memory, int pipe, const char *command)
{
    struct toc_handle *h;
    int rc = toc_handle_attach(&h, &LOCK, memory, pipe);
    if (rc == 0)
        *out = begin(h, command);
    return rc;
}

void toc_lock_free(toc_lock *l)
{
    if (l)
        toc_handle_free(&l->h);
}

/* -- the ring in the hand */

static bool is_deaf(const struct toc_lock *l)
{
    struct sys_file file;
    return !l->h.o.bell.anonymous && sys_fstat(l->ring.fd, &file) == 0 && file.links == 0;
}

int toc_lock_take_ring(struct toc_lock *l, uint64_t now)
{
    struct sys_mask saved;
    struct toc_held fresh = TOC_HELD_NONE;
    uint64_t me = toc_lock_user();
    if (atom_load_acq(&l->ring_of) == me) {
        if (now - atom_load_relax(&l->ring_looked_ns) <= TOC_LOOK_NS)
            return 0;
        atom_store_relax(&l->ring_looked_ns, now);
        sys_enter(&saved);
        bool deaf = l->ring.fd >= 0 && is_deaf(l); /* a cleaner has deleted its FIFO: others listen to another */
        sys_leave(&saved);
        if (!deaf)
            return 0;
    }
    int rc = toc_bell_open(&l->h.o.bell, &fresh);
    if (rc < 0)
        return rc;
    if (atom_load_acq(&l->h.o.head->word) & TOC_REMOVED) {
        toc_bell_forget(&l->h.o.bell);
        rc = -EIDRM;
    }
    sys_enter(&saved);
    if (rc == 0 && atom32_load_acq(&l->h.o.closed)) /* under the mutex, as let_go is: it must not outlive the handle */
        rc = -ESHUTDOWN;
    if (rc == 0) {
        toc_held_close_entered(&l->ring);
        toc_held_move_entered(&l->ring, &fresh);
        atom_store_relax(&l->ring_looked_ns, now);
        atom_store_rel(&l->ring_of, me); /* pairs with the acquire above */
    }
    toc_held_close_entered(&fresh);
    sys_leave(&saved);
    return rc;
}

void toc_lock_drop_ring(struct toc_lock *l)
{
    struct sys_mask saved;
    sys_enter(&saved);
    atom_store_rel(&l->ring_of, 0);
    toc_held_close_entered(&l->ring);
    sys_leave(&saved);
}

/* -- looks */

int toc_lock_arm(toc_lock *l, int side, uint64_t *ticket)
{
    int rc = toc_handle_arm(&l->h, TOC_BELL, ticket);
    *ticket = rc == 0 && toc_lock_is_free(l, side == 0);
    return rc;
}

uint64_t toc_lock_turns(const toc_lock *l) { return (atom_load_acq(&l->h.o.head->claim) & TOC_TURNS) / TOC_TURN; }

int toc_lock_locked(toc_lock *l)
{
    if (atom32_load_acq(&l->h.o.closed))
        return -ESHUTDOWN;
    toc_handle_settle(&l->h, 0);
    return !toc_lock_is_free(l, true);
}

int toc_lock_is_mine(const toc_lock *l)
{
    if (atom_load_acq(&l->held) != toc_lock_user())
        return 0;
    return atom_load_relax(&l->abandoned) ? 2 : 1;
}

int toc_lock_holder(toc_lock *l, toc_owner_info *out)
{
    struct toc_head *head = l->h.o.head;
    struct toc_who who;
    *out = (toc_owner_info){0};
    if (atom32_load_acq(&l->h.o.closed))
        return -ESHUTDOWN;
    uint64_t claim = atom_load_acq(&head->claim);
    if (!claim_owner(claim))
        return 0;
    out->alive = lives(l, claim);
    if (toc_who_read(head, claim, ~0ull << TOC_CLAIM_BITS, &who)) {
        out->pid = who.pid;
        memcpy(out->command, who.command, who.length);
    }
    return 1;
}
