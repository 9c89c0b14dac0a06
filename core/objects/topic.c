#define _GNU_SOURCE /* strdup */
/* topic.c: a topic's handle: open, listen, close, and what it tells about itself. */
#include "topic.h"

#include "../sys/sys.h"
#include "removal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEADING offsetof(struct toc_topic_file, more)
#define HALF(n) (offsetof(struct toc_topic_file, half) + (n) * (uint64_t)TOC_TABLE_SIZE)

/* What most topics never use is not allocated: more slots, and long tables. It is before it is touched. */
static int allocate(int fd, size_t size)
{
    int rc = sys_allocate(fd, LEADING);
    for (int i = 0; rc == 0 && i < 2; i++)
        rc = sys_allocate_range(fd, HALF((unsigned)i), TOC_PAGE);
    return rc < 0 ? rc : sys_extend(fd, size);
}

uint32_t toc_topic_setup_check(const struct toc_topic_setup *setup)
{
    uint64_t sum = (uint64_t)setup->max_bytes * 0x9e3779b97f4a7c15ull + 0x70636974ull;
    return (uint32_t)(sum ^ sum >> 29);
}

static void fill(struct toc_head *h, const void *with)
{
    const toc_topic_options *o = with;
    struct toc_topic_file *f = (struct toc_topic_file *)h;
    f->setup = (struct toc_topic_setup){.max_bytes = o->max_bytes < 0 ? TOC_TOPIC_BYTES : o->max_bytes};
    f->setup.check = toc_topic_setup_check(&f->setup);
    f->state[0].low_sequence = 1;
    /* A memfd's segments are ranges of it, behind this. */
    f->half[0].next_file = (uint32_t)((sizeof(struct toc_topic_file) + TOC_PAGE - 1) / TOC_PAGE);
}

/* Closed: nobody waits for it any more, though its process lives. */
static void let_go(struct toc_handle *h)
{
    struct toc_topic *t = (struct toc_topic *)h;
    if (!atom_load_acq(&t->listens))
        return;
    toc_topic_lock_threads(t);
    toc_topic_drop_slot(t);
    toc_topic_unlock_threads(t);
}

static const struct toc_kind topic_kind = {TOC_KIND_TOPIC, sizeof(struct toc_topic_file), sizeof(struct toc_topic),
                                           toc_topic_has_news, let_go};

/* "DIR/.NAME.<id>." */
static int make_prefix(struct toc_topic *t)
{
    char bell[TOC_BELL_PATH_MAX];
    int rc = toc_bell_path(bell, t->h.o.path, t->h.o.head->id);
    if (rc < 0)
        return rc;
    bell[strlen(bell) - strlen("bell")] = 0;
    t->prefix = strdup(bell);
    return t->prefix ? 0 : -ENOMEM;
}

/* Small enough that a topic has eight segments at least, so that what falls out at the end is an eighth. */
static uint32_t largest(int64_t max_bytes)
{
    int64_t most = max_bytes / 8;
    return most > (int64_t)TOC_SEGMENT_LARGE ? TOC_SEGMENT_LARGE : (uint32_t)most & ~(TOC_PAGE - 1);
}

static int finish(struct toc_topic *t, const toc_topic_options *o)
{
    struct toc_topic_file *f = topic_file(t);
    struct toc_topic_setup setup = f->setup; /* read once */
    if (setup.check != toc_topic_setup_check(&setup) || setup.max_bytes < (int64_t)TOC_TOPIC_BYTES_MIN)
        return -EUCLEAN;
    if (o && o->max_bytes >= 0 && o->max_bytes != setup.max_bytes)
        return -EEXIST;
    t->log = (struct toc_log){
        .half = {&f->half[0], &f->half[1]}, .control = t->h.o.memory, .path = t->h.o.path, .mode = f->head.mode,
        .table_offset = {HALF(0), HALF(1)}, .most = largest(setup.max_bytes), .copy = -1,
        .forks = toc_held_forks(), .seen_change = UINT64_MAX, .deleted_change = UINT64_MAX,
    };
    int rc = t->h.o.path ? make_prefix(t) : 0;
    t->log.prefix = t->prefix;
    t->view.log = t->log;
    t->view.changes = UINT64_MAX;
    t->slot = TOC_SLOT_NONE;
    return rc;
}

