/* queue_bench.h: one queue, items of which everybody knows what became of them, those who wait at it, and a fresh process that
 * must find everything in order after somebody was killed. The items are numbers: item n is the nth that was put. */
#ifndef QUEUE_BENCH_H
#define QUEUE_BENCH_H

#include "bench.h"
#include "walk.h"

#include "objects/queue.h"

#define ITEMS 64
#define LATE 40   /* what the bench puts afterwards has numbers from here on */
#define BIG 8000  /* two of them fill the first segment */
#define HOUR_NS 3600000000000ll

enum fate {
    ABSENT,
    READY,
    HELD,    /* by somebody who lives */
    ORPHAN,  /* by somebody dead: READY once that is known */
    DELAYED, /* for an hour */
    GONE,
};

enum queue_waits { GETTER = 1, EAR = 2, PUTTER = 4, JOINER = 8 };
enum does { PUTS, GETS, RECEIVES, ACKS, NACKS, PURGES, UNLINKS, NOTHING_TO_ITEMS };

struct item {
    enum fate fate;
    unsigned attempt; /* deliveries so far */
};

struct shared_page {
    uint32_t done; /* the operation has returned */
    int rc;
    uint32_t puts, took, settled; /* what has returned to the operation: numbers of items; 0: none */
    uint32_t recovering, late, late_acking; /* the same of the process that recovers and is killed as well */
    char fault[300];
    uint32_t full;          /* the fresh process could not put */
    struct queue_slot {
        uint32_t phase;
        int rc;
        uint32_t number;
    } slot[4];
    uint32_t drained[ITEMS], attempt[ITEMS];
};

struct world;
struct queue_scenario {
    const char *name;
    void (*prepare)(struct world *);
    void (*op)(struct world *, toc_queue *);
    enum does does;
    unsigned waits;
    int opens, anonymous, durable;
    int sleeps;      /* it ends asleep */
    int64_t maxsize;
    int in_hand;   /* so many items the stepped process receives before it is stepped */
    int gets_them; /* gets, not receives */
    int dead_lock;   /* the lock's holder is dead */
    int joins;       /* the owners of the directory as well */
    int meets;       /* nobody is killed: the queue is removed in the middle */
};

struct world {
    const struct queue_scenario *s;
    char dir[512], path[600];
    struct shared_page *page;
    toc_queue *mine; /* the bench's own handle; anonymous: the one that all inherit */
    struct toc_queue_file *file;
    struct item item[ITEMS];
    uint32_t items; /* were put */
    uint64_t *claim[ITEMS], was[ITEMS];
    struct toc_queue_state before;
    struct queue_waiter {
        pid_t pid;
        unsigned kind;
        struct queue_slot *slot;
    } waiter[4];
    int waiters;
    pid_t holder[4];
    int holders;
    toc_taken hand[4]; /* in the process that is stepped */
    int removed;
    int late; /* the fresh process takes what it can before it asks who is dead */
};

extern const struct queue_scenario QUEUE_SCENARIOS[];
extern const int N_QUEUE_SCENARIOS;

struct world *world_new(const char *dir);
void world_begin(struct world *w, const struct queue_scenario *s);
void world_end(struct world *w);
toc_queue *world_open(struct world *w);
struct toc_queue_state world_state(const struct world *w);

/* -- for prepare */
void world_put(struct world *w, int n, size_t size);
void world_take(struct world *w, int n);              /* gets them, acks included */
void world_hold(struct world *w, int n, int dies);    /* somebody receives them, and lives on or dies */
void world_back(struct world *w, int n, int64_t delay); /* received and given back */
void world_lose(struct world *w, int n);              /* got by somebody who dies without task_done */
void world_in_hand(struct world *w, toc_queue *q);    /* in the process that is stepped, before it is */
void world_ready(struct world *w);                    /* and in the bench; and then the others come and wait */

/* -- after a kill */
const char *world_judge(struct world *w);     /* what the dead did is known now: the fate of each item */
const char *world_survivors(struct world *w); /* who must come back by himself, has */
void world_recovery(struct world *w);         /* what a fresh process does first; it may be killed, too */
const char *world_recovered(struct world *w); /* it was */
const char *world_fresh(struct world *w);
uint64_t world_signature(struct world *w);

#endif
