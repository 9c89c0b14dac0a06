/* queue_wait.c: waiting for items, in the futex; and for the end of all work, at the bell. */
#include "queue.h"

#include "../sys/step.h"
#include "../sys/sys.h"

#include <errno.h>

/* Under the lock: nothing is there. Whoever sleeps now must know whether something is out that a death would give back;
 * and when a second has passed with nothing out, sleep may be long again. Under the lock, because a commit is an addition
 * to a word that its maker has read before: it relies on GUARD, too (verify/commit.pml). */
static uint64_t seen_empty(struct toc_queue *q, bool second_passed)
{
    uint64_t *word = &queue_file(q)->head.word, w = atom_load_acq(word);
    if (queue_is_outstanding(&q->s)) {
        if (!(w & TOC_GUARD))
            w = atom_or_acqrel(word, TOC_GUARD);
    } else if (second_passed) {
        while ((w & TOC_GUARD) && !atom_cas_acqrel(word, &w, w & ~TOC_GUARD)) {}
        w &= ~TOC_GUARD;
    }
    return w;
}

static int64_t wake_time(struct toc_queue *q, uint64_t w, uint64_t due_ms, bool delayed, int64_t deadline)
{
    int64_t until = toc_handle_sleep_until(&q->h, deadline), look = toc_queue_next_look(q);
    if ((w & TOC_GUARD) && until > look)
        until = look;
    if (delayed && due_ms < (uint64_t)INT64_MAX / 1000000 && until > (int64_t)due_ms * 1000000)
        until = (int64_t)due_ms * 1000000;
    return until;
}

/* Asleep until something changes after the instant in which the word was `seen`, or until it is time to look. 0 or a verdict. */
static int sleep_once(struct toc_queue *q, uint64_t seen, uint64_t due_ms, bool delayed, int64_t deadline, bool *second_passed)
{
    *second_passed = false;
    uint64_t *word = &queue_file(q)->head.word, w = atom_load_acq(word), in;
    toc_object_enter(&q->h.o);
    int rc = toc_handle_verdict(&q->h, w);
    for (;;) {
        if (rc < 0 || change_count(w) != change_count(seen))
            break;
        in = w | TOC_SLEPT | TOC_SLEEPERS | (w & TOC_ANY_SLEEPERS ? TOC_MANY : 0);
        if (in != w && !atom_cas_acqrel(word, &w, in))
            continue;
        TOC_STEP("queue.wait.before_sleep");
        int64_t until = wake_time(q, in, due_ms, delayed, deadline);
        int slept = sys_futex_wait(word, (uint32_t)in, q->h.o.mask, until);
        rc = slept == -EINTR ? slept : toc_handle_verdict(&q->h, atom_load_acq(word));
        if (slept == -ETIMEDOUT && rc == 0) {
            *second_passed = in & TOC_GUARD;
            if (in & TOC_GUARD)
                rc = toc_queue_bury(q);
            if (sys_now() >= toc_handle_next_look(&q->h))
                toc_object_check_name(&q->h.o);
        }
        if (slept == 0 && rc < 0)
            sys_futex_wake(word, 1); /* woken for an item that it will not take: pass it on */
        break;
    }
    toc_object_leave(&q->h.o);
    return rc;
}

/* `take`, as often as there is nothing, until the deadline. */
struct wanted {
    enum queue_how how;
    void *buffer;
    size_t capacity;
    toc_taken *out;
    size_t max;
};

static int take_many(struct toc_queue *q, const struct wanted *want)
{
    int rc = toc_queue_take(q, want->how, false, want->buffer, want->capacity, want->out);
    if (rc < 0 || want->max == 1 || want->how != QUEUE_GET)
        return rc < 0 ? rc : 1;
    /* The first has been committed; the others, all fresh, in one change. */
    struct toc_queue_state before = q->s;
    size_t n = 1, used = want->out->length;
    while (n < want->max && q->s.head_sequence < q->s.tail_sequence) {
        toc_taken *out = &want->out[n];
        if (toc_queue_take_fresh(q, QUEUE_GET, false, (char *)want->buffer + used, want->capacity - used, out) < 0)
            break;
        out->offset = used;
        used += out->length;
        n++;
    }
    if (n > 1 && toc_queue_commit(q, toc_queue_cbell(q, &before), TOC_WAKE_NONE) < 0) {
        struct toc_holder *mine;
        if (toc_queue_my_holder(q, &mine) == 0)
            atom_store_rel(&mine->taken, mine->taken - (n - 1));
        return 1;
    }
    return (int)n;
}

