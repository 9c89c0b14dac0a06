/* tocsin.h: the public header of the tocsin core, a C11 library.
 *
 * Caveats first.
 *  - An event is a file that processes share. Who may write it can also truncate it, and a truncated
 *    mapping is SIGBUS for everybody who uses it: write permission is trust. Fix: leave objects 0600, or
 *    give `mode` and mean it. Root refuses objects that others can write unless `mode` says so.
 *  - A handle is for one process. After fork the child goes on using its copy: descriptors are made anew
 *    on need (the number that toc_event_fileno gave before the fork is closed in the child).
 *  - A raw clone(2) that neither execs nor runs the pthread_atfork handlers is out of contract.
 *
 * Recipe, waiter (setter: open, toc_event_set, toc_event_free):
 *
 *      toc_event *e;
 *      int rc = toc_event_open(&e, "ready", NULL);
 *      uint64_t since = toc_event_clears(e);
 *      do rc = toc_event_wait(e, since, TOC_FOREVER); while (rc == -EINTR);
 *      ...                                 rc == 1: it is set, or was since we looked
 *      toc_event_free(e);
 *
 * Every call returns 0 or a count, or -errno; errno itself is not touched. Deadlines are absolute, in
 * nanoseconds of toc_now() (CLOCK_MONOTONIC); TOC_FOREVER waits for ever. Waiting and setting is a release
 * that pairs with the acquire of whoever is released: what was written before toc_event_set is seen after
 * toc_event_wait, toc_event_is_set and toc_event_generation.
 *
 *      -EUCLEAN      the file is damaged, or not an object at all
 *      -EPROTO       it is an object of another layout (another version of tocsin)
 *      -EMEDIUMTYPE  it is an object of another kind, or a directory, or a folder of the name is an object
 *      -EIDRM        it was removed (toc_unlink, or the file is gone)
 *      -ESHUTDOWN    this handle was closed
 *      -ECANCELED    its waits were cancelled (toc_cancel)
 *      -EOWNERDEAD   who had promised to set the event died before (toc_event_own)
 *      -EALREADY     toc_event_own: the event is set
 *      -ETIMEDOUT    a process that is stopped holds the short lock (DATA, QUEUE), and the deadline passed
 *      -EMSGSIZE     longer than TOC_MESSAGE_MAX
 *      -EEXIST       `mode` differs from what the object was made with
 *      -EDOM         a bad mode: 0600 to 0777, and the owner may always read and write
 *      -ENOENT       there is none, and `create` was 0
 *      -EINVAL       a bad name or place (toc_name_fault and toc_place_fault say why)
 *      -ENOTUNIQ     refused to root: others can write the object; give its `mode` to accept it
 *      -EACCES, -EPERM, -EMFILE, -ENFILE, -ENOSPC, -ENOMEM ...  as the kernel means them
 */
#ifndef TOCSIN_H
#define TOCSIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TOC_FOREVER ((int64_t)-1)
#define TOC_NAME_MAX 200   /* characters of a name */
#define TOC_PATH_MAX 1024  /* bytes of a resolved path, terminator included */

/* Kinds of object. A header says one of these; opening it as another is -EMEDIUMTYPE. */
#define TOC_KIND_EVENT 1
#define TOC_KIND_SIGNAL 2
#define TOC_KIND_DATA 3
#define TOC_KIND_QUEUE 4
#define TOC_KIND_LOCK 5
#define TOC_KIND_TOPIC 6
#define TOC_MESSAGE_MAX ((size_t)64 << 20) /* bytes of one value or item */

typedef struct toc_event toc_event;

typedef struct toc_options {
    const char *at;  /* the place: "user", "system" or a directory; NULL: $TOCSIN_AT, else "user" */
    int mode;        /* permission bits; -1: as the object is (0600 when it is made now) */
    int create;      /* 1: open, or make it. 0: -ENOENT if there is none: looking never makes anything */
    int64_t spin_ns; /* how long a wait of this handle spins before it sleeps; 0: not at all */
} toc_options;

#define TOC_DEFAULTS ((toc_options){NULL, -1, 1, 0})

