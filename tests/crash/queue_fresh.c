/* queue_fresh.c: a fresh process that comes after a kill, and what it must find. See queue_bench.h. */
#include "queue_inside.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACKED 0x100 /* perhaps: by a recovery that was killed in its ack, or after it */

/* Its next look for the dead is due, however long ago the last one was: one that was killed may have made the queue, and looked. */
static void look_now(toc_queue *q) { atom_store_rel(&queue_file(q)->looked_ns, 0); }

/* -- a fresh process that is killed */

void world_recovery(struct world *w)
{
    static unsigned char bytes[BIG * 3];
    uint32_t n = LATE + 20;
    toc_taken t;
    toc_queue *q = world_open(w);
    if (!q)
        return;
    look_now(q);
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
    MUST("held", st.held, world_count(w, HELD));
    if (doubt)
        return;
    MUST("ready", st.ready, world_count(w, READY) + world_count(w, ORPHAN));
    MUST("delayed", st.delayed, world_count(w, DELAYED));
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
    look_now(q);
    MUST("being somebody", toc_queue_ready(q), 0);
    if (w->late) { /* others go on for a while before somebody asks who is dead */
        atom_store_rel(&queue_file(q)->looked_ns, (uint64_t)toc_now());
        MUST("state", toc_queue_state(q, &st), 0);
        drain(w, q, -1);
        if (w->page->fault[0])
            return;
        look_now(q);
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
    MUST("held in the end", st.held, world_count(w, HELD));
    MUST("bytes in the end", st.bytes > 0, world_count(w, DELAYED) > 0);
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
    const char *fault = w->file && !w->removed ? world_release(w) : NULL;
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
    if (!fault && w->file && world_waiting(w, JOINER) && !world_count(w, DELAYED))
        fault = world_reap(w, world_next_back(w, JOINER), 0);
    return fault;
}
