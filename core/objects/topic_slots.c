/* topic_slots.c: who listens to a topic, and how far they are. For emitters that ask to wait for them, and for people; no
 * emit needs it. A slot is taken under the lock and given back by a store. What the dead leave in one is taken for free by whoever
 * looks: their owner id never comes again. */
#include "topic.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

#define LOT_BITS 18

struct toc_slot *toc_topic_slot(const struct toc_topic *t, uint32_t i)
{
    return i < TOC_SLOTS ? &topic_file(t)->slot[i] : &topic_file(t)->more[i - TOC_SLOTS];
}

static bool lives(const struct toc_topic *t, uint64_t who) { return toc_owner_lives(toc_me(&t->h), who >> LOT_BITS); }

static int allocate_more(struct toc_topic *t)
{
    if (t->s.slot_pages >= TOC_SLOTS_MORE / TOC_SLOTS_PAGE)
        return -EUSERS;
    int fd = t->h.o.path ? sys_open(t->h.o.path, true) : t->h.o.memory;
    if (fd < 0)
        return fd;
    int rc = sys_allocate_range(fd, offsetof(struct toc_topic_file, more) + (uint64_t)t->s.slot_pages * TOC_PAGE, TOC_PAGE);
    if (t->h.o.path)
        sys_close(fd);
    if (rc < 0)
        return rc;
    t->s.slot_pages++;
    rc = toc_topic_commit(t);
    t->s.slot_pages -= rc < 0;
    return rc;
}

/* The first that is free, or a dead one's. */
static uint32_t find_vacant(const struct toc_topic *t)
{
    for (uint32_t i = 0; i < topic_slots(&t->s); i++) {
        uint64_t who = atom_load_acq(&toc_topic_slot(t, i)->who);
        if (who == 0 || !lives(t, who))
            return i;
    }
    return TOC_SLOT_NONE;
}

int toc_topic_take_slot(struct toc_topic *t, uint64_t sequence)
{
    uint64_t lot;
    int rc = sys_random(&lot, sizeof lot);
    uint32_t at = find_vacant(t);
    if (rc == 0 && at == TOC_SLOT_NONE) {
        rc = allocate_more(t);
        at = rc < 0 ? at : find_vacant(t);
    }
    if (rc < 0)
        return rc;
    struct toc_slot *slot = toc_topic_slot(t, at);
    atom_store_rel(&slot->who, 0); /* a dead one's; an emitter that judges it now must not take its place for ours */
    atom_store_relax(&slot->sequence, sequence);
    t->who = toc_me(&t->h)->id << LOT_BITS | (lot >> (64 - LOT_BITS));
    TOC_STEP("topic.slot.before_who");
    atom_store_rel(&slot->who, t->who); /* pairs with the acquires of those who judge it */
    t->slot = at;
    t->slot_forks = toc_held_forks();
    return 0;
}

/* Ours, still: a process whose descriptors somebody closed looks dead for a second, and may have lost it. */
static struct toc_slot *mine(const struct toc_topic *t)
{
    if (t->slot == TOC_SLOT_NONE || t->slot_forks != toc_held_forks())
        return NULL;
    struct toc_slot *slot = toc_topic_slot(t, t->slot);
    return atom_load_relax(&slot->who) == t->who ? slot : NULL;
}

/* Emitters wait at the bell with CBELL. What ended their wait is done before the ring, so one who is killed in between
 * leaves them to their next look, which an emitter that waits has ten times a second. */
static void ring(struct toc_topic *t)
{
    struct toc_held held = TOC_HELD_NONE;
    if (toc_bell_open(&t->h.o.bell, &held) < 0)
        return; /* no descriptor left: as above */
    /* Of all bits, an emitter's commit takes neither away nor adds this one, so it may go by itself. */
    atom_and_acqrel(&topic_file(t)->head.word, ~TOC_CBELL);
    toc_held_close(&held); /* this is the ring */
}

static void tell_emitters(struct toc_topic *t, uint64_t read)
{
    struct toc_topic_file *f = topic_file(t);
    if (!atom_load_relax(&f->paced))
        return;
    atom_fence(); /* between how far we are and the look; pairs with the arming of an emitter, which then looks how far we are */
    uint64_t w = atom_load_acq(&f->head.word);
    if ((w & TOC_CBELL) && !(w & TOC_REMOVED) && read >= atom_load_relax(&f->room_sequence))
        ring(t);
}

void toc_topic_publish(struct toc_topic *t, uint64_t sequence)
{
    struct toc_slot *slot = mine(t);
    if (!slot)
        return;
    atom_store_rel(&slot->sequence, sequence);
    tell_emitters(t, sequence);
}

void toc_topic_drop_slot(struct toc_topic *t)
{
    struct toc_slot *slot = mine(t);
    uint64_t seen = t->who;
    if (slot && atom_cas_acqrel(&slot->who, &seen, 0))
        tell_emitters(t, UINT64_MAX);
    t->slot = TOC_SLOT_NONE;
}

bool toc_topic_is_behind(const struct toc_topic *t, const struct toc_topic_state *s, uint64_t sequence)
{
    for (uint32_t i = 0; i < topic_slots(s); i++) {
        const struct toc_slot *slot = toc_topic_slot(t, i);
        uint64_t who = atom_load_acq(&slot->who);
        if (who && atom_load_acq(&slot->sequence) < sequence && lives(t, who))
            return true;
    }
    return false;
}

int64_t toc_topic_subscribers(toc_topic *t)
{
    struct toc_topic_state s;
    int64_t n = 0;
    int rc = toc_topic_ready(t);
    if (rc < 0)
        return rc;
    toc_topic_snapshot(t, &s);
    for (uint32_t i = 0; i < topic_slots(&s); i++) {
        uint64_t who = atom_load_acq(&toc_topic_slot(t, i)->who);
        n += who && lives(t, who);
    }
    return n;
}

uint64_t toc_topic_slowest(toc_topic *t)
{
    struct toc_topic_state s;
    uint64_t slowest = UINT64_MAX;
    if (toc_topic_ready(t) < 0)
        return slowest;
    toc_topic_snapshot(t, &s);
    for (uint32_t i = 0; i < topic_slots(&s); i++) {
        const struct toc_slot *slot = toc_topic_slot(t, i);
        uint64_t who = atom_load_acq(&slot->who), read = atom_load_acq(&slot->sequence);
        if (who && read < slowest && lives(t, who))
            slowest = read;
    }
    return slowest;
}
