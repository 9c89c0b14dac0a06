/* data_bench.h: one signal or value, those who wait for it, and what must be true after somebody was killed. */
#ifndef DATA_BENCH_H
#define DATA_BENCH_H

#include "bench.h"

#include "objects/data.h"

#define FAR (TOC_DATA_NEAR + 8) /* one word more than fits the object's file */
#define H(w) ((toc_handle *)(w))

enum does { SIGNALS, WRITES, WAITS, UNLINKS };

struct scene {
    const char *name;
    int signal; /* a Signal, else a DataEvent */
    enum does does;
    unsigned waits; /* SLEEPER, LISTENER */
    size_t before, after; /* bytes of the value that is there, and of the one that is written */
    int anonymous, busy;  /* busy: somebody else has the lock */
};

extern struct shared {
    uint32_t done;
    int rc;
    char fault[300];
    struct { uint32_t phase; int64_t rc; } slot[2];
} *page;

extern struct world {
    const struct scene *s;
    char dir[512], path[600];
    void *handle; /* ours; an anonymous object's is everyone's */
    struct toc_head *head;
    pid_t waiter[2];
    int waiters;
    uint64_t begun_with;
} world;

static inline uint64_t load(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

/* An anonymous one has one handle per process, the inherited one: its cursor is a copy. */
void *scene_handle(int replay);
int scene_write(void *handle, size_t length, char letter, uint64_t *version);
uint64_t scene_count(void *handle);
int64_t scene_wait(void *handle, int64_t deadline);
void scene_begin(const struct scene *s);
void scene_end(void);
/* After the kill; `where` it was. */
void scene_judge(const char *where);
const char *scene_fault(const char *what, long long number);

#endif
