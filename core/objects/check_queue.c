/* check_queue.c: is a queue sound, seen from outside? queue_check.c asks the same of an open one, under its lock. */
#include "check.h"

#include "../parts/short_lock.h"
#include "../sys/sys.h"
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct toc_queue_file, field)

struct look {
    struct toc_image *m;
    struct toc_tape tape;
    struct toc_queue_state s;
    uint64_t word, lock;
};

/* The lock before the state, which its holder may then change. */
static int snapshot(struct look *l)
{
    static const struct toc_states states = {AT(state), sizeof l->s, offsetof(struct toc_queue_state, half)};
    int rc = toc_image_word(l->m, AT(lock), &l->lock);
    return rc < 0 ? rc : toc_tape_snapshot(&l->tape, &states, &l->s, &l->word);
}

static bool is_sound(const struct toc_queue_state *s)
{
    return s->low <= s->head && s->head <= s->tail && s->head_sequence <= s->tail_sequence && s->half <= 1
        && s->delayed <= s->back && s->holder_pages <= TOC_HOLDERS_MORE / TOC_HOLDERS_PAGE && s->tail - s->low < 1ull << 48
        && s->low % 8 == 0 && s->head % 8 == 0 && s->tail % 8 == 0 && s->shut <= 2;
}

static const char *state_fault(const struct look *l)
{
    const struct toc_table *t = l->tape.table;
    if (!is_sound(&l->s))
        return "its state makes no sense";
    if (toc_table_fault(t) < 0)
        return "its table of segments makes no sense";
    if (l->s.low < l->s.tail && (t->count == 0 || toc_segment_end(&t->segment[t->count - 1]) < l->s.tail))
        return "its table lacks the segment of its last item";
    return NULL;
}

struct fresh {
    uint64_t first, lost; /* items that are not whole, and the first of them */
    uint64_t bytes;
};

static void lose(struct fresh *f, uint64_t first, uint64_t many)
{
    if (f->lost == 0)
        f->first = first;
    f->lost += many;
}

/* Each fresh item is whole, and follows the one before. What is taken meanwhile is no concern of ours any more. */
static int look_at_fresh(struct look *l, struct fresh *f)
{
    uint64_t at = l->s.head, sequence = l->s.head_sequence;
    int moved = 0;
    *f = (struct fresh){0};
    for (;;) {
        struct toc_record *r;
        uint64_t was = at;
        int rc = toc_tape_record(&l->tape, &at, l->s.tail, &r);
        if (rc < 0 && rc != -EUCLEAN)
            return rc;
        if (rc == 1 && r->sequence == sequence + 1) {
            sequence++;
            f->bytes += r->length;
            at += toc_record_size(r->length);
            continue;
        }
        if (rc == 0 && sequence == l->s.tail_sequence)
            return 0;
        /* Is it still there to be looked at? */
        struct toc_queue_state then = l->s;
        rc = snapshot(l);
        if (rc < 0)
            return rc;
        if (!is_sound(&l->s) || toc_table_fault(l->tape.table) < 0)
            return -EBUSY;
        if (l->s.head_sequence > sequence) {
            if (++moved > TOC_CHECK_TRIES)
                return -EBUSY;
            at = l->s.head;
            sequence = l->s.head_sequence;
            continue;
        }
        uint64_t next = toc_tape_next_whole(&l->tape, was - 8, then.tail, sequence + 1, then.tail_sequence), found = next;
        bool any = next < then.tail && toc_tape_record(&l->tape, &found, then.tail, &r) == 1;
        uint64_t follows = any ? r->sequence : then.tail_sequence + 1;
        lose(f, sequence + 1, follows - sequence - 1);
        sequence = follows - 1;
        at = any ? found : then.tail;
        if (!any && l->s.tail_sequence == then.tail_sequence)
            return 0;
    }
}

struct claims {
    uint64_t held, back, delayed, leased, lost;
    bool dead; /* somebody who died holds something: counts may be too high until he is buried */
};

static int look_at_claims(struct look *l, struct claims *c)
{
    uint64_t at = l->s.low;
    struct toc_record *r;
    struct toc_holder h;
    int rc;
    *c = (struct claims){0};
    while ((rc = toc_tape_record(&l->tape, &at, l->s.head, &r)) != 0) {
        if (rc == -EUCLEAN) {
            uint64_t next = toc_tape_next_whole(&l->tape, at, l->s.head, 1, l->s.head_sequence);
            bool there = at >= l->tape.base && at + sizeof *r <= l->tape.end;
            if (!there || claim_what(((struct toc_record *)(void *)(l->tape.bytes + (at - l->tape.base)))->claim) != TOC_DONE)
                c->lost++;
            at = next;
            continue;
        }
        if (rc < 0)
            return rc;
        c->held += claim_what(r->claim) == TOC_LEASED;
        c->delayed += claim_what(r->claim) == TOC_DELAYED;
        c->back += claim_what(r->claim) == TOC_READY || claim_what(r->claim) == TOC_DELAYED;
        at += toc_record_size(r->length);
    }
    for (uint32_t i = 0; i < queue_holders(&l->s); i++) {
        rc = toc_image_read(l->m, i < TOC_HOLDERS ? AT(holder[i]) : AT(more[i - TOC_HOLDERS]), &h, sizeof h);
        if (rc < 0)
            return rc;
        c->leased += h.id ? h.leased : 0;
        c->dead = c->dead || (h.id && (h.leased || h.taken) && !toc_image_lives(l->m, h.id));
    }
    return 0;
}