/* What an object is, read without waiting. Native byte order, this host. */
typedef struct toc_stat {
    uint64_t id;           /* random, of this incarnation */
    uint64_t word;         /* state bits and count, see docs/design/word.md */
    uint64_t generation;   /* an event: how many times it became set; else how many changes, of DATA and QUEUE the low 24 bits */
    uint64_t created_ns;   /* CLOCK_REALTIME, for people */
    uint32_t kind;         /* TOC_KIND_ */
    uint32_t mode;         /* as it was made */
    uint32_t is_set, sleepers, listeners, removed; /* 0 or 1; the middle two may be set spuriously */
    uint32_t waiting_here; /* blocked at this moment in calls on this very handle */
    uint32_t writable;     /* may this handle set, clear and wait */
} toc_stat;

/* Now, on the clock of all deadlines, in ns. */
int64_t toc_now(void);

/* For callers whose signal handlers only leave a note, as an interpreter's do: from `hold` to `give` this thread's signals come
 * only while it sleeps inside a waiting call. So: hold, look at the note, wait, give; a signal that comes between the look
 * and the sleep ends the sleep, as in pselect(2). Without it the sleep would not know of it. Where the wait is in a futex,
 * which can't do that, a moment remains, as in every sem_wait. */
void toc_signals_hold(void);
void toc_signals_give(void);

/* Names and places: parts/place.c. A fault is NULL (sound) or a static sentence that says what is wrong. */
const char *toc_name_fault(const char *name);
const char *toc_place_fault(const char *at);
/* The absolute path of the object NAME at AT into `path`; makes nothing. */
int toc_path(char path[TOC_PATH_MAX], const char *at, const char *name);
/* The directory that a place keeps its objects in, and the prefix of their file names ("" or "tocsin."). */
int toc_place_dir(char path[TOC_PATH_MAX], const char **prefix, const char *at);

/* Open (or make) an event. name NULL: anonymous, for this process, its threads and its children. */
int toc_event_open(toc_event **out, const char *name, const toc_options *options);
/* An anonymous event of another process from the two descriptors that toc_event_descriptors gave there
 * (they arrive by inheritance or SCM_RIGHTS). Takes both over, also when it fails. */
int toc_event_attach(toc_event **out, int memory, int pipe);
int toc_event_descriptors(const toc_event *e, int *memory, int *pipe);
/* Close: later calls, and those that are blocked now, end with -ESHUTDOWN. Any thread may call it.
 * Free: give the memory back, closing first; no other thread may be using the handle. */
void toc_event_close(toc_event *e);
void toc_event_free(toc_event *e);

/* Latch it. Wakes everyone. Async-signal-safe. Fails before it changed anything, or not at all. */
int toc_event_set(toc_event *e);
int toc_event_clear(toc_event *e);
/* The same without a system call: 1 done, 0 somebody waits, so the full call is needed. For bindings that hold
 * a lock, like Python's, which they give back around system calls. */
int toc_event_set_quiet(toc_event *e);
int toc_event_clear_quiet(toc_event *e);
/* 1 or 0; consumes the edge of toc_event_fileno when it is 0. */
int toc_event_is_set(toc_event *e);
/* How many times it became set. */
int toc_event_generation(toc_event *e, uint64_t *out);
/* How many times it was cleared: the `since` of a wait that begins now. */
uint64_t toc_event_clears(const toc_event *e);
/* Wait until the generation is greater than `since`. 1: it is; 0: the deadline passed; -EINTR: a signal
 * (call again with the same `since` and nothing is missed); -EOWNERDEAD: its owner is dead (toc_event_own). */
int toc_event_wait(toc_event *e, uint64_t since, int64_t deadline);
/* Wait until it is clear, or was cleared more often than `since_clears`. */
int toc_event_wait_clear(toc_event *e, uint64_t since_clears, int64_t deadline);
/* A descriptor that select, poll and epoll find readable while the event is set (a hint: look with
 * toc_event_is_set, which consumes the edge; another listener's going is an edge, too). Threads that
 * poll for pulses open a handle each, because the threads of one share its edges. The handle owns it. Blocks for 100 ms at most, once. */