static int take_waiting(struct toc_queue *q, const struct wanted *want, int64_t deadline)
{
    for (bool buried = false, second_passed = false;;) {
        uint64_t seen = 0, w = atom_load_acq(&queue_file(q)->head.word);
        int rc = toc_handle_verdict(&q->h, w);
        if (rc == 0)
            rc = toc_queue_enter(q, deadline);
        if (rc < 0)
            return rc;
        rc = take_many(q, want);
        bool outstanding = queue_is_outstanding(&q->s), delayed = q->s.delayed > 0;
        uint64_t due = q->s.due_ms;
        if (rc == -EAGAIN)
            seen = seen_empty(q, second_passed);
        toc_queue_leave(q);
        if (rc != -EAGAIN) {
            /* A queue that is never empty has its dead as well. What was taken is handed over, whatever comes of it. */
            if (outstanding && toc_queue_look_is_due(q))
                toc_queue_bury(q);
            return rc;
        }
        /* Who only looks now and then (a poller, a loop) must find what the dead held as well. */
        if (outstanding && !buried) {
            buried = true;
            rc = toc_queue_bury(q);
            if (rc < 0)
                return rc;
            continue;
        }
        toc_handle_looked(&q->h, seen);
        toc_handle_alarm(&q->h, outstanding ? toc_queue_due(q) : 0);
        if (deadline != TOC_FOREVER && deadline <= sys_now())
            return -EAGAIN;
        rc = sleep_once(q, seen, due, delayed, deadline, &second_passed);
        if (rc < 0)
            return rc;
        buried = false;
    }
}

static int one(int rc) { return rc > 0 ? 0 : rc; }

int toc_queue_get(toc_queue *q, void *buffer, size_t capacity, toc_taken *out, int64_t deadline)
{
    struct wanted want = {QUEUE_GET, buffer, capacity, out, 1};
    return one(take_waiting(q, &want, deadline));
}

int toc_queue_get_many(toc_queue *q, void *buffer, size_t capacity, toc_taken *out, size_t max, int64_t deadline)
{
    struct wanted want = {QUEUE_GET, buffer, capacity, out, max};
    return max == 0 ? 0 : take_waiting(q, &want, deadline);
}

int toc_queue_receive(toc_queue *q, void *buffer, size_t capacity, toc_taken *out, int64_t deadline)
{
    struct wanted want = {QUEUE_RECEIVE, buffer, capacity, out, 1};
    return one(take_waiting(q, &want, deadline));
}

int64_t toc_queue_due(toc_queue *q)
{
    struct toc_queue_state s;
    toc_queue_snapshot(q, &s);
    if (!queue_is_outstanding(&s))
        return 0;
    int64_t due = toc_queue_next_look(q);
    if (s.delayed && s.due_ms < (uint64_t)due / 1000000)
        due = (int64_t)s.due_ms * 1000000 + 1000000;
    return due;
}

static bool all_done(const struct toc_handle *h, uint64_t word, uint64_t unused)
{
    const struct toc_queue *q = (const struct toc_queue *)h;
    struct toc_queue_state s;
    (void)word;
    (void)unused;
    toc_queue_snapshot(q, &s);
    return toc_queue_unfinished(q, &s) == 0;
}

int toc_queue_join(toc_queue *q, int64_t deadline)
{
    for (;;) {
        int rc = toc_queue_ready(q);
        if (rc == 0)
            rc = toc_handle_verdict(&q->h, atom_load_acq(&queue_file(q)->head.word));
        if (rc < 0)
            return rc;
        if (all_done(&q->h, 0, 0))
            return 1;
        int64_t now = sys_now();
        if (deadline != TOC_FOREVER && deadline <= now) {
            rc = toc_queue_bury(q); /* who only looks now and then, a loop, must hear of the dead as well */
            return rc < 0 ? rc : all_done(&q->h, 0, 0);
        }
        /* Once a second: what the dead had taken is nobody's work any more. */
        int64_t look = toc_queue_next_look(q), until = deadline == TOC_FOREVER || deadline > look ? look : deadline;
        rc = toc_handle_await(&q->h, TOC_CBELL, all_done, 0, until);
        if (rc == 0)
            rc = toc_queue_bury(q);
        if (rc != 0)
            return rc;
    }
}
