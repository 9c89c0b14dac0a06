#define _GNU_SOURCE /* strdup */
/* queue.c: a queue's handle: open, close, what it tells about itself; and purge. */
#include "queue.h"

#include "../sys/sys.h"
#include "removal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEADING offsetof(struct toc_queue_file, more)
#define HALF(n) (offsetof(struct toc_queue_file, half) + (n) * (uint64_t)TOC_TABLE_SIZE)

/* What most queues never use is not allocated: more holders, and long tables. It is before it is touched. */
static int allocate(int fd, size_t size)
{
    int rc = sys_allocate(fd, LEADING);
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = sys_allocate_range(fd, HALF((unsigned)i), TOC_PAGE);
    return rc < 0 ? rc : sys_extend(fd, size);
}

uint32_t toc_queue_setup_check(const struct toc_queue_setup *setup)
{
    const unsigned char *p = (const unsigned char *)setup;
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < offsetof(struct toc_queue_setup, check); i++)
        sum = (sum ^ p[i]) * 16777619u;
    return sum;
}

static void fill(struct toc_head *h, const void *with)
{
    const toc_queue_options *o = with;
    struct toc_queue_file *f = (struct toc_queue_file *)h;
    f->setup = (struct toc_queue_setup){
        .maxsize = o->maxsize < 0 ? 0 : o->maxsize, .max_bytes = o->max_bytes < 0 ? 0 : o->max_bytes,
        .max_deliveries = o->max_deliveries < 0 ? 5 : (uint32_t)o->max_deliveries,
        .codec = o->codec < 0 ? 1 : (uint32_t)o->codec, .durable = o->durable > 0,
    };
    f->setup.check = toc_queue_setup_check(&f->setup);
    /* A memfd's segments are ranges of it, behind this. */
    f->half[0].next_file = (uint32_t)((sizeof(struct toc_queue_file) + TOC_PAGE - 1) / TOC_PAGE);
}

static bool is_ready(const struct toc_handle *h, uint64_t word)
{
    struct toc_queue_state s;
    (void)word;
    toc_queue_snapshot((const struct toc_queue *)h, &s);
    return toc_queue_is_ready(&s) || (s.shut && s.back == 0); /* as taking: no end before what is put off has come */
}

static const struct toc_kind queue_kind = {TOC_KIND_QUEUE, sizeof(struct toc_queue_file), sizeof(struct toc_queue), is_ready, NULL};

/* "DIR/.NAME.<id>." */
static int make_prefix(struct toc_queue *q)
{
    char bell[TOC_BELL_PATH_MAX];
    int rc = toc_bell_path(bell, q->h.o.path, q->h.o.head->id);
    if (rc < 0)
        return rc;
    bell[strlen(bell) - strlen("bell")] = 0;
    q->prefix = strdup(bell);
    return q->prefix ? 0 : -ENOMEM;
}

static int differs(const struct toc_queue_setup *s, const toc_queue_options *o)
{
    return (o->maxsize >= 0 && o->maxsize != s->maxsize) || (o->max_bytes >= 0 && o->max_bytes != s->max_bytes)
        || (o->max_deliveries >= 0 && (uint32_t)o->max_deliveries != s->max_deliveries)
        || (o->codec >= 0 && (uint32_t)o->codec != s->codec) || (o->durable >= 0 && (o->durable > 0) != s->durable);
}

static int finish(struct toc_queue *q, const toc_queue_options *o)
{
    struct toc_queue_file *f = queue_file(q);
    struct toc_queue_setup setup = f->setup; /* read once */
    if (setup.check != toc_queue_setup_check(&setup))
        return -EUCLEAN;
    if (o && differs(&setup, o))
        return -EEXIST;
    q->log = (struct toc_log){
        .half = {&f->half[0], &f->half[1]}, .control = q->h.o.memory, .path = q->h.o.path, .mode = f->head.mode,
        .table_offset = {HALF(0), HALF(1)}, .keep = setup.durable, .copy = -1,
        .forks = toc_held_forks(), .seen_change = UINT64_MAX, .deleted_change = UINT64_MAX,
    };
    int rc = q->h.o.path ? make_prefix(q) : 0;
    q->log.prefix = q->prefix;
    if (rc == 0 && q->h.o.writable && q->h.o.path)
        rc = toc_queue_recover(q);
    return rc;
}

