/* queue_judge.c: what became of each item in a kill, and of those who waited. See queue_bench.h. */
#include "queue_inside.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void world_look_now(struct world *w) { __atomic_store_n(&w->file->looked_ns, 0, __ATOMIC_RELEASE); }

uint64_t world_count(const struct world *w, enum fate fate)
{
    uint64_t n = 0;
    for (int i = 1; i < ITEMS; i++)
        n += w->item[i].fate == fate;
    return n;
}

/* -- the fates */

static void judge_fresh(struct world *w, uint32_t i, enum does does)
{
    w->item[i] = does == RECEIVES ? (struct item){ORPHAN, 1} : (struct item){GONE, 1};
}

/* An item before head: its claim says it, and what the operation returned must agree. Where consumers wait, they may have it
 * already: then it was given back. */
static void judge_claim(struct world *w, uint32_t i)
{
    uint64_t claim = *w->claim[i];
    struct item *item = &w->item[i];
    if ((w->s->waits & (GETTER | EAR)) && claim != w->was[i]) {
        item->fate = READY;
        return;
    }
    if (claim_what(claim) == TOC_DONE)
        item->fate = GONE;
    else if (claim_what(claim) == TOC_LEASED && item->fate != HELD)
        *item = (struct item){ORPHAN, claim_attempt(claim)};
    else if (claim_what(claim) == TOC_READY)
        item->fate = READY;
    else if (claim_what(claim) == TOC_DELAYED)
        item->fate = DELAYED;
}

const char *world_judge(struct world *w)
{
    const struct queue_scenario *s = w->s;
    if (!w->file)
        return NULL;
    if (s->does == UNLINKS && (__atomic_load_n(&w->file->head.word, __ATOMIC_ACQUIRE) & TOC_REMOVED)) {
        w->removed = 1;
        return NULL;
    }
    struct toc_queue_state now = world_state(w);
    uint64_t new = now.tail_sequence - w->before.tail_sequence, took = now.head_sequence - w->before.head_sequence;
    if (s->waits & PUTTER) /* who waited for room may have it already; the operation puts nothing there */
        new = 0;
    if (now.tail_sequence < w->before.tail_sequence || (s->does != PUTS && new) || new > 4)
        return FAULT("the count of puts went from %llu to %llu", (unsigned long long)w->before.tail_sequence,
                     (unsigned long long)now.tail_sequence);
    for (uint64_t i = 0; i < new; i++)
        w->item[++w->items] = (struct item){READY, 0};
    if (w->page->puts && w->item[w->page->puts].fate != READY)
        return FAULT("put of %u returned, and it isn't there", w->page->puts);
    bool takes = s->does == GETS || s->does == RECEIVES || s->does == PURGES;
    if (took > (s->does == PURGES ? ITEMS : takes ? 4u : 0) + (uint64_t)!!(s->waits & GETTER) + !!(s->waits & EAR))
        return FAULT("%llu items were taken by nobody", (unsigned long long)took);
    for (uint64_t i = w->before.head_sequence + 1; i <= now.head_sequence && takes; i++)
        judge_fresh(w, (uint32_t)i, s->does);
    for (uint32_t i = 1; i <= w->before.head_sequence && s->does != PUTS; i++)
        if (w->item[i].fate != GONE && w->item[i].fate != HELD && w->claim[i])
            judge_claim(w, i);
    if (w->page->took && w->item[w->page->took].fate != (s->does == GETS ? GONE : ORPHAN))
        return FAULT("%u was taken, and its fate is %d", w->page->took, w->item[w->page->took].fate);
    enum fate after = s->does == ACKS ? GONE : w->item[w->page->settled].fate;
    if (w->page->settled && (w->item[w->page->settled].fate != after || after == ORPHAN))
        return FAULT("%u was settled, and its fate is %d", w->page->settled, w->item[w->page->settled].fate);
    return NULL;
}

/* -- those who waited */

static const char *complain(struct world *w, const struct queue_waiter *one, const char *what, int number)
{
    static const char *const NAMES[] = {[GETTER] = "the consumer", [EAR] = "the listener", [PUTTER] = "the producer",
                                        [JOINER] = "who joins"};
    return FAULT("%s %s %d (word now %#llx)", NAMES[one->kind], what, number, (unsigned long long)w->file->head.word);
}