static const char *claims_fault(const struct look *l, const struct claims *c)
{
    if (c->lost)
        return "items that are held, or came back, are damaged";
    if (c->leased < c->held)
        return "an item is held by nobody whom it knows";
    if (l->s.held + l->s.back < c->held + c->back)
        return "it counts fewer claims than there are";
    if (!c->dead && (l->s.held != c->held || l->s.back != c->back || l->s.delayed != c->delayed))
        return "it counts other claims than there are";
    return NULL;
}

/* Did nobody change anything since the word was `word`, and nobody was about to? */
static bool stood_still(const struct look *l, uint64_t word)
{
    uint64_t after, lock;
    return toc_image_word(l->m, AT(lock), &lock) == 0 && lock == 0
        && toc_image_word(l->m, AT(head.word), &after) == 0 && change_count(after) == change_count(word);
}

/* Counts are compared with what is there only in a moment in which all stands still. A queue that never does is one that is used, and
 * who uses it notices. */
static int look_at_counts(struct look *l, bool whole)
{
    int64_t until = sys_now() + TOC_CHECK_NS;
    do {
        struct fresh f;
        struct claims c;
        int rc = snapshot(l);
        if (rc < 0)
            return rc;
        if (l->lock && !toc_image_lives(l->m, toc_short_holder(l->lock)))
            return 0; /* what its holder left half done is put right by the next who takes it */
        uint64_t word = l->word;
        struct toc_queue_state s = l->s;
        if (l->lock || state_fault(l)) {
            sys_nap(1000000);
            continue;
        }
        rc = look_at_claims(l, &c);
        if (rc == 0 && whole)
            rc = look_at_fresh(l, &f);
        if (rc < 0 && rc != -EUCLEAN)
            return rc;
        if (rc < 0 || !stood_still(l, word))
            continue;
        l->s = s;
        const char *fault = claims_fault(l, &c);
        if (fault) /* a damaged item can't be given back to anybody, and is never handed out again */
            toc_image_say(l->m, c.lost ? TOC_MEND_REMOVE : TOC_MEND_REPAIR, fault)->many = c.lost;
        if (whole && f.lost == 0 && f.bytes != s.bytes)
            toc_image_say(l->m, TOC_MEND_REPAIR, "its items have not the bytes that it counts");
        return 0;
    } while (sys_now() < until);
    return 0;
}

static bool is_used(void *context, const char *rest)
{
    struct look *l = context;
    if (toc_tape_names(&l->tape, rest)) /* as it was before the directory was read */
        return true;
    return snapshot(l) < 0 || toc_tape_names(&l->tape, rest);
}

static int look(struct look *l)
{
    struct fresh f;
    int rc = 0;
    const char *fault = NULL;
    for (int i = 0; i < TOC_CHECK_TRIES; i++) { /* what makes no sense does so when it is looked at again */
        uint64_t word = l->word;
        rc = snapshot(l);
        if (rc < 0)
            return rc;
        fault = state_fault(l);
        if (!fault || (i > 0 && word == l->word))
            break;
    }
    if (fault) {
        toc_image_say(l->m, TOC_MEND_REMOVE, fault);
        return 0;
    }
    rc = look_at_fresh(l, &f);
    if (rc == 0 && f.lost) {
        toc_finding *said = toc_image_say(l->m, TOC_MEND_ITSELF, "items are damaged: a get passes over them, and says so");
        said->many = f.lost;
        said->sequence = f.first;
    }
    if (rc == 0)
        rc = look_at_counts(l, f.lost == 0);
    if (rc == 0 && (rc = snapshot(l)) == 0)
        rc = toc_image_parts(l->m, is_used, l, "segments that it does not name lie beside it");
    return rc;
}

static bool setup_is_sound(const struct toc_queue_setup *setup)
{
    const unsigned char *p = (const unsigned char *)setup;
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < offsetof(struct toc_queue_setup, check); i++)
        sum = (sum ^ p[i]) * 16777619u;
    return sum == setup->check;
}

int toc_check_queue(struct toc_image *m)
{
    struct look l = {.m = m};
    struct toc_queue_setup setup;
    int rc = toc_image_read(m, AT(setup), &setup, sizeof setup);
    if (rc < 0)
        return rc;
    toc_image_is_zero(m, AT(spare), sizeof ((struct toc_queue_file *)0)->spare);
    toc_image_is_zero(m, AT(spare2), sizeof ((struct toc_queue_file *)0)->spare2);
    if (!setup_is_sound(&setup)) {
        toc_image_say(m, TOC_MEND_REMOVE, "what was fixed when it was made is damaged");
        return 0;
    }
    rc = toc_tape_begin(&l.tape, m, AT(half[0]), AT(half[1]));
    if (rc == 0)
        rc = look(&l);
    toc_tape_end(&l.tape);
    return rc == -EBUSY ? 0 : rc;
}