int toc_event_fileno(toc_event *e);
/* For loops that keep one epoll for many objects: a descriptor to add with EPOLLIN|EPOLLET, which gets an
 * edge at every change that was armed for. The handle owns it. Arm, then judge by the word that it returns.
 * An edge says only that something may have changed. */
int toc_event_listen(toc_event *e);
int toc_event_arm(toc_event *e, int for_clear, uint64_t *word);
/* The same for who waits for a later set than the present one, and must so hear of the clear first: while SET is
 * on, a setter may drop the bit of a listener whom it takes for served. -EOWNERDEAD: it may wait for ever. */
int toc_event_arm_later(toc_event *e, uint64_t *word);
/* To be asked between listen and arm: ns until the caller must arm and judge once more (0: no need). A bell is
 * young for 100 ms, docs/design/bell.md. */
int64_t toc_event_look_again(toc_event *e);
/* Does the file still have its name? 0, or -EIDRM, and then everyone who waits on it is told. */
int toc_event_check_name(toc_event *e);
int toc_event_stat(const toc_event *e, toc_stat *out);
const char *toc_event_path(const toc_event *e); /* NULL: anonymous */
/* Remove it: everyone who waits, here and elsewhere, gets -EIDRM, then the name goes. */
int toc_event_unlink(toc_event *e);

/* Ownership: who owns a clear event promises to set it. Dies he before, however he dies, or closes the handle, every wait
 * for a set, present and later, ends with -EOWNERDEAD, until somebody sets, clears or owns the event. The kernel tells
 * (docs/design/owner.md). A claim is the handle's, of one process: a forked child owns nothing, execve is a death. */
#define TOC_COMMAND_MAX 200 /* bytes of what an owner calls itself; what is longer is cut */
typedef struct toc_owner_info {
    uint32_t pid;      /* as the owner sees it; 0: not known (yet) */
    uint32_t alive;    /* 0: dead, or its handle was closed */
    char command[TOC_COMMAND_MAX + 1];
} toc_owner_info;
/* 0: it is ours now. -EBUSY: a living owner has it; -EALREADY: it is set, so there is nothing to promise. `command` is for
 * people, NULL is none. Keeps one descriptor until the claim's end. */
int toc_event_own(toc_event *e, const char *command);
int toc_event_disown(toc_event *e); /* give it up: it is nobody's then. 0 also when it isn't ours (any more) */
/* 1: a claim counts, of the living or the dead, and *out says whose; 0: nobody's. For those who may only read, too. */
int toc_event_owner(toc_event *e, toc_owner_info *out);

/* -- What all handles have in common. Every handle begins with a toc_handle, so its address is that of one:
 * toc_fileno((toc_handle *)signal). The toc_event_ functions of the same names above are these. */
typedef struct toc_handle toc_handle;
void toc_close(toc_handle *h);
/* Waits of this handle, present and later, end with -ECANCELED. For good; any thread may call it. */
void toc_cancel(toc_handle *h);
/* Readable while the object is ready for this handle: set, or something is there that it has not had. Looks consume
 * the edge when it is not; looking at the descriptor alone does not. */
int toc_fileno(toc_handle *h);
int toc_listen(toc_handle *h);
/* side 0: to hear of a set, a signal, a value, an item; 1: of a clear, of room, of the end of all work. *ticket: what
 * toc_ticket said in the instant of the arming. Arm, then look: whatever comes after the look is an edge. */
int toc_arm(toc_handle *h, int side, uint64_t *ticket);
uint64_t toc_ticket(const toc_handle *h); /* a number that differs after each change (an event: after each clear) */
int64_t toc_look_again(toc_handle *h);
/* One look of who listens to many objects, which takes nothing, and arms as toc_arm with side 0 does. 1: there is something for
 * this handle, or its next call has to tell why there never will be (removed, closed, cancelled, its owner dead); 0: not yet;
 * -errno: it can't be listened to. *word: the state of that instant. */
int toc_look_ready(toc_handle *h, uint64_t *word);
int toc_check_name(toc_handle *h);
int toc_descriptors(const toc_handle *h, int *memory, int *pipe);
const char *toc_handle_path(const toc_handle *h);
int toc_handle_stat(const toc_handle *h, toc_stat *out);
int toc_handle_unlink(toc_handle *h);