const char *world_reap(struct world *w, struct queue_waiter *one, int shut)
{
    int status;
    if (waitpid(one->pid, &status, 0) < 0)
        die("waitpid");
    one->pid = 0;
    if (WIFSIGNALED(status))
        return complain(w, one, WTERMSIG(status) == SIGALRM ? "was left asleep; signal" : "died by signal", WTERMSIG(status));
    if ((one->slot->rc == -EPIPE && shut) || (w->removed && (one->slot->rc == -EIDRM || one->slot->rc == -EIDRM - 1)))
        return NULL;
    if (one->slot->rc != 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        return complain(w, one, "got", one->slot->rc);
    uint32_t n = one->slot->number;
    if (one->kind == PUTTER) {
        w->item[n] = (struct item){READY, 0};
    } else if (one->kind != JOINER) {
        if (n >= ITEMS || (w->item[n].fate != READY && w->item[n].fate != ORPHAN))
            return complain(w, one, "got an item that was not to be had:", (int)n);
        w->item[n].fate = GONE;
    }
    return NULL;
}

/* The first of several to come back. */
struct queue_waiter *world_next_back(struct world *w, unsigned kinds)
{
    for (;; sched_yield())
        for (int i = 0; i < w->waiters; i++) {
            siginfo_t info = {0};
            struct queue_waiter *one = &w->waiter[i];
            if (one->pid && (one->kind & kinds) && waitid(P_PID, (id_t)one->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0
                && info.si_pid)
                return one;
        }
}

int world_waiting(const struct world *w, unsigned kinds)
{
    int n = 0;
    for (int i = 0; i < w->waiters; i++)
        n += w->waiter[i].pid && (w->waiter[i].kind & kinds);
    return n;
}

const char *world_survivors(struct world *w)
{
    const char *fault = NULL;
    if (!w->file || !w->waiters)
        return NULL;
    while (!fault && w->removed && world_waiting(w, GETTER | EAR | PUTTER | JOINER))
        fault = world_reap(w, world_next_back(w, GETTER | EAR | PUTTER | JOINER), 0);
    if (fault || w->removed)
        return fault;
    struct toc_queue_state s = world_state(w);
    /* A listener alone does not look after the dead, which is what toc_queue_due is for; who sleeps in get does. */
    unsigned takers = GETTER | EAR;
    while (!fault && world_waiting(w, takers) && (s.shut || world_count(w, READY) || (world_waiting(w, GETTER) && world_count(w, ORPHAN)))) {
        world_look_now(w);
        fault = world_reap(w, world_next_back(w, takers), (int)s.shut);
    }
    s = world_state(w);
    while (!fault && world_waiting(w, PUTTER) && (s.shut || !toc_queue_is_full(w->mine, &s, 0)))
        fault = world_reap(w, world_next_back(w, PUTTER), (int)s.shut);
    if (!fault && world_waiting(w, JOINER) && world_count(w, READY) + world_count(w, ORPHAN) + world_count(w, HELD) + world_count(w, DELAYED) == 0)
        fault = world_reap(w, world_next_back(w, JOINER), 0);
    return fault;
}

/* Whoever still waits rightly, is released by a living one, before the count is taken. */
const char *world_release(struct world *w)
{
    const char *fault = NULL;
    for (uint32_t n = LATE + 11; !fault && world_waiting(w, GETTER | EAR | PUTTER); n++) {
        int puts = world_waiting(w, GETTER | EAR) > 0, status;
        pid_t pid = bench_fork(HANG_S);
        if (pid == 0) {
            static unsigned char bytes[BIG * 3];
            toc_queue *q = world_open(w);
            toc_taken t;
            memcpy(bytes, &n, sizeof n);
            int rc = puts ? toc_queue_put(q, bytes, 40, 0) : toc_queue_get(q, bytes, sizeof bytes, &t, 0);
            memcpy(&w->page->slot[3].number, bytes, sizeof n);
            _exit(rc < 0 ? 1 : 0);
        }
        waitpid(pid, &status, 0);
        if (status)
            return FAULT("a living process could not %s (status %#x)", puts ? "put" : "get", (unsigned)status);
        w->item[w->page->slot[3].number].fate = puts ? READY : GONE;
        fault = world_reap(w, world_next_back(w, puts ? GETTER | EAR : PUTTER), 0);
    }
    return fault;
}
