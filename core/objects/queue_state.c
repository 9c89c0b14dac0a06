/* queue_state.c: the state of a queue: taken into hand under the lock, made true by one store. */
#include "queue.h"

#include "../sys/sys.h"

#include <errno.h>
#include <string.h>

#define WORDS (sizeof(struct toc_queue_state) / 8)

_Static_assert(sizeof(struct toc_queue_state) % 8 == 0, "copied by words");

/* By words: readers without the lock may read while we write, and find out by the count. */
static void load(struct toc_queue_state *to, const struct toc_queue_state *from)
{
    uint64_t words[WORDS];
    const uint64_t *shared = (const uint64_t *)(const void *)from;
    for (size_t i = 0; i < WORDS; i++)
        words[i] = atom_load_relax(&shared[i]);
    memcpy(to, words, sizeof words);
}

static void store(struct toc_queue_state *to, const struct toc_queue_state *from)
{
    uint64_t words[WORDS], *shared = (uint64_t *)(void *)to;
    memcpy(words, from, sizeof words);
    atom_fence_rel(); /* pairs with the fence in toc_queue_snapshot */
    for (size_t i = 0; i < WORDS; i++)
        if (atom_load_relax(&shared[i]) != words[i]) /* half of it rarely changes: its cache line stays with everyone */
            atom_store_relax(&shared[i], words[i]);
}

static bool is_sound(const struct toc_queue_state *s)
{
    return s->low <= s->head && s->head <= s->tail && s->head_sequence <= s->tail_sequence && s->half <= 1
        && s->delayed <= s->back && s->holder_pages <= TOC_HOLDERS_MORE / TOC_HOLDERS_PAGE
        && s->tail - s->low < 1ull << 48;
}

static int begin(struct toc_queue *q)
{
    struct toc_queue_file *f = queue_file(q);
    /* All three were last another processor's, as a rule, and will be written: fetched at once, and not one after the other. */
    atom_fetch_own(&f->head.word);
    atom_fetch_own(&f->state[0]);
    atom_fetch_own(&f->state[1]);
    uint64_t w = atom_load_acq(&f->head.word); /* pairs with the commit of whoever had the lock before */
    if (w & TOC_REMOVED)
        return -EIDRM;
    load(&q->s, &f->state[change_count(w) & 1]);
    if (!is_sound(&q->s))
        return -EUCLEAN;
    if (q->log.forks != toc_held_forks())
        toc_log_forget(&q->log, toc_held_forks());
    toc_log_begin(&q->log, q->s.half);
    return 0;
}

int toc_queue_ready(struct toc_queue *q)
{
    uint64_t now = (uint64_t)sys_now_coarse(); /* once: it is a tenth of a put */
    int rc = toc_object_ready_at(&q->h.o, now);
    if (rc < 0)
        return rc;
    atom_store_relax(&q->now, now);
    struct toc_owner *me;
    return toc_handle_owner(&q->h, now, &me);
}

int toc_queue_enter(struct toc_queue *q, int64_t deadline)
{
    int rc = toc_queue_ready(q);
    if (rc == 0)
        rc = toc_short_enter(&queue_file(q)->lock, toc_me(&q->h), deadline);
    if (rc < 0)
        return rc;
    rc = begin(q);
    if (rc < 0)
        toc_queue_leave(q);
    return rc;
}

bool toc_queue_try(struct toc_queue *q, int *rc)
{
    *rc = toc_queue_ready(q);
    if (*rc < 0 || !toc_short_try(&queue_file(q)->lock, toc_me(&q->h)))
        return false;
    *rc = begin(q);
    if (*rc == 0)
        return true;
    toc_queue_leave(q);
    return false;
}

void toc_queue_leave(struct toc_queue *q)
{
    struct toc_queue_file *f = queue_file(q);
    uint64_t w = atom_load_acq(&f->head.word);
    /* Not committed: segments that never came to be must go while nobody can make them anew, from the directory as well if the
     * queue's remover has been through it. */
    if (q->log.copy >= 0)
        toc_log_undo(&q->log, f->state[change_count(w) & 1].half, (w & TOC_REMOVED) != 0);
    toc_short_give(&f->lock);
}

int toc_queue_commit(struct toc_queue *q, uint64_t rings, enum toc_wake wake)
{
    struct toc_queue_file *f = queue_file(q);
    uint64_t w = atom_load_acq(&f->head.word);
    store(&f->state[(change_count(w) + 1) & 1], &q->s);
    int rc = toc_change_commit(&f->head, &q->h.o.bell, rings, wake);
    if (rc == 0)
        toc_log_settle(&q->log, q->s.half);
    return rc;
}

void toc_queue_snapshot(const struct toc_queue *q, struct toc_queue_state *out)
{
    const struct toc_queue_file *f = queue_file(q);
    uint64_t w = atom_load_acq(&f->head.word), again;
    for (int i = 0; i < 1000; i++) {
        load(out, &f->state[change_count(w) & 1]);
        atom_fence(); /* the copy's loads before the look at the count: the next writer but one writes this copy */
        again = atom_load_acq(&f->head.word);
        if (change_count(again) == change_count(w))
            return;
        w = again;
    }
    /* So busy that a thousand tries met a change each: what we have may be mixed of two states. It is only told, or looked at
     * again by whoever was rung, as those who decide hold the lock. */
}