static int begin(toc_topic **out, int rc, struct toc_handle *h, const toc_topic_options *o)
{
    struct toc_topic *t = (struct toc_topic *)h;
    if (rc < 0)
        return rc;
    rc = finish(t, o);
    if (rc < 0) {
        toc_topic_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

int toc_topic_open(toc_topic **out, const char *name, const toc_topic_options *options)
{
    toc_topic_options o = options ? *options : TOC_TOPIC_DEFAULTS;
    struct toc_birth birth = {allocate, fill, &o};
    struct toc_handle *h = NULL;
    if (o.max_bytes >= 0 && o.max_bytes < (int64_t)TOC_TOPIC_BYTES_MIN)
        return -ERANGE;
    int rc = toc_handle_make(&h, &topic_kind, &birth, name, &o.common);
    return begin(out, rc, h, &o);
}

int toc_topic_attach(toc_topic **out, int memory, int pipe)
{
    struct toc_handle *h = NULL;
    int rc = toc_handle_attach(&h, &topic_kind, memory, pipe);
    return begin(out, rc, h, NULL);
}

void toc_topic_free(toc_topic *t)
{
    if (!t)
        return;
    toc_close(&t->h);
    toc_log_free(&t->log);
    toc_log_free(&t->view.log);
    if (t->view.log.forks == toc_held_forks())
        free(t->view.table);
    free(t->prefix);
    toc_handle_free(&t->h);
}

/* Under the lock: where to begin in order to hear what was emitted from `from` on. */
static uint64_t start_of(struct toc_topic *t, uint64_t from, uint64_t *sequence)
{
    const struct toc_table *table = t->log.half[t->s.half & 1];
    uint64_t position = t->s.low;
    *sequence = t->s.low_sequence;
    for (uint32_t i = 1; i < table->count && i < TOC_SEGMENTS_MAX; i++) {
        int rc;
        const unsigned char *at = toc_log_map(&t->log, &table->segment[i], false, &rc);
        uint64_t first = at ? ((const struct toc_record *)(const void *)at)->sequence : UINT64_MAX;
        if (first > from || first <= *sequence || table->segment[i].base >= t->s.tail)
            break;
        position = table->segment[i].base;
        *sequence = first;
    }
    return position;
}

static int listen(struct toc_topic *t, uint64_t replay)
{
    int rc = toc_topic_enter(t, TOC_FOREVER);
    if (rc < 0)
        return rc;
    uint64_t kept = t->s.tail_sequence + 1 - t->s.low_sequence, sequence = t->s.tail_sequence + 1, position = t->s.tail;
    uint64_t from = sequence - (replay < kept ? replay : kept);
    if (toc_table_fault(t->log.half[t->s.half]) < 0)
        rc = -EUCLEAN;
    else if (from < sequence)
        position = start_of(t, from, &sequence);
    if (rc == 0)
        rc = toc_topic_take_slot(t, from - 1);
    if (rc == 0) {
        topic_move(t, sequence, position);
        t->from = from;
        atom_store_rel(&t->listens, 1);
    }
    toc_topic_leave(t);
    return rc;
}

int toc_topic_listen(toc_topic *t, uint64_t replay)
{
    toc_topic_lock_threads(t);
    int rc = atom_load_acq(&t->listens) ? 0 : listen(t, replay);
    toc_topic_unlock_threads(t);
    return rc;
}

int toc_topic_state(toc_topic *t, toc_topic_stat *out)
{
    struct toc_topic_state s;
    if (atom32_load_acq(&t->h.o.closed))
        return -ESHUTDOWN;
    if (!toc_topic_snapshot(t, &s))
        return -EBUSY;
    const struct toc_table *table = &topic_file(t)->half[s.half & 1];
    uint32_t segments = atom32_load_acq(&table->count);
    bool listens = atom_load_acq(&t->listens);
    uint64_t next = topic_next(t) > t->from ? topic_next(t) : t->from;
    *out = (toc_topic_stat){
        .emits = s.tail_sequence, .oldest = s.low_sequence, .max_bytes = topic_file(t)->setup.max_bytes,
        .segments = segments < TOC_SEGMENTS_MAX ? segments : TOC_SEGMENTS_MAX,
        .file_bytes = s.bytes, .next = listens ? next : 0,
    };
    return toc_handle_verdict(&t->h, atom_load_acq(&topic_file(t)->head.word)) == -EIDRM ? -EIDRM : 0;
}