/* -- Lock: one at a time, between processes, threads and loops. The death of the process that holds it, however it dies,
 * frees it; being slow, or stopped, never does. Whoever holds it may release it from any of its threads, by the handle that took
 * it. Not recursive: who waits for what his own handle holds waits until another thread releases it. */
typedef struct toc_lock toc_lock;
/* How long who waits lets others go first; from then on he has precedence over those who come. */
#define TOC_LOCK_HUNGRY_NS 1000000ll
int toc_lock_open(toc_lock **out, const char *name, const toc_options *options, const char *command); /* command: as own's */
int toc_lock_attach(toc_lock **out, int memory, int pipe, const char *command);
/* Closing or freeing the handle that holds it frees it and calls it abandoned. A forked child's handle holds nothing. */
void toc_lock_free(toc_lock *l);
/* 1: ours; 0: the deadline passed (0: look once); -EINTR: call again, with the same `since`: toc_now() of when the wait began,
 * by which it is seen who has waited long; 0: it begins now. -EIDRM, -ESHUTDOWN, -ECANCELED as all waits. */
int toc_lock_acquire(toc_lock *l, int64_t since, int64_t deadline);
/* Without waiting, and also when those who have waited long are to have it next. */
int toc_lock_try(toc_lock *l);
/* -EPERM: this handle doesn't hold it. -ENOLCK: this process looked dead (its lock in .tocsin.owners was gone), and others took it. */
int toc_lock_release(toc_lock *l);
int toc_lock_release_quick(toc_lock *l); /* without a system call: 1 done, 0: the full call is needed */
uint64_t toc_lock_turns(const toc_lock *l); /* how often it was taken, by 65,536. The same before and after a look that found it free: it was all the time */
int toc_lock_locked(toc_lock *l);        /* 1: a living process holds it */
int toc_lock_is_mine(const toc_lock *l); /* 1: this handle holds it; 2: and who held it before died, or closed his handle */
int toc_lock_holder(toc_lock *l, toc_owner_info *out); /* 1: somebody holds it, or died holding it; 0: nobody */
/* As toc_arm; *ticket is 1 if it can be taken now, by side 0: who is hungry, or 1: anyone; else 0. */
int toc_lock_arm(toc_lock *l, int side, uint64_t *ticket);

/* -- Signal: a moment, heard by every listener. Each handle is one, with a cursor of its own, which its threads share;
 * what comes while nobody looks adds up. `replay` 1: if it was ever signalled, one signal is pending. */
typedef struct toc_signal toc_signal;
int toc_signal_open(toc_signal **out, const char *name, const toc_options *options, int replay);
int toc_signal_attach(toc_signal **out, int memory, int pipe, int replay);
void toc_signal_free(toc_signal *s);
/* Async-signal-safe. Fails before it changed anything, or not at all. *sequence (may be NULL): 1 for the first ever. */
int toc_signal_signal(toc_signal *s, uint64_t *sequence);
int toc_signal_count(toc_signal *s, uint64_t *count); /* how many ever were */
/* How many since this handle's last wait (the cursor moves); 0 at the deadline (0: look once); -EINTR: call again. */
int64_t toc_signal_wait(toc_signal *s, int64_t deadline);

/* -- DataEvent: a value of up to TOC_MESSAGE_MAX bytes, of which the latest wins. Each handle has a cursor; `replay` 1: the
 * present value is news to it, 0: only what comes. What toc_data_signal returned 0 for is what everyone reads, whole. */
typedef struct toc_data toc_data;
int toc_data_open(toc_data **out, const char *name, const toc_options *options, int replay);
int toc_data_attach(toc_data **out, int memory, int pipe, int replay);
void toc_data_free(toc_data *d);
/* Writers exclude each other by a short lock, `deadline` is for that. -ESTALE: `if_version` (-1: any) isn't the present
 * one. -EINTR: nothing has happened, call again. *version (may be NULL): of the new value, 1 for the first ever. */
