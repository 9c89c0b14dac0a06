/* topic_bench.h: one topic, those who wait at it, and what must be true after somebody was killed. What is emitted is its own
 * number, in 1,000 bytes that follow from it: four to a segment of the smallest topic, eight segments. */
#ifndef TOPIC_BENCH_H
#define TOPIC_BENCH_H

#include "bench.h"

#include "objects/topic.h"

#define H(w) ((toc_handle *)(w))
#define SIZE 1000u
#define LARGE 9000u
#define LEAST TOC_TOPIC_BYTES_MIN
#define BATCH 10u

enum does { EMITS, EMITS_MANY, EMITS_LARGE, EMITS_POLITELY, LISTENS, READS, READS_MANY, SLEEPS, CLOSES, UNLINKS };

struct scene {
    const char *name;
    enum does does;
    uint64_t before;    /* emits that were there */
    unsigned waits;     /* SLEEPER in the futex, LISTENER in poll, EMITTER until the slow one has read */
    int unread;         /* the operator's handle has read nothing of `before`; else all */
    int large;          /* the first of `before` is LARGE */
    int anonymous, busy; /* busy: somebody else, who is dead, has the lock */
};
#define EMITTER 16u

extern struct shared {
    uint32_t done;
    int rc;
    char fault[300];
    struct { uint32_t phase; int64_t rc; } slot[2];
} *page;

extern struct world {
    const struct scene *s;
    char dir[512], path[600];
    toc_topic *witness; /* ours: it listens, has heard `before`, and waits for nobody */
    toc_topic *laggard; /* where emits are killed, ours: has heard the first segment, knows that there is more, and no table but its own */
    toc_topic *hand;    /* anonymous: the operator's, which it inherits */
    struct toc_topic_file *file;
    pid_t waiter[2];
    unsigned kind[2];
    int waiters;
    int waits_emit;
    uint64_t begun_with, oldest, heard; /* heard: by the laggard */
} world;

static inline uint64_t load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
toc_topic *scene_open(void);
int scene_emit(toc_topic *t, uint64_t number, size_t size, int64_t deadline);
/* What it does, in the child; prepared first. */
toc_topic *scene_prepare(void);
int64_t scene_operate(toc_topic *t);
/* The next that `t` hears: its number, whole; 0: nothing; negative: why not. */
int64_t scene_hear(toc_topic *t, uint64_t *missed, int64_t deadline);
toc_topic_stat scene_stat(toc_topic *t);
void scene_begin(const struct scene *s);
void scene_waiters(void);
void scene_end(void);
void scene_judge(const char *where); /* after the kill */

#endif
