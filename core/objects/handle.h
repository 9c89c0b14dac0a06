/* handle.h: what the handles of all objects have in common: descriptors, calls that wait by them, close, cancel.
 * Floor 3, on object.h. Each kind of handle begins with a struct toc_handle and says when it is ready.
 *
 * `ready` is the one question that listening asks: is there something for this handle in the state `word`? An
 * event: is it set? One with a cursor: is the count beyond it? A look consumes the edge of toc_fileno, arms, and
 * raises the edge again when the answer is yes. So a descriptor is readable while the object is ready, and the
 * looks of every kind are one function.
 */
#ifndef TOC_HANDLE_H
#define TOC_HANDLE_H

#include "../parts/owner.h"
#include "../sys/atom.h"
#include "object.h"

#include <stdbool.h>

/* A blocking call that waits by descriptor; the handle knows it, so that close and cancel can wake it. */
struct toc_call {
    struct toc_ear ear;
    struct toc_call *next;
};

struct toc_handle;

struct toc_kind {
    uint32_t kind;                                              /* TOC_KIND_ */
    size_t file, handle;                                        /* bytes of the object's file, of the handle's struct */
    bool (*ready)(const struct toc_handle *h, uint64_t word);
    void (*let_go)(struct toc_handle *h); /* NULL, or: the handle is closed, what it holds of the object goes. May be called twice */
};

struct toc_handle {
    struct toc_object o;
    const struct toc_kind *kind;
    uint64_t listening;     /* 1: toc_fileno was asked for, and looks must consume its edge */
    uint64_t heard_ns;      /* when the FIFO of `own` was last seen to have a name; who moves it looks */
    struct toc_ear *own;    /* toc_fileno; NULL before it was asked for */
    struct toc_ear *shared; /* toc_listen: without an epoll */
    struct toc_owner *owner; /* NULL before toc_handle_owner */
    struct toc_held *alarm; /* a timer in the epoll of `own`; NULL before there was need of one */
    struct toc_call *calls; /* guarded by sys_enter */
    uint32_t calls_forks;   /* after how many forks `calls` was begun: a child has none of its parent's threads */
    uint32_t cancelled;
    struct toc_call idle;   /* the one call whose ear stays open for the next: five system calls less each time */
    uint64_t idle_user;     /* 0: nobody's; else the forks of the process whose thread has it, plus 1 */
};

/* A handle of the kind's size, all zero behind this part. free() is toc_handle_free. */
int toc_handle_open(struct toc_handle **out, const struct toc_kind *kind, const char *name, const toc_options *options);
/* The same for a kind that does something to its file first. */
int toc_handle_make(struct toc_handle **out, const struct toc_kind *kind, const struct toc_birth *birth, const char *name,
                    const toc_options *options);
int toc_handle_attach(struct toc_handle **out, const struct toc_kind *kind, int memory, int pipe);
void toc_handle_free(struct toc_handle *h);

/* 0: go on; else why no wait of this handle goes on, now or later. */
int toc_handle_verdict(const struct toc_handle *h, uint64_t word);

/* -- waiting by the bell */
/* Is what the caller waits for there? `since` is the caller's. */
typedef bool toc_done(const struct toc_handle *h, uint64_t word, uint64_t since);
/* Puts `bit` (BELL or CBELL) in and judges by the word which that returned, as often as the bell rings. 1 done, 0
 * the deadline, -EINTR, or a verdict. The caller has looked already: this always costs system calls. */
int toc_handle_await(struct toc_handle *h, uint64_t bit, toc_done *done, uint64_t since, int64_t deadline);
/* The name is looked at once a minute: when next, and when a sleep until `deadline` has to end at the latest. */
int64_t toc_handle_next_look(const struct toc_handle *h);
int64_t toc_handle_sleep_until(const struct toc_handle *h, int64_t deadline);

/* Consume the edge of toc_fileno, arm, judge; raise it again when the object is ready. Returns the word. */
uint64_t toc_handle_look(struct toc_handle *h);
/* The same for who has looked at `word` already and need not look again where nobody listens. */
static inline uint64_t toc_handle_looked(struct toc_handle *h, uint64_t word)
{
    return atom_load_relax(&h->listening) ? toc_handle_look(h) : word;
}

/* For looks that take nothing: an edge of the past is consumed when the object is not ready. */
static inline uint64_t toc_handle_settle(struct toc_handle *h, uint64_t word)
{
    return !atom_load_relax(&h->listening) || h->kind->ready(h, word) ? word : toc_handle_look(h);
}
/* Make toc_fileno readable at that time, so that whoever only selects comes to look; 0: no need. */
void toc_handle_alarm(struct toc_handle *h, int64_t when);

/* Put bits in; the word of that very instant. 0, or why nobody should wait here any more. */
int toc_handle_arm(struct toc_handle *h, uint64_t bits, uint64_t *word);

/* This process in the directory of the object: the one whose locks the others look at. Joins at the first call, quits with
 * the handle's end. To be asked before anything is announced. */
int toc_handle_owner(struct toc_handle *h, uint64_t now_coarse, struct toc_owner **out);
/* The same, for who has joined already: another thread may be joining, and leave what it finds. */
static inline struct toc_owner *toc_me(const struct toc_handle *h) { return atom_load_ptr(&h->owner); }

/* What toc_stat says of a head. */
void toc_head_describe(toc_stat *out, const struct toc_head *h);

#endif