int toc_data_signal(toc_data *d, const void *data, size_t length, int64_t if_version, int64_t deadline, uint64_t *version);
int toc_data_version(toc_data *d, uint64_t *version); /* 0: it has none yet */
/* The present value; moves no cursor. -ENODATA: none yet; -ENOBUFS: *length says how much room it needs. */
int toc_data_latest(toc_data *d, void *buffer, size_t capacity, size_t *length, uint64_t *version);
/* The latest value, once there is one after this handle's cursor, which moves to it: 1; 0 at the deadline (0: look once);
 * -ENOBUFS: as above, the cursor is where it was; -EINTR: call again. */
int toc_data_wait(toc_data *d, void *buffer, size_t capacity, size_t *length, uint64_t *version, int64_t deadline);

/* -- Queue: many producers, many consumers, each item to one of them. An item is up to TOC_MESSAGE_MAX bytes. What put
 * returned 0 for is there until somebody takes it, whoever dies. Everything is done under one short lock, which the
 * kernel takes from the dead; -EINTR means call again (nothing has happened), -ETIMEDOUT that a stopped process holds it. */
typedef struct toc_queue toc_queue;

typedef struct toc_queue_options {
    toc_options common;
    int64_t maxsize, max_bytes; /* -1: as it is (0, no limit, when it is made now) */
    int max_deliveries;         /* -1: as it is (5); 0: no limit */
    int codec;                  /* -1: as it is (1); 1 JSON, 2 raw: for bindings, the core doesn't look */
    int durable;                /* -1: as it is (0); 1: what put returned for survives a power cut */
} toc_queue_options;

#define TOC_QUEUE_DEFAULTS ((toc_queue_options){TOC_DEFAULTS, -1, -1, -1, -1, -1})

typedef struct toc_item {
    const void *data;
    size_t length;
} toc_item;

typedef struct toc_taken {
    uint64_t sequence; /* 1 for the first item that was ever put */
    uint64_t position; /* for ack and nack */
    size_t offset;     /* of its bytes in the buffer */
    size_t length;
    uint32_t attempt;  /* 1: its first delivery */
    uint32_t held;     /* 1: it must be acked. Also of a get, when it was delivered max_deliveries times before */
} toc_taken;

typedef struct toc_queue_stat {
    uint64_t ready, delayed, held, unfinished;
    uint64_t bytes;      /* of what is ready or delayed */
    uint64_t puts;       /* items ever accepted */
    uint64_t segments, file_bytes;
    int64_t maxsize, max_bytes;
    int max_deliveries, codec, durable;
    int shut;            /* 0, 1 shut down, 2 immediately */
} toc_queue_stat;

int toc_queue_open(toc_queue **out, const char *name, const toc_queue_options *options); /* -EEXIST: another setup */
int toc_queue_attach(toc_queue **out, int memory, int pipe);
/* What this process has taken and not finished stays its own after the last handle's end, until it dies. */
void toc_queue_free(toc_queue *q);
/* 0; -EAGAIN: full at the deadline (0: look once); -EPIPE: shut down; -EMSGSIZE; -ENOSPC. A durable queue whose disk fails
 * (-EIO ...): the item is in, but may not survive a power cut. */
int toc_queue_put(toc_queue *q, const void *data, size_t length, int64_t deadline);
/* In as few changes as the limits allow. *done: how many are in, also when it fails. */
int toc_queue_put_many(toc_queue *q, const toc_item *items, size_t count, size_t *done, int64_t deadline);
/* 0; -EAGAIN: empty at the deadline; -EPIPE: empty and shut down; -ENOBUFS: out->length is the room it needs, nothing
 * happened; -EBADMSG: damaged items were passed over, out->length of them from out->sequence on: call again. */
