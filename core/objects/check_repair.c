/* check_repair.c: puts right what a damaged object still tells, under its own lock. All of it may be repeated, and killed. */
#include "check.h"

#include "../parts/short_lock.h"
#include "../parts/word.h"
#include "../sys/sys.h"
#include "data.h"
#include "queue.h"
#include "topic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A holder of the lock that is stopped holds us up no longer than this. */
#define PATIENCE_NS 5000000000ll

/* -- files that the object does not name */

struct sweep {
    const char *prefix; /* "DIR/.NAME.<id>." */
    bool (*is_used)(const void *context, const char *rest);
    const void *context;
    int removed;
};

static int each_file(void *context, const char *name)
{
    struct sweep *s = context;
    char path[TOC_BELL_PATH_MAX + 64];
    size_t leaf = (size_t)(strrchr(s->prefix, '/') - s->prefix) + 1, n = strlen(s->prefix + leaf);
    if (strncmp(name, s->prefix + leaf, n) || s->is_used(s->context, name + n))
        return 0;
    if (snprintf(path, sizeof path, "%s%s", s->prefix, name + n) < (int)sizeof path && sys_unlink(path) == 0)
        s->removed++;
    return 0;
}

static int sweep(const char *prefix, bool (*is_used)(const void *context, const char *rest), const void *context)
{
    char directory[TOC_PATH_MAX];
    size_t leaf = (size_t)(strrchr(prefix, '/') - prefix) + 1;
    struct sweep s = {prefix, is_used, context, 0};
    memcpy(directory, prefix, leaf);
    directory[leaf] = 0;
    for (int i = 0, before = -1; i < 8 && s.removed != before; i++) { /* once more, because names go while we read */
        before = s.removed;
        int rc = sys_list(directory, each_file, &s);
        if (rc < 0)
            return rc;
    }
    return s.removed;
}

static bool in_table(const void *context, const char *rest)
{
    struct toc_tape tape = {.table = (struct toc_table *)(uintptr_t)context};
    return toc_tape_names(&tape, rest);
}

static bool in_slots(const void *context, const char *rest)
{
    const struct toc_data_file *f = context;
    char name[64];
    bool used = rest[0] != 'v' || strlen(rest) != 17;
    for (int i = 0; !used && i < 2; i++) {
        snprintf(name, sizeof name, "v%016llx", (unsigned long long)atom_load_relax(&f->slot[i].file));
        used = strcmp(name, rest) == 0;
    }
    return used;
}

/* -- the counts of a queue */

/* Who holds it, by number; `queue_holders`: nobody whom the queue knows. */
static uint32_t holder_of(const struct toc_queue *q, uint64_t id)
{
    uint32_t i = 0;
    while (i < queue_holders(&q->s) && toc_queue_holder(q, i)->id != id)
        i++;
    return i;
}

/* A holder's `leased` is never below what it holds; what the dead hold whom the queue does not know goes back. */
static int recount_holders(struct toc_queue *q, struct queue_dead *unknown)
{
    static const uint32_t most = sizeof unknown->id / sizeof unknown->id[0];
    uint64_t at = q->s.low, held[TOC_HOLDERS + TOC_HOLDERS_MORE] = {0};
    struct toc_record *r;
    int rc = 0;
    unknown->count = 0;
    while (at < q->s.head && (r = toc_queue_next(q, &at, q->s.head, &rc))) {
        uint64_t claim = atom_load_relax(&r->claim), whose = claim_whose(claim);
        uint32_t i = claim_what(claim) == TOC_LEASED ? holder_of(q, whose) : 0;
        if (claim_what(claim) == TOC_LEASED && i < queue_holders(&q->s))
            held[i]++;
        else if (claim_what(claim) == TOC_LEASED && unknown->count < most && !toc_queue_is_one_of(unknown, whose)
                 && !toc_owner_lives(toc_me(&q->h), whose))
            unknown->id[unknown->count++] = whose;
        at += toc_record_size(r->length);
    }
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < queue_holders(&q->s); i++) {
        struct toc_holder *h = toc_queue_holder(q, i);
        if (h->id && h->leased < held[i])
            atom_store_rel(&h->leased, held[i]);
    }
    return 0;
}

static int recount_fresh(struct toc_queue *q)
{
    uint64_t at = q->s.head, sequence = q->s.head_sequence, bytes = 0;
    struct toc_record *r;
    int rc = 0;
    while (at < q->s.tail && (r = toc_log_at(&q->log, q->s.half, &at, q->s.tail, TOC_NEAR_LOW, &rc))) {
        if (r->sequence != ++sequence || r->check != toc_record_check(r, at))
            return 0; /* damaged: a get passes over it, and counts for itself */
        bytes += r->length;
        at += toc_record_size(r->length);
    }
    if (rc == 0 && sequence == q->s.tail_sequence)
        q->s.bytes = bytes;
    return rc == -EUCLEAN ? 0 : rc;
}