static int begin(toc_queue **out, int rc, struct toc_handle *h, const toc_queue_options *o)
{
    struct toc_queue *q = (struct toc_queue *)h;
    if (rc < 0)
        return rc;
    rc = finish(q, o);
    if (rc < 0) {
        toc_queue_free(q);
        return rc;
    }
    *out = q;
    return 0;
}

int toc_queue_open(toc_queue **out, const char *name, const toc_queue_options *options)
{
    toc_queue_options o = options ? *options : TOC_QUEUE_DEFAULTS;
    struct toc_birth birth = {allocate, fill, &o};
    struct toc_handle *h = NULL;
    int rc = toc_handle_make(&h, &queue_kind, &birth, name, &o.common);
    return begin(out, rc, h, &o);
}

int toc_queue_attach(toc_queue **out, int memory, int pipe)
{
    struct toc_handle *h = NULL;
    int rc = toc_handle_attach(&h, &queue_kind, memory, pipe);
    return begin(out, rc, h, NULL);
}

/* Does this process have anything of the queue in its hands? */
static bool has_something(const struct toc_queue *q)
{
    struct toc_queue_state s;
    if (!toc_me(&q->h) || (atom_load_acq(&q->h.o.head->word) & TOC_REMOVED))
        return false;
    toc_queue_snapshot(q, &s);
    for (uint32_t i = 0; i < queue_holders(&s); i++) {
        const struct toc_holder *h = toc_queue_holder(q, i);
        if (atom_load_acq(&h->id) == toc_me(&q->h)->id)
            return atom_load_relax(&h->leased) || atom_load_relax(&h->taken);
    }
    return false;
}

void toc_queue_free(toc_queue *q)
{
    if (!q)
        return;
    toc_close(&q->h);
    /* What it took is its work until it dies, not until it closes a handle: then it stays somebody. */
    if (has_something(q))
        q->h.owner = NULL;
    toc_log_free(&q->log);
    free(q->prefix);
    toc_handle_free(&q->h);
}

void toc_queue_figures(const struct toc_queue_setup *setup, const struct toc_queue_state *s, toc_queue_stat *out)
{
    uint64_t now = toc_queue_now_ms(), late = s->delayed && now >= s->due_ms ? 1 : 0;
    uint64_t there = s->tail_sequence - s->head_sequence + s->back;
    *out = (toc_queue_stat){
        .ready = there - s->delayed + late, .delayed = s->delayed - late, .held = s->held,
        .unfinished = there + s->held, .bytes = s->bytes + s->back_bytes, .puts = s->tail_sequence,
        .maxsize = setup->maxsize, .max_bytes = setup->max_bytes, .max_deliveries = (int)setup->max_deliveries,
        .codec = (int)setup->codec, .durable = (int)setup->durable, .shut = (int)s->shut,
    };
}

int toc_queue_state(toc_queue *q, toc_queue_stat *out)
{
    struct toc_queue_state s;
    if (atom32_load_acq(&q->h.o.closed))
        return -ESHUTDOWN;
    toc_queue_snapshot(q, &s);
    toc_queue_figures(&queue_file(q)->setup, &s, out);
    out->unfinished = toc_queue_unfinished(q, &s);
    const struct toc_table *t = queue_file(q)->half + (s.half & 1);
    for (uint32_t i = 0; i < t->count && i < TOC_SEGMENTS_MAX; i++)
        out->file_bytes += (uint64_t)t->segment[i].pages * TOC_PAGE;
    out->segments = t->count;
    return toc_handle_verdict(&q->h, atom_load_acq(&queue_file(q)->head.word)) == -EIDRM ? -EIDRM : 0;
}

int64_t toc_queue_purge(toc_queue *q)
{
    int rc = toc_queue_enter(q, TOC_FOREVER);
    if (rc < 0)
        return rc;
    struct toc_queue_state before = q->s;
    uint64_t gone = toc_queue_drop_all(q);
    toc_queue_recycle(q);
    rc = toc_queue_commit(q, toc_queue_cbell(q, &before), TOC_WAKE_NONE);
    toc_queue_leave(q);
    return rc < 0 ? rc : (int64_t)gone;
}