int toc_queue_get(toc_queue *q, void *buffer, size_t capacity, toc_taken *out, int64_t deadline);
/* One or more, up to `max` and to what the buffer holds. */
int toc_queue_get_many(toc_queue *q, void *buffer, size_t capacity, toc_taken *out, size_t max, int64_t deadline);
/* Without a system call: 1 done; 0: the full call is needed (also: full, empty); or negative as above. */
int toc_queue_put_quick(toc_queue *q, const void *data, size_t length);
int toc_queue_get_quick(toc_queue *q, void *buffer, size_t capacity, toc_taken *out);
/* As get, but the item stays in the queue, claimed: ack takes it out, nack or the death of this process gives it back. */
int toc_queue_receive(toc_queue *q, void *buffer, size_t capacity, toc_taken *out, int64_t deadline);
int toc_queue_ack(toc_queue *q, const toc_taken *taken); /* -ESTALE: it is no longer ours */
int toc_queue_nack(toc_queue *q, const toc_taken *taken, int64_t delay_ns);
int toc_queue_task_done(toc_queue *q);              /* -ERANGE: more often than items were got */
int toc_queue_join(toc_queue *q, int64_t deadline); /* 1: all that was put is done, or its taker died; 0: deadline */
int toc_queue_shutdown(toc_queue *q, int immediate);
/* -EAGAIN: nothing is ready; -EBADMSG: what is next is damaged, and stays until a get passes over it. */
int toc_queue_peek(toc_queue *q, void *buffer, size_t capacity, toc_taken *out);
int64_t toc_queue_purge(toc_queue *q);              /* how many ready and delayed items are gone */
int toc_queue_state(toc_queue *q, toc_queue_stat *out); /* without the lock; for those who may only read, too */
/* Is it sound? Looks at every item, under the lock, and changes nothing. *fault: NULL, or a sentence. */
int toc_queue_check(toc_queue *q, const char **fault);
/* For loops, which wait by descriptor: when (toc_now) a consumer that found nothing must look again, because something
 * delayed is due or a holder may have died; 0: no need. */
int64_t toc_queue_due(toc_queue *q);

/* -- Topic: the log behind a named bus. Who emits reaches every handle that listens, and waits for nobody, unless it says so. What
 * is emitted is retained until newer ones need its room. Each listener has a cursor of its own and hears every emit once,
 * in the one order in which they were emitted; readers take no lock. */
typedef struct toc_topic toc_topic;

typedef struct toc_topic_options {
    toc_options common;
    int64_t max_bytes; /* what is retained at the most; -1: as it is (8 MiB when it is made now). 32 KiB at least */
} toc_topic_options;

#define TOC_TOPIC_DEFAULTS ((toc_topic_options){TOC_DEFAULTS, -1})

typedef struct toc_heard {
    uint64_t sequence;
    size_t offset, length; /* of its bytes in the buffer */
} toc_heard;

typedef struct toc_topic_stat {
    uint64_t emits, oldest; /* how many ever were; the first that is retained (emits + 1: none is) */
    uint64_t next;          /* that this handle hears; 0: it does not listen */
    uint64_t segments, file_bytes;
    int64_t max_bytes;
} toc_topic_stat;

int toc_topic_open(toc_topic **out, const char *name, const toc_topic_options *options); /* -EEXIST: another max_bytes; -ERANGE */
int toc_topic_attach(toc_topic **out, int memory, int pipe);
void toc_topic_free(toc_topic *t);
/* From now on this handle hears what is emitted, and of what is retained the last `replay`. -EUSERS: 1,080 listen already. */
int toc_topic_listen(toc_topic *t, uint64_t replay);
/* 0, and *sequence is its number, 1 for the first ever. Deadline 0: whoever is slow loses the oldest. Else it waits until every
 * living listener has read what would have to go; -EAGAIN: one has not, in time. -EMSGSIZE: longer than TOC_MESSAGE_MAX or
 * than what is retained; -ENOSPC; -EINTR: nothing has happened, call again; -ETIMEDOUT: a stopped process has the lock. */
int toc_topic_emit(toc_topic *t, const void *data, size_t length, int64_t deadline, uint64_t *sequence);
/* In as few changes as segments allow. *done: how many are in, also when it fails; *sequence: of the last of them. */
int toc_topic_emit_many(toc_topic *t, const toc_item *items, size_t count, int64_t deadline, size_t *done, uint64_t *sequence);
/* Without a system call: 1 done; 0: the full call is needed; or negative as above. */
int toc_topic_emit_quick(toc_topic *t, const void *data, size_t length, uint64_t *sequence);
/* What this handle has not heard yet, up to `max` and to what the buffer holds: how many. 0 at the deadline (0: look once);
 * -EINTR: call again; -ENOBUFS: out->length is the room it needs. -EOVERFLOW: too slow, *missed were overwritten; -EUCLEAN: *missed
 * are damaged; the next call goes on behind them. -ENOTCONN: it does not listen. */
