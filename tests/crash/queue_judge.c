/* queue_judge.c: what must be true after a kill. See queue_bench.h. */
#include "queue_bench.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACKED 0x100 /* perhaps: by a recovery that was killed in its ack, or after it */
#define FAULT(...) (snprintf(w->page->fault, sizeof w->page->fault, __VA_ARGS__), w->page->fault)

static void look_now(struct world *w) { __atomic_store_n(&w->file->looked_ns, 0, __ATOMIC_RELEASE); }

static uint64_t count(const struct world *w, enum fate fate)
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

static const char *reap(struct world *w, struct queue_waiter *one, int shut)
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
static struct queue_waiter *next_back(struct world *w, unsigned kinds)
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

static int waiting(const struct world *w, unsigned kinds)
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
    while (!fault && w->removed && waiting(w, GETTER | EAR | PUTTER | JOINER))
        fault = reap(w, next_back(w, GETTER | EAR | PUTTER | JOINER), 0);
    if (fault || w->removed)
        return fault;
    struct toc_queue_state s = world_state(w);
    /* A listener alone does not look after the dead, which is what toc_queue_due is for; who sleeps in get does. */
    unsigned takers = GETTER | EAR;
    while (!fault && waiting(w, takers) && (s.shut || count(w, READY) || (waiting(w, GETTER) && count(w, ORPHAN)))) {
        look_now(w);
        fault = reap(w, next_back(w, takers), (int)s.shut);
    }
    s = world_state(w);
    while (!fault && waiting(w, PUTTER) && (s.shut || !toc_queue_is_full(w->mine, &s, 0)))
        fault = reap(w, next_back(w, PUTTER), (int)s.shut);
    if (!fault && waiting(w, JOINER) && count(w, READY) + count(w, ORPHAN) + count(w, HELD) + count(w, DELAYED) == 0)
        fault = reap(w, next_back(w, JOINER), 0);
    return fault;
}

/* Whoever still waits rightly, is released by a living one, before the count is taken. */
static const char *release(struct world *w)
{
    const char *fault = NULL;
    for (uint32_t n = LATE + 11; !fault && waiting(w, GETTER | EAR | PUTTER); n++) {
        int puts = waiting(w, GETTER | EAR) > 0, status;
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
        fault = reap(w, next_back(w, puts ? GETTER | EAR : PUTTER), 0);
    }
    return fault;
}

/* -- a fresh process that is killed */

void world_recovery(struct world *w)
{
    static unsigned char bytes[BIG * 3];
    uint32_t n = LATE + 20;
    toc_taken t;
    toc_queue *q = world_open(w);
    if (!q)
        return;
    if (w->file)
        look_now(w);
    if (toc_queue_ready(q) == 0)
        toc_queue_bury(q);
    memcpy(bytes, &n, sizeof n);
    if (toc_queue_put(q, bytes, 40, 0) == 0)
        w->page->late = n;
    if (toc_queue_receive(q, bytes, sizeof bytes, &t, 0) == 0) {
        memcpy(&w->page->late_acking, bytes, sizeof n);
        toc_queue_ack(q, &t);
    }
}

const char *world_recovered(struct world *w)
{
    w->page->recovering = 1;
    if (!w->file || w->removed)
        return NULL;
    /* w->before is the state before the recovery. Whether its ack counts, nobody knows from outside. */
    if (world_state(w).tail_sequence > w->before.tail_sequence)
        w->item[LATE + 20] = (struct item){READY, 0};
    else if (w->page->late)
        return FAULT("the recovery's put returned, and its item isn't there");
    w->item[w->page->late_acking].attempt |= w->page->late_acking ? ACKED : 0;
    return NULL;
}

/* -- a fresh process */

#define MUST(what, got, wanted)                                                                                        \
    do {                                                                                                               \
        long long must_got = (long long)(got), must_want = (long long)(wanted);                                        \
        if (must_got != must_want) {                                                                                   \
            FAULT("a fresh process: %s is %lld, not %lld (%s)", what, must_got, must_want,                             \
                  must_got < 0 && must_got > -200 ? toc_strerror((int)must_got) : "");                                 \
            return;                                                                                                    \
        }                                                                                                              \
    } while (0)

