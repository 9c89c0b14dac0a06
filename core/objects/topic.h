/* topic.h: inside of a topic, the log behind a named bus: what its file says, and its handle. Floor 4; topic.c (open, close,
 * listen, what it tells), topic_state.c (the two copies), topic_emit.c, topic_view.c (a reader's own picture of the log),
 * topic_read.c and topic_slots.c (who listens, and how far they are) share it.
 *
 * Emitters exclude each other by one short lock (parts/short_lock.h), and an emit becomes true by one store (parts/change.h),
 * so a process may be killed anywhere: the emit is there whole, or not at all. Readers take no lock:
 *   what lies between `low` and `tail` of the present state is never written to. A segment that falls out at the low end
 *   is used again by a later commit than the one that let it go, and before its first byte is written, `floor` says so.
 *   So a reader copies, then looks at `floor`: if what it copied lies at or above, the copy is what was emitted.
 */
#ifndef TOC_TOPIC_H
#define TOC_TOPIC_H

#include "../parts/change.h"
#include "../parts/log.h"
#include "../parts/short_lock.h"
#include "../tocsin.h"
#include "handle.h"

#define TOC_TOPIC_BYTES (8u << 20)      /* what is retained, where nobody says how much */
#define TOC_TOPIC_BYTES_MIN (32u << 10) /* eight segments of a page */
#define TOC_SLOTS 56u                   /* subscribers in the first page; more are allocated on need */
#define TOC_SLOTS_MORE 1024u
#define TOC_SLOTS_PAGE 64u
#define TOC_SLOT_NONE 0xffffffffu

struct toc_topic_setup { /* written once, before the file has a name */
    int64_t max_bytes;
    uint32_t spare, check;
    uint64_t spare2[6];
};

struct toc_topic_state {
    uint64_t tail, tail_sequence; /* where the next record goes; how many were ever emitted */
    uint64_t low, low_sequence;   /* the oldest retained record, which begins a segment; equal to the next one's: none is */
    uint64_t changes;             /* of the table of segments: the half that was current under this number is not touched */
    uint64_t bytes;               /* of all segments together */
    uint32_t half;                /* which table of segments is current */
    uint32_t slot_pages;
    uint64_t spare;
};

/* A subscriber. Its line is written by its own process: as it reads, and when it goes. */
struct toc_slot {
    uint64_t who;      /* owner id << 18 | bits drawn by lot for the handle; 0: free */
    uint64_t sequence; /* the last that it has read, or did not want */
    uint64_t spare[6];
};

struct toc_topic_file {
    struct toc_head head;
    struct toc_topic_setup setup;
    uint64_t lock; /* a cache line of its own */
    uint64_t spare[7];
    uint64_t floor;         /* nothing at or above it is being written over; a line that changes with segments only */
    uint64_t paced;         /* 1: somebody once emitted with a wait; from then on who reads looks whether it must ring */
    uint64_t room_sequence; /* an emitter waits for whoever has read less than this. CBELL: somebody may wait */
    uint64_t spare2[5];
    struct toc_topic_state state[2];
    struct toc_slot slot[TOC_SLOTS];
    uint64_t spare3[8];
    struct toc_slot more[TOC_SLOTS_MORE];
    struct toc_table half[2];
};

_Static_assert(sizeof(struct toc_topic_setup) == 64, "format");
_Static_assert(offsetof(struct toc_topic_setup, check) == 12, "format");
_Static_assert(sizeof(struct toc_topic_state) == 64, "format");
_Static_assert(offsetof(struct toc_topic_state, changes) == 32, "format");
_Static_assert(offsetof(struct toc_topic_state, half) == 48, "format");
_Static_assert(sizeof(struct toc_slot) == 64, "format");
_Static_assert(offsetof(struct toc_topic_file, setup) == 128, "format");
_Static_assert(offsetof(struct toc_topic_file, lock) == 192, "format");
_Static_assert(offsetof(struct toc_topic_file, floor) == 256, "format");
_Static_assert(offsetof(struct toc_topic_file, state) == 320, "format");
_Static_assert(offsetof(struct toc_topic_file, slot) == 448, "format");
_Static_assert(offsetof(struct toc_topic_file, more) == 4096, "format");
_Static_assert(offsetof(struct toc_topic_file, half) == 69632, "format");
_Static_assert(sizeof(struct toc_topic_file) == 200704, "format");

/* A reader's own picture of the log: the table as it was when it was last looked at, and the segments in memory. */
struct toc_view {
    struct toc_log log;       /* both of its halves are `table` */
    struct toc_table *table;  /* with room for so many segments, as a rule a few */
    uint32_t room;
    uint64_t changes;         /* of the shared one, when it was copied */
    uint64_t tail;            /* records before it are known to be there */
    uint64_t base, end;       /* the segment that is read from */
    const unsigned char *at;
};