static int recount(struct toc_queue *q)
{
    struct queue_dead unknown;
    struct queue_found found;
    int rc = toc_table_fault(q->log.half[q->s.half]);
    do {
        if (rc == 0)
            rc = recount_holders(q, &unknown);
        if (rc == 0)
            rc = toc_queue_survey(q, &unknown, &found);
    } while (rc == 0 && unknown.count == sizeof unknown.id / sizeof unknown.id[0]);
    if (rc == 0)
        rc = recount_fresh(q);
    if (rc == 0)
        rc = toc_queue_commit(q, TOC_BELL | TOC_CBELL, TOC_WAKE_ALL);
    return rc == 0 ? toc_queue_bury_here(q) : rc;
}

/* -- each kind, opened as anybody opens it */

static int mend_queue(const char *path, const toc_options *options)
{
    toc_queue_options o = TOC_QUEUE_DEFAULTS;
    toc_queue *q;
    o.common = *options;
    int rc = toc_queue_open(&q, path, &o), removed = 0;
    if (rc < 0)
        return rc;
    int64_t deadline = sys_now() + PATIENCE_NS;
    do
        rc = toc_queue_enter(q, deadline);
    while (rc == -EINTR);
    if (rc == 0) {
        rc = recount(q);
        if (rc == 0)
            removed = sweep(q->prefix, in_table, q->log.half[q->s.half]);
        toc_queue_leave(q);
    }
    toc_queue_free(q);
    return rc < 0 ? rc : removed;
}

static int mend_topic(const char *path, const toc_options *options)
{
    toc_topic_options o = TOC_TOPIC_DEFAULTS;
    toc_topic *t;
    o.common = *options;
    int rc = toc_topic_open(&t, path, &o);
    if (rc < 0)
        return rc;
    int64_t deadline = sys_now() + PATIENCE_NS;
    do
        rc = toc_topic_enter(t, deadline);
    while (rc == -EINTR);
    if (rc == 0) {
        rc = toc_table_fault(t->log.half[t->s.half]);
        if (rc == 0)
            rc = sweep(t->prefix, in_table, t->log.half[t->s.half]);
        toc_topic_leave(t);
    }
    toc_topic_free(t);
    return rc;
}

static int mend_data(const char *path, const toc_options *options, const char *prefix)
{
    struct toc_owner *me;
    toc_data *d;
    int rc = toc_data_open(&d, path, options, 0);
    if (rc < 0)
        return rc;
    rc = toc_handle_owner(&d->h, (uint64_t)sys_now_coarse(), &me);
    int64_t deadline = sys_now() + PATIENCE_NS;
    if (rc == 0) {
        do
            rc = toc_short_take(&data_file(d)->lock, me, deadline);
        while (rc == -EINTR);
        if (rc == 0) {
            rc = sweep(prefix, in_slots, data_file(d));
            toc_short_give(&data_file(d)->lock);
        }
    }
    toc_data_free(d);
    return rc;
}

static int mend_bell(const char *prefix, uint32_t mode)
{
    char bell[TOC_BELL_PATH_MAX + 8];
    struct sys_file file;
    snprintf(bell, sizeof bell, "%sbell", prefix);
    int rc = sys_stat(bell, &file);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    if (file.regular || file.symlink)
        rc = sys_unlink(bell);
    else if (file.directory)
        rc = sys_rmdir(bell);
    else
        return (file.mode & 0600) == 0600 ? 0 : sys_chmod(bell, mode & 0666);
    return rc < 0 ? rc : 1;
}

int toc_repair(const char *path, int *did)
{
    char prefix[TOC_BELL_PATH_MAX];
    toc_stat stat;
    int rc = strrchr(path, '/') ? toc_peek(&stat, path) : -EINVAL, bell = 0;
    if (did)
        *did = 0;
    if (rc < 0)
        return rc;
    if (stat.removed)
        return toc_unlink(path);
    /* As it was made: who repairs as root knows what he does. */
    toc_options options = {.mode = (int)stat.mode | 0600, .create = 0};
    rc = toc_bell_path(prefix, path, stat.id);
    if (rc < 0)
        return rc;
    prefix[strlen(prefix) - strlen("bell")] = 0;
    rc = bell = mend_bell(prefix, stat.mode);
    if (rc >= 0) {
        switch (stat.kind) {
        case TOC_KIND_QUEUE: rc = mend_queue(path, &options); break;
        case TOC_KIND_TOPIC: rc = mend_topic(path, &options); break;
        case TOC_KIND_DATA: rc = mend_data(path, &options, prefix); break;
        default: rc = 0;
        }
    }
    if (rc >= 0 && did)
        *did = rc + bell;
    return rc < 0 ? rc : 0;
}