static void drain(struct world *w, toc_queue *q, int shut)
{
    static unsigned char bytes[BIG * 3];
    uint32_t n, last = 0;
    toc_taken t;
    int rc;
    while ((rc = toc_queue_receive(q, bytes, sizeof bytes, &t, 0)) == 0) {
        memcpy(&n, bytes, sizeof n);
        MUST("the number of an item", n < ITEMS, 1);
        w->page->drained[n]++;
        w->page->attempt[n] = t.attempt;
        if (t.attempt == 1 && n < LATE) {
            MUST("the order of fresh items", n > last, 1);
            last = n;
        }
        MUST("ack", toc_queue_ack(q, &t), 0);
    }
    MUST("the end of the queue", shut < 0 && rc == -EPIPE ? -EAGAIN : rc, shut > 0 ? -EPIPE : -EAGAIN);
}

static void check_counts(struct world *w, toc_queue *q, int doubt)
{
    toc_queue_stat st;
    MUST("state", toc_queue_state(q, &st), 0);
    MUST("held", st.held, count(w, HELD));
    if (doubt)
        return;
    MUST("ready", st.ready, count(w, READY) + count(w, ORPHAN));
    MUST("delayed", st.delayed, count(w, DELAYED));
    MUST("unfinished", st.unfinished, st.ready + st.delayed + st.held);
}

static void switch_segments(struct world *w, toc_queue *q)
{
    static unsigned char bytes[BIG * 3];
    toc_taken t;
    for (int i = 0; i < 3; i++) {
        MUST("put of a large one", toc_queue_put(q, bytes, sizeof bytes, 0), 0);
        MUST("get of a large one", toc_queue_get(q, bytes, sizeof bytes, &t, 0), 0);
        MUST("its attempt", t.attempt, 1);
        MUST("task_done", toc_queue_task_done(q), 0);
    }
}

static void fresh_main(struct world *w, int doubt)
{
    toc_queue_stat st;
    toc_queue *q = world_open(w);
    MUST("open", q ? 0 : w->page->rc, 0);
    if (w->file)
        look_now(w);
    MUST("being somebody", toc_queue_ready(q), 0);
    if (w->late) { /* others go on for a while before somebody asks who is dead */
        atom_store_rel(&queue_file(q)->looked_ns, (uint64_t)toc_now());
        MUST("state", toc_queue_state(q, &st), 0);
        drain(w, q, -1);
        if (w->page->fault[0])
            return;
        atom_store_rel(&queue_file(q)->looked_ns, 0);
    }
    int rc = toc_queue_bury(q);
    MUST("burying", rc, 0);
    check_counts(w, q, doubt);
    if (w->page->fault[0])
        return;
    MUST("state", toc_queue_state(q, &st), 0);
    if (!st.shut) {
        uint32_t n = LATE;
        unsigned char bytes[40] = {0};
        memcpy(bytes, &n, sizeof n);
        rc = toc_queue_put(q, bytes, sizeof bytes, 0);
        if (w->s->maxsize && rc == -EAGAIN)
            w->page->full = 1;
        else
            MUST("put", rc, 0);
    }
    drain(w, q, st.shut);
    if (w->page->fault[0])
        return;
    if (!st.shut)
        switch_segments(w, q);
    if (w->page->fault[0])
        return;
    MUST("state", toc_queue_state(q, &st), 0);
    MUST("ready in the end", st.ready, 0);
    MUST("held in the end", st.held, count(w, HELD));
    MUST("bytes in the end", st.bytes > 0, count(w, DELAYED) > 0);
    if (!doubt)
        MUST("unfinished in the end", st.unfinished, st.held + st.delayed);
    if (!w->s->anonymous)
        toc_queue_free(q);
}

