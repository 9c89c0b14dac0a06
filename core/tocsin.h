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
    uint64_t generation;   /* how many times it became set */
    uint64_t created_ns;   /* CLOCK_REALTIME, for people */
    uint32_t kind;         /* TOC_KIND_ */
    uint32_t mode;         /* as it was made */
    uint32_t is_set, sleepers, listeners, removed; /* 0 or 1; the middle two may be set spuriously */
    uint32_t waiting_here; /* blocked at this moment in calls on this very handle */
    uint32_t writable;     /* may this handle set, clear and wait */
} toc_stat;

/* Now, on the clock of all deadlines, in ns. */
int64_t toc_now(void);

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
 * (call again with the same `since` and nothing is missed). */
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
 * on, a setter may drop the bit of a listener whom it takes for served. */
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

/* Look at any object without making, changing or trusting it. */
int toc_peek(toc_stat *out, const char *path);
/* Remove the object at `path`: everyone who waits gets -EIDRM, then the name goes. */
int toc_unlink(const char *path);

/* One sentence for a negative return of any call above. */
const char *toc_strerror(int rc);

#ifdef __cplusplus
}
#endif
#endif
