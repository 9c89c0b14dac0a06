/* queue.h: inside of a queue: what its file says, and its handle. Floor 4; queue.c (open, close, stat), queue_state.c
 * (the two copies), queue_put.c, queue_take.c, queue_settle.c (ack, nack, the dead),
 * queue_claims.c, queue_durable.c and queue_wait.c share it.
 *
 * Everything is changed under one short lock (parts/short_lock.h) and becomes true by one store (parts/change.h), so a process
 * may be killed anywhere: the state is the one before or the one after. What is not in the two copies is claims in
 * records and counts of holders; both are put right by whoever finds the holder dead (toc_queue_bury), because:
 *   a holder's `leased` is raised before its claim is made and lowered after the claim has ended, so it may be too
 *   high, of the dead only, and never too low.
 */
#ifndef TOC_QUEUE_H
#define TOC_QUEUE_H

#include "../parts/change.h"
#include "../parts/short_lock.h"
#include "../parts/log.h"
#include "../tocsin.h"
#include "handle.h"

#define TOC_HOLDERS 112u      /* in the first page; more are allocated on need */
#define TOC_HOLDERS_MORE 1024u
#define TOC_HOLDERS_PAGE 128u

struct toc_queue_setup { /* written once, before the file has a name */
    int64_t maxsize, max_bytes; /* 0: no limit */
    uint32_t max_deliveries, codec, durable;
    uint32_t check;
};

struct toc_queue_state {
    uint64_t tail, tail_sequence; /* where the next record goes; how many items were ever put */
    uint64_t head, head_sequence; /* where the next fresh item is; how many were ever taken from there */
    uint64_t low;                 /* nothing before it lives */
    uint64_t bytes;               /* payload of the fresh items */
    uint64_t held;                /* items that are claimed */
    uint64_t back, back_bytes;    /* items that came back: READY or DELAYED before head */
    uint64_t delayed;             /* of these, the DELAYED */
    uint64_t back_after;          /* no READY one may be taken while head_sequence is below this */
    uint64_t due_ms;              /* the first DELAYED one's time */
    uint32_t shut;                /* 1: shut down, 2: immediately */
    uint32_t half;                /* which table of segments is current */
    uint32_t holder_pages, spare;
    uint64_t spare2[2];
};

struct toc_holder {
    uint64_t id;     /* of an owner; 0: free */
    uint64_t leased; /* claims that it may have */
    uint64_t taken;  /* items that it got and has not called task_done for */
    uint64_t spare;
};

struct toc_queue_file {
    struct toc_head head;
    struct toc_queue_setup setup;
    uint64_t spare[4];
    uint64_t lock;      /* a cache line of its own */
    uint64_t looked_ns; /* when somebody last asked which holders live */
    uint64_t boot;      /* of the kernel under which it was last used: after another, every owner is dead */
    uint64_t spare2;
    uint64_t sync_lock; /* durable, these four: whoever holds it writes for all who wait for it */
    uint64_t synced;    /* how many items are known to be on the disk, */
    uint64_t synced_position, synced_change; /* up to where the tape is, and which table is */
    struct toc_queue_state state[2];
    struct toc_holder holder[TOC_HOLDERS];
    struct toc_holder more[TOC_HOLDERS_MORE];
    struct toc_table half[2];
};

_Static_assert(sizeof(struct toc_queue_state) == 128, "format");
_Static_assert(offsetof(struct toc_queue_file, setup) == 128, "format");
_Static_assert(offsetof(struct toc_queue_file, lock) == 192, "format");
_Static_assert(offsetof(struct toc_queue_file, sync_lock) == 224, "format");
_Static_assert(offsetof(struct toc_queue_file, state) == 256, "format");
_Static_assert(offsetof(struct toc_queue_file, holder) == 512, "format");
_Static_assert(offsetof(struct toc_queue_file, more) == 4096, "format");
_Static_assert(offsetof(struct toc_queue_file, half) == 36864, "format");
_Static_assert(sizeof(struct toc_queue_file) == 167936, "format");

/* A claim: 63 .. 18 whose or when, 17 .. 2 attempt, 1 0 what. It counts in records before head only: at head and beyond,
 * everything is READY, whatever a receiver that was killed before its commit has written there. */
enum toc_claim { TOC_READY, TOC_LEASED, TOC_DONE, TOC_DELAYED };
#define TOC_ATTEMPT_MAX 0xffffu

static inline uint64_t claim_of(enum toc_claim what, uint32_t attempt, uint64_t whose)
{
    return whose << 18 | (uint64_t)(attempt & TOC_ATTEMPT_MAX) << 2 | what;
}
static inline enum toc_claim claim_what(uint64_t c) { return (enum toc_claim)(c & 3); }
static inline uint32_t claim_attempt(uint64_t c) { return (uint32_t)(c >> 2) & TOC_ATTEMPT_MAX; }
/* LEASED: the owner's id. READY: the tail's sequence when it came back, as it goes to the end of the queue. DELAYED: ms. */
static inline uint64_t claim_whose(uint64_t c) { return c >> 18; }

struct toc_queue {
    struct toc_handle h;
    struct toc_log log;
    char *prefix;
    struct toc_queue_state s; /* the state that is being made; guarded by the lock */
    uint32_t holder;          /* where ours was last seen */
    uint64_t now, buried;     /* coarse clock: of the last call; when this handle last looked for the dead while there was work */
    uint64_t reading;         /* base of the segment that was last read from */
    uint64_t swept;           /* base up to which the middle was looked through for segments that nothing lives in */
};