static const char *check_items(struct world *w)
{
    int open = !w->page->full && !world_state(w).shut;
    for (int i = 1; i < ITEMS; i++) {
        const struct item *item = &w->item[i];
        unsigned is = w->page->drained[i], wanted = item->fate == READY || item->fate == ORPHAN || (i == LATE && open);
        unsigned acked = item->attempt & ACKED, attempt = item->attempt & ~ACKED;
        if (is > wanted || (is < wanted && !acked))
            return FAULT("item %d came %u times, not %u (its fate was %d, after %u deliveries)", i, is, wanted, item->fate, attempt);
        if (is && (w->page->attempt[i] <= attempt || w->page->attempt[i] > attempt + (w->page->recovering ? 3 : 1)))
            return FAULT("item %d came with attempt %u after %u deliveries", i, w->page->attempt[i], attempt);
    }
    return NULL;
}

/* A segment's file that is in no list is memory lost until the object goes. One may wait for the next who needs a segment. */
static const char *check_files(struct world *w)
{
    DIR *d = opendir(w->dir);
    struct toc_queue_state s = world_state(w);
    const struct toc_table *t = &w->file->half[s.half & 1];
    const char *fault = NULL;
    char prefix[64];
    int n = snprintf(prefix, sizeof prefix, ".x.%016llx.", (unsigned long long)w->file->head.id);
    for (struct dirent *f; d && !fault && (f = readdir(d));) {
        char *end;
        if (strncmp(f->d_name, prefix, (size_t)n) || !strncmp(f->d_name + n, "bell", 4))
            continue;
        unsigned long number = strtoul(f->d_name + n, &end, 10);
        int listed = *end == 0 && number == t->next_file;
        for (uint32_t i = 0; i < t->count; i++)
            listed |= t->segment[i].file == number;
        for (uint32_t i = 0; i < t->spares; i++)
            listed |= t->spare[i].file == number;
        for (uint32_t i = 0; i < t->drops; i++) /* whose deleter was killed: the next change does it */
            listed |= t->drop[i].file == number;
        if (!listed)
            fault = FAULT("the file %.100s was left behind", f->d_name);
    }
    if (d)
        closedir(d);
    return fault;
}

static const char *let_holders_go(struct world *w)
{
    for (int i = 0; i < w->holders; i++) {
        int status;
        kill(w->holder[i], SIGCONT);
        waitpid(w->holder[i], &status, 0);
        w->holder[i] = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status))
            return FAULT("a living holder lost what it held (status %#x)", (unsigned)status);
    }
    return NULL;
}

/* It was removed: a new one has the name by now, and of the old one nothing is there. */
static const char *check_removed(struct world *w)
{
    DIR *d = opendir(w->dir);
    const char *fault = NULL;
    char prefix[64];
    int n = snprintf(prefix, sizeof prefix, ".x.%016llx.", (unsigned long long)w->file->head.id);
    for (struct dirent *f; d && !fault && (f = readdir(d));)
        if (!strncmp(f->d_name, prefix, (size_t)n) && strncmp(f->d_name + n, "bell", 4))
            fault = FAULT("the file %.100s of the removed queue was left behind", f->d_name);
    if (d)
        closedir(d);
    return fault;
}

const char *world_fresh(struct world *w)
{
    int status;
    const char *fault = w->file && !w->removed ? release(w) : NULL;
    if (fault)
        return fault;
    if (w->removed)
        memset(w->item, 0, sizeof w->item);
    pid_t pid = bench_fork(HANG_S);
    if (pid == 0) {
        fresh_main(w, w->page->recovering || w->late);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (w->page->fault[0])
        return w->page->fault;
    if (!WIFEXITED(status))
        return WTERMSIG(status) == SIGALRM ? "a fresh process hangs" : FAULT("a fresh process died by signal %d", WTERMSIG(status));
    if (w->removed)
        return check_removed(w);
    fault = w->file ? check_items(w) : NULL;
    if (!fault && w->file && !w->s->anonymous)
        fault = check_files(w);
    if (!fault)
        fault = let_holders_go(w);
    if (!fault && w->file && waiting(w, JOINER) && !count(w, DELAYED))
        fault = reap(w, next_back(w, JOINER), 0);
    return fault;
}
