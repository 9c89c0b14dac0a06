/* topic_state.c: the state of a topic: taken into hand under the lock, made true by one store. */
#include "topic.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

static bool is_sound(const struct toc_topic_state *s)
{
    return s->low <= s->tail && s->low_sequence >= 1 && s->low_sequence <= s->tail_sequence + 1 && s->half <= 1
        && s->tail % 8 == 0 && s->low % TOC_PAGE == 0 && s->slot_pages <= TOC_SLOTS_MORE / TOC_SLOTS_PAGE
        && s->tail - s->low < 1ull << 48;
}

/* The floor first: a killed emitter may have let a segment go and not raised it, and from here on somebody may write there. */
static void raise_floor(struct toc_topic *t)
{
    uint64_t *floor = &topic_file(t)->floor;
    if (atom_load_relax(floor) < t->s.low)
        atom_store_rel(floor, t->s.low); /* pairs with the fence in fall_behind: the state is no older */
    atom_fence_rel(); /* before whatever is written over; pairs with the fence in topic_is_intact */
}

static int begin(struct toc_topic *t)
{
    struct toc_topic_file *f = topic_file(t);
    /* Both were last another processor's, as a rule, and will be written. */
    atom_fetch_own(&f->head.word);
    atom_fetch_own(&f->state);
    uint64_t w = atom_load_acq(&f->head.word); /* pairs with the commit of whoever had the lock before */
    if (w & TOC_REMOVED)
        return -EIDRM;
    atom_get_bytes(&t->s, (const uint64_t *)(const void *)&f->state[change_count(w) & 1], sizeof t->s);
    if (!is_sound(&t->s))
        return -EUCLEAN;
    if (t->log.forks != toc_held_forks())
        toc_log_forget(&t->log, toc_held_forks());
    raise_floor(t);
    toc_log_begin(&t->log, t->s.half);
    return 0;
}

int toc_topic_ready(struct toc_topic *t)
{
    uint64_t now = (uint64_t)sys_now_coarse();
    struct toc_owner *me;
    int rc = toc_object_ready_at(&t->h.o, now);
    return rc < 0 ? rc : toc_handle_owner(&t->h, now, &me);
}

static int take_up(struct toc_topic *t)
{
    int rc = begin(t);
    if (rc < 0)
        toc_topic_leave(t);
    return rc;
}

int toc_topic_enter(struct toc_topic *t, int64_t deadline)
{
    int rc = toc_topic_ready(t);
    if (rc == 0)
        rc = toc_short_enter(&topic_file(t)->lock, toc_me(&t->h), deadline);
    return rc < 0 ? rc : take_up(t);
}

bool toc_topic_try(struct toc_topic *t, int *rc)
{
    *rc = toc_topic_ready(t);
    if (*rc < 0 || !toc_short_try(&topic_file(t)->lock, toc_me(&t->h)))
        return false;
    *rc = take_up(t);
    return *rc == 0;
}

void toc_topic_leave(struct toc_topic *t)
{
    struct toc_topic_file *f = topic_file(t);
    uint64_t w = atom_load_acq(&f->head.word);
    /* Not committed: what came to be meanwhile is used by the next who needs it; of a removed topic there is no next. */
    if (t->log.copy >= 0)
        toc_log_undo(&t->log, f->state[change_count(w) & 1].half, (w & TOC_REMOVED) != 0);
    toc_short_give(&f->lock);
}

int toc_topic_commit(struct toc_topic *t)
{
    struct toc_topic_file *f = topic_file(t);
    uint64_t w = atom_load_acq(&f->head.word);
    bool changed = t->log.copy >= 0;
    if (changed)
        t->s.changes = t->log.half[t->s.half]->change;
    atom_fence_rel(); /* pairs with the fence in toc_topic_snapshot */
    atom_put_bytes((uint64_t *)(void *)&f->state[(change_count(w) + 1) & 1], &t->s, sizeof t->s);
    int rc = toc_change_commit(&f->head, &t->h.o.bell, TOC_BELL, TOC_WAKE_ALL);
    if (rc == 0 && changed) {
        TOC_STEP("topic.commit.before_floor");
        raise_floor(t); /* before what was let go is deleted, or punched */
        toc_log_settle(&t->log, t->s.half);
    }
    return rc;
}

bool toc_topic_snapshot(const struct toc_topic *t, struct toc_topic_state *out)
{
    const struct toc_topic_file *f = topic_file(t);
    uint64_t w = atom_load_acq(&f->head.word), again;
    for (int i = 0; i < 10000; i++) {
        atom_get_bytes(out, (const uint64_t *)(const void *)&f->state[change_count(w) & 1], sizeof *out);
        atom_fence_acq(); /* the copy's loads before the look at the count: the next emitter but one writes this copy */
        again = atom_load_acq(&f->head.word);
        if (change_count(again) == change_count(w))
            return true;
        w = again;
    }
    return false;
}