struct toc_holder *toc_queue_holder(const struct toc_queue *q, uint32_t i)
{
    return i < TOC_HOLDERS ? &queue_file(q)->holder[i] : &queue_file(q)->more[i - TOC_HOLDERS];
}

static int allocate_more(struct toc_queue *q)
{
    if (q->s.holder_pages >= TOC_HOLDERS_MORE / TOC_HOLDERS_PAGE)
        return -EUSERS;
    int fd = q->h.o.path ? sys_open(q->h.o.path, true) : q->h.o.memory;
    if (fd < 0)
        return fd;
    uint64_t offset = offsetof(struct toc_queue_file, more) + (uint64_t)q->s.holder_pages * TOC_PAGE;
    int rc = sys_allocate_range(fd, offset, TOC_PAGE);
    if (q->h.o.path)
        sys_close(fd);
    if (rc < 0)
        return rc;
    /* By itself: a claim is stored before its commit, and its holder's entry must be visible by then. */
    q->s.holder_pages++;
    rc = toc_queue_commit(q, 0, TOC_WAKE_NONE);
    q->s.holder_pages -= rc < 0;
    return rc;
}

/* An entry that nobody needs: free, or of a dead one without claims; what it had taken counts for nothing. */
static bool find_vacant(const struct toc_queue *q, uint32_t *at)
{
    for (uint32_t i = 0; i < queue_holders(&q->s); i++) {
        const struct toc_holder *h = toc_queue_holder(q, i);
        if (h->id == 0 || (h->leased == 0 && !toc_owner_lives(toc_me(&q->h), h->id))) {
            *at = i;
            return true;
        }
    }
    return false;
}

int toc_queue_my_holder(struct toc_queue *q, struct toc_holder **out)
{
    uint32_t n = queue_holders(&q->s), at = q->holder < n ? q->holder : 0;
    *out = toc_queue_holder(q, at);
    if ((*out)->id == toc_me(&q->h)->id)
        return 0;
    for (at = 0; at < n; at++)
        if (toc_queue_holder(q, at)->id == toc_me(&q->h)->id)
            break;
    if (at == n && !find_vacant(q, &at)) {
        int rc = allocate_more(q);
        if (rc == -EUSERS && (rc = toc_queue_bury_here(q)) == 0) /* the dead who have claims give theirs, too */
            rc = find_vacant(q, &at) ? 0 : -EUSERS;
        else
            at = n;
        if (rc < 0)
            return rc;
    }
    struct toc_holder *mine = toc_queue_holder(q, at);
    if (mine->id != toc_me(&q->h)->id) {
        atom_store_relax(&mine->leased, 0);
        atom_store_relax(&mine->taken, 0);
        atom_store_rel(&mine->id, toc_me(&q->h)->id); /* pairs with the acquire in queue_unfinished */
    }
    q->holder = at;
    *out = mine;
    return 0;
}

uint64_t toc_queue_unfinished(const struct toc_queue *q, const struct toc_queue_state *s)
{
    uint64_t n = s->tail_sequence - s->head_sequence + s->back + s->held;
    for (uint32_t i = 0; i < queue_holders(s); i++)
        if (atom_load_acq(&toc_queue_holder(q, i)->id))
            n += atom_load_relax(&toc_queue_holder(q, i)->taken);
    return n;
}

bool toc_queue_is_full(const struct toc_queue *q, const struct toc_queue_state *s, uint64_t more_bytes)
{
    const struct toc_queue_setup *setup = &queue_file(q)->setup;
    uint64_t items = s->tail_sequence - s->head_sequence + s->back, bytes = s->bytes + s->back_bytes;
    if (setup->maxsize > 0 && items >= (uint64_t)setup->maxsize)
        return true;
    /* A single item larger than max_bytes may pass when it is alone, or it could never. */
    return setup->max_bytes > 0 && items > 0 && bytes + more_bytes > (uint64_t)setup->max_bytes;
}

uint64_t toc_queue_now_ms(void) { return (uint64_t)sys_now() / 1000000; }

bool toc_queue_is_ready(const struct toc_queue_state *s)
{
    if (s->head_sequence < s->tail_sequence)
        return true;
    /* Nothing fresh: then everything that came back is at the end of the queue that it went to. */
    return s->back > s->delayed || (s->delayed && toc_queue_now_ms() >= s->due_ms);
}

uint64_t toc_queue_cbell(const struct toc_queue *q, const struct toc_queue_state *before)
{
    if (!(atom_load_relax(&queue_file(q)->head.word) & TOC_CBELL))
        return TOC_CBELL; /* named all the same: it may come until the commit */
    bool room = queue_file(q)->setup.max_bytes > 0 || (toc_queue_is_full(q, before, 0) && !toc_queue_is_full(q, &q->s, 0));
    return room || toc_queue_unfinished(q, &q->s) == 0 || q->s.shut ? TOC_CBELL : 0;
}