struct toc_cursor {
    uint64_t next, position; /* the sequence that is heard next, and where that record is, or padding before it */
};

struct toc_topic {
    struct toc_handle h;
    struct toc_log log;       /* an emitter's; guarded by the lock */
    char *prefix;
    struct toc_topic_state s; /* the state that is being made; guarded by the lock */
    uint64_t listens;         /* 1: this handle is a subscriber */
    uint64_t busy;            /* a lock among the threads of this handle; all below is guarded by it */
    struct toc_cursor cursor[2];
    uint64_t turn;            /* which of the two is true, by its lowest bit: a fork may come between any two stores */
    uint64_t from;            /* earlier ones are passed over: the replay begins within a segment */
    uint32_t slot, slot_forks;
    uint64_t who;
    struct toc_view view;
};

static inline struct toc_topic_file *topic_file(const struct toc_topic *t) { return (struct toc_topic_file *)t->h.o.head; }

/* -- topic.c */
uint32_t toc_topic_setup_check(const struct toc_topic_setup *setup);

/* -- topic_state.c */
int toc_topic_ready(struct toc_topic *t);
/* Take the lock and the present state into t->s; after 0, toc_topic_leave. -ETIMEDOUT: a stopped process has it. */
int toc_topic_enter(struct toc_topic *t, int64_t deadline);
bool toc_topic_try(struct toc_topic *t, int *rc);
void toc_topic_leave(struct toc_topic *t);
/* Make t->s true: everyone wakes, and the bell rings. */
int toc_topic_commit(struct toc_topic *t);
/* The present state without the lock. False: so busy that no two looks agreed. */
bool toc_topic_snapshot(const struct toc_topic *t, struct toc_topic_state *out);

/* -- topic_slots.c */
struct toc_slot *toc_topic_slot(const struct toc_topic *t, uint32_t i);
static inline uint32_t topic_slots(const struct toc_topic_state *s) /* also of a state that nobody has judged */
{
    uint32_t most = TOC_SLOTS_MORE / TOC_SLOTS_PAGE;
    return TOC_SLOTS + (s->slot_pages < most ? s->slot_pages : most) * TOC_SLOTS_PAGE;
}
/* Under the lock: be a subscriber who has read up to `sequence`. Commits when slots have to be allocated. */
int toc_topic_take_slot(struct toc_topic *t, uint64_t sequence);
void toc_topic_drop_slot(struct toc_topic *t);
/* Tell emitters how far this one is; rings if one waits for it. */
void toc_topic_publish(struct toc_topic *t, uint64_t sequence);
/* Is there a living subscriber who has not read `sequence` yet? */
bool toc_topic_is_behind(const struct toc_topic *t, const struct toc_topic_state *s, uint64_t sequence);

/* -- topic_view.c: what a reader does with the log. All under `busy`. */
/* The record at *position: its header, and where its bytes are. 1; 0: nothing there yet, *position < tail of `s` is false;
 * -ESTALE: it is or may be written over; -EUCLEAN: nonsense; -ENOENT, -EMFILE ... */
int toc_view_record(struct toc_topic *t, uint64_t *position, struct toc_record *header, const uint64_t **payload);
/* After a copy of what lies at `position`: was it what was emitted? */
static inline bool topic_is_intact(const struct toc_topic *t, uint64_t position)
{
    atom_fence_acq(); /* after the copy; pairs with the fence in toc_topic_enter, between `floor` and what is written over */
    return position >= atom_load_relax(&topic_file(t)->floor);
}
void toc_view_forget(struct toc_topic *t, uint32_t forks);

/* -- topic_read.c */
static inline uint64_t topic_next(const struct toc_topic *t)
{
    return atom_load_relax(&t->cursor[atom_load_acq(&t->turn) & 1].next);
}
static inline uint64_t topic_position(const struct toc_topic *t) { return t->cursor[t->turn & 1].position; }
static inline void topic_move(struct toc_topic *t, uint64_t next, uint64_t position)
{
    struct toc_cursor *c = &t->cursor[(t->turn + 1) & 1];
    c->position = position;
    atom_store_relax(&c->next, next);
    atom_store_rel(&t->turn, t->turn + 1); /* pairs with the acquire in topic_next */
}
void toc_topic_lock_threads(struct toc_topic *t);
void toc_topic_unlock_threads(struct toc_topic *t);
/* Is there something that this handle has not read? */
bool toc_topic_has_news(const struct toc_handle *h, uint64_t word);

#endif