static inline struct toc_queue_file *queue_file(const struct toc_queue *q) { return (struct toc_queue_file *)q->h.o.head; }

/* -- queue.c */
uint32_t toc_queue_setup_check(const struct toc_queue_setup *setup);
/* What the two say; `unfinished` without what holders have taken, and nothing of segments. */
void toc_queue_figures(const struct toc_queue_setup *setup, const struct toc_queue_state *s, toc_queue_stat *out);

/* -- queue_state.c */
/* May this handle change the queue? Joins the owners of its directory at the first change: looking makes no file. */
int toc_queue_ready(struct toc_queue *q);
/* Take the lock and the present state into q->s; after 0, toc_queue_leave. -EUCLEAN: it makes no sense. */
int toc_queue_enter(struct toc_queue *q, int64_t deadline);
bool toc_queue_try(struct toc_queue *q, int *rc); /* without sleeping; false with *rc 0: somebody else has the lock */
void toc_queue_leave(struct toc_queue *q);
/* Make q->s true. `rings` and `wake` as toc_change_commit. */
int toc_queue_commit(struct toc_queue *q, uint64_t rings, enum toc_wake wake);
/* The present state without the lock. */
void toc_queue_snapshot(const struct toc_queue *q, struct toc_queue_state *out);
struct toc_holder *toc_queue_holder(const struct toc_queue *q, uint32_t i);
static inline uint32_t queue_holders(const struct toc_queue_state *s) /* also of a state that nobody has judged */
{
    uint32_t most = TOC_HOLDERS_MORE / TOC_HOLDERS_PAGE;
    return TOC_HOLDERS + (s->holder_pages < most ? s->holder_pages : most) * TOC_HOLDERS_PAGE;
}
int toc_queue_my_holder(struct toc_queue *q, struct toc_holder **out); /* under the lock */
uint64_t toc_queue_unfinished(const struct toc_queue *q, const struct toc_queue_state *s);
bool toc_queue_is_full(const struct toc_queue *q, const struct toc_queue_state *s, uint64_t more_bytes);
/* Is something there to be taken now? */
bool toc_queue_is_ready(const struct toc_queue_state *s);
uint64_t toc_queue_now_ms(void);
static inline bool queue_is_outstanding(const struct toc_queue_state *s) { return s->held || s->back; }
/* Which of those who wait at CBELL a change concerns: `before` is the state before it. */
uint64_t toc_queue_cbell(const struct toc_queue *q, const struct toc_queue_state *before);

/* -- queue_take.c */
enum queue_how { QUEUE_GET, QUEUE_RECEIVE, QUEUE_PEEK };
/* Under the lock, all of it but the commit of a quick one. -EAGAIN: nothing is ready. */
int toc_queue_take(struct toc_queue *q, enum queue_how how, bool quick, void *buffer, size_t capacity, toc_taken *out);
/* The next fresh item, of which there is one; without `commit`, the caller commits. */
int toc_queue_take_fresh(struct toc_queue *q, enum queue_how how, bool commit, void *buffer, size_t capacity, toc_taken *out);
/* Move `low` over what is done, and let segments go. */
void toc_queue_recycle(struct toc_queue *q);

/* -- queue_claims.c */
struct queue_dead {
    uint32_t count;
    uint64_t id[32];
};
struct queue_found {
    struct toc_record *best; /* of those that came back and may be taken, the one that has waited longest; NULL: none */
    uint64_t position;
    uint64_t next_after, next_due; /* back_after and due_ms of the others */
};
/* The next record in [*at, end), claims and all. What makes no sense is passed over, up to the next that is whole. NULL: no
 * more (*rc 0), or it cannot be seen (*rc < 0: too few descriptors, say). */
struct toc_record *toc_queue_next(struct toc_queue *q, uint64_t *at, uint64_t end, int *rc);
/* The first whole record after `at`, with a sequence of `least` at least; `end` if there is none. Negative in *rc as above. */
uint64_t toc_queue_next_whole(struct toc_queue *q, uint64_t at, uint64_t end, uint64_t least, int *rc);
bool toc_queue_is_one_of(const struct queue_dead *d, uint64_t id);
static inline uint64_t queue_back_at(const struct toc_queue_state *s) { return s->tail_sequence % (1ull << 46); }
/* Every claim before head is looked at, and all that q->s says of claims is counted anew; claims of `dead` (NULL: nobody's)
 * are put back on the way. 0, or why not all could be seen, and then q->s is as it was. */
int toc_queue_survey(struct toc_queue *q, const struct queue_dead *dead, struct queue_found *found);

/* -- queue_durable.c */
int toc_queue_sync(struct toc_queue *q, uint64_t sequence); /* returns when the item of that sequence would survive a power cut */
int toc_queue_recover(struct toc_queue *q);                 /* at the first open after a start of the kernel */

/* -- queue_settle.c */
/* When whoever waits with something outstanding looks for the dead: a second after the last look. */
#define TOC_GUARD_NS 1000000000ull
int64_t toc_queue_next_look(const struct toc_queue *q);
/* Once a second, by this handle's own reckoning. */
bool toc_queue_look_is_due(struct toc_queue *q);
/* Put back what the dead hold; asks at most once a second, whoever calls. */
int toc_queue_bury(struct toc_queue *q);
int toc_queue_bury_here(struct toc_queue *q); /* the same under the lock, now */
/* What is ready or delayed is done, all of it, with the next commit; what is held is not touched. How many. */
uint64_t toc_queue_drop_all(struct toc_queue *q);

#endif