int64_t toc_topic_read(toc_topic *t, void *buffer, size_t capacity, toc_heard *out, size_t max, uint64_t *missed, int64_t deadline);
int64_t toc_topic_subscribers(toc_topic *t); /* handles that listen, of living processes */
uint64_t toc_topic_slowest(toc_topic *t); /* the last that the slowest of them has read; UINT64_MAX: nobody listens */
int toc_topic_state(toc_topic *t, toc_topic_stat *out); /* without the lock */

/* Look at any object without making, changing or trusting it. */
int toc_peek(toc_stat *out, const char *path);

/* Who has to do with a queue or a topic, by the byte of .tocsin.owners that he has locked (docs/design/owner.md); a dead one may still
 * be among them. A queue's: `held` of its items he received and has not acked, `taken` he got and has not called task_done for. A
 * topic's listener: `heard` is the last number that he has read. */
typedef struct toc_taker {
    uint64_t owner, held, taken, heard;
    uint32_t alive;
} toc_taker;

typedef struct toc_look {
    toc_stat stat;
    uint64_t dev, ino, size; /* the file's, and its permissions and user */
    uint32_t file_mode, uid;
    uint64_t count;        /* sets, signals, values, puts, emits, ever; a lock's: how often it was taken, the low 16 bits */
    uint64_t bytes;        /* of the value, of what is ready or delayed, of what is retained */
    uint64_t claim;        /* the id of who owns the event or holds the lock, or died doing so; 0: nobody; 1: who closed his handle */
    toc_owner_info who;    /* what he said of himself, if anything */
    uint32_t abandoned;    /* a lock's: free, and its last holder closed his handle */
    toc_queue_stat queue;  /* without segments and file_bytes */
    toc_topic_stat topic;  /* without cursor and segments */
    toc_taker *taker;      /* as given: the first `room` of `takers` */
    uint32_t room, takers;
} toc_look;

/* All that can be said of the object at `path` without opening it. Reads the file and maps nothing, takes no lock, makes nothing and
 * wakes nobody: for those who look at many objects, and again and again. As toc_peek: -EUCLEAN, -EPROTO, -EMEDIUMTYPE: no sound
 * object; -ENOENT, -EACCES, ... */
int toc_look_at(toc_look *out, const char *path, toc_taker *taker, uint32_t room);
/* Remove the object at `path`: everyone who waits gets -EIDRM, then the name goes. */
int toc_unlink(const char *path);

/* Is the object at `path` sound? Reads its files, and nothing more: takes no lock, maps nothing, makes nothing, so that neither a
 * damaged file nor one that somebody cuts short meanwhile does any harm, and nobody who uses it is held up. What is changed
 * meanwhile is judged as it was at one moment. How many findings there are (0: sound), of which the first `room` are told; or
 * -errno: it can't be looked at (-ENOENT, -EACCES ...), -EMEDIUMTYPE: a directory, -EPROTO: another version's. */
enum toc_mend {
    TOC_MEND_ITSELF, /* the next who uses it puts it right */
    TOC_MEND_REPAIR, /* toc_repair does */
    TOC_MEND_REMOVE, /* nobody can: remove it (toc_unlink, or the file itself, where its head is damaged) */
};

typedef struct toc_finding {
    const char *what;  /* a sentence */
    int mend;          /* TOC_MEND_ */
    uint64_t many;     /* items that are lost, files that are left over; 0: not of that sort */
    uint64_t sequence; /* of the first such item */
    char file[64];     /* what follows the object's ".NAME.<id>." in the name of the first such file, or "" */
} toc_finding;

int toc_check_object(const char *path, toc_finding *out, int room);
/* Puts right what can be, without losing anything that was accepted, under the object's own lock: the counts of a queue, and what the
 * dead left in it; files that belong to the object and that it does not name. Those who use it go on. *did (may be NULL): files that
 * were removed. 0, or -errno: -EUCLEAN: beyond repair. */
int toc_repair(const char *path, int *did);

/* One sentence for a negative return of any call above. */
const char *toc_strerror(int rc);

#ifdef __cplusplus
}
#endif
#endif
