/* bench.h: what the programs of this folder share: one object, those who wait on it, and a fresh process
 * that must find everything in order after somebody was killed. No test framework: a check returns NULL or
 * the sentence that says what is wrong. */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include "parts/format.h"
#include "parts/word.h"
#include "tocsin.h"

#include <stdint.h>
#include <sys/types.h>

/* A hang detector and nothing else: everything that could block gets an alarm, and dies by it. */
#define HANG_S patience
extern int patience; /* seconds */

enum waits {
    SLEEPER = 1,   /* in the futex, for the next set */
    LISTENER = 2,  /* in poll, on toc_event_fileno, for the next set */
    CLEARER = 4,   /* in toc_event_wait_clear */
    NEXT = 8,      /* it is set: waits for the clear and then for the set after it (`since`) */
};
#define KINDS 4

enum start {
    NOTHING,   /* no object */
    PLAIN,     /* an object that is clear and never had a bell */
    LATCHED,   /* it is set */
    WITH_BELL, /* somebody once listened: HASBELL, and the FIFO is there */
    FULL_BELL, /* the same, and its pipe is full to the brim */
    NO_FIFO,   /* HASBELL, but a cleaner took the FIFO */
    MARKED,    /* its remover died after the mark; a dead bell maker left its hidden name as well */
    LEFT,      /* its owner died before he set it */
};

struct ctx;
struct scenario {
    const char *name;
    enum start start;
    unsigned before;  /* who waits before the operation begins */
    unsigned arrives; /* who comes in the middle of it (pairs of kill points) */
    void (*op)(struct ctx *, toc_event *);
    int opens;     /* the operation opens the object itself */
    int sleeps;    /* it ends asleep */
    int anonymous;
    int owns;      /* somebody owns it, and dies: who waits for a set may be told of that */
    const char *object; /* NULL: "x" */
};

struct waiter {
    pid_t pid;
    unsigned kind;
    struct slot *slot;
};

/* In memory that all processes of the bench share. */
struct page {
    uint32_t done; /* the operation has returned */
    int op_rc;
    char fault[256]; /* what the fresh process found */
    struct slot {
        uint32_t phase; /* 0 starting, 1 knows what it waits for, 2 released */
        int rc;
        uint64_t since, clears;
    } slot[2 * KINDS];
};

struct ctx {
    const struct scenario *s;
    char dir[512], path[600];
    struct page *page;
    struct toc_head *head; /* our own view of the object, NULL: there was none */
    toc_event *shared;     /* anonymous: the handle that the children inherit */
    struct waiter waiter[2 * KINDS];
    int waiters;
    uint64_t begun_with; /* the word before the operation */
};

extern long left_over; /* hidden files that a kill left for good, over all points */

void die(const char *what);
struct ctx *bench_new(const char *dir);
/* The object as the scenario wants it, and its waiters asleep. */
void bench_begin(struct ctx *c, const struct scenario *s);
void bench_arrive(struct ctx *c);
toc_event *bench_open(struct ctx *c);
pid_t bench_fork(int seconds); /* a child that dies with us, and when it takes longer than that */
/* After a kill: whoever the word says is released must come back; nobody else may. */
const char *bench_survivors(struct ctx *c);
/* A fresh process opens, sets, clears, waits; then everyone must be out, and nothing left behind. */
const char *bench_fresh(struct ctx *c);
void bench_end(struct ctx *c);
/* The object is removed, and nothing stays behind but what README.md says. */
const char *bench_files(struct ctx *c);
void bench_empty(const char *dir, int itself);
char bench_state_of(pid_t pid); /* R, S, t, Z ... */
/* A number for what a kill left in the file system and in the word, the same for equal states. */
uint64_t bench_signature(struct ctx *c);

extern const struct scenario SCENARIOS[];
extern const int N_SCENARIOS;

#endif
