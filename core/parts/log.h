/* log.h: a sequence of records in segments, of which nothing is true before one store says so. Floor 3.
 *
 * Positions are bytes of an endless tape, 64 bits, only ever growing. A segment is a file of its own (an anonymous
 * object's: a range of its memfd) that holds the tape from `base` on. The table lists the present ones. It exists twice:
 * a change is made in the half that is not current, and becomes true with the state that names it (change.h).
 *
 * - A new segment is allocated in full (posix_fallocate: a full tmpfs is -ENOSPC here, not SIGBUS later) before the
 *   table names it. Its number is the table's next one, and the file is made without O_EXCL: what somebody who was killed
 *   left there is simply used.
 * - A segment that nothing lives in goes to the spares, to be used again under another base, or to the drop list; what
 *   is on the list is deleted after the commit, and again by the next who changes the table, because the first may
 *   have been killed. Numbers of deleted files are never used again.
 * - A record begins at a multiple of 8 and lies in one segment. What is left at a segment's end is passed over: by a
 *   record of length TOC_PAD, or, if not even a header fits, by knowing that.
 *
 * Everything here is called with the object's lock held, which also keeps this process's threads apart.
 */
#ifndef TOC_LOG_H
#define TOC_LOG_H

#include "../sys/atom.h"
#include "../tocsin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOC_PAGE 4096u
#define TOC_PAD 0xffffffffu
#define TOC_SPARES 4u /* of TOC_SEGMENT_SPARE at most: what is used again needs no zeroing, no faults, no file */
#define TOC_DROPS 10u
#define TOC_TABLE_SIZE 65536u
#define TOC_SEGMENTS_MAX 4080u
#define TOC_SEGMENT_FIRST (16u << 10)  /* a queue that is used a little costs a little */
#define TOC_SEGMENT_STEADY (256u << 10) /* fits a core's own cache, and makes the switch cheap per record */
#define TOC_SEGMENT_SPARE ((1u << 20) + TOC_PAGE) /* of large records, as many as fit in here: one of a MiB does */
#define TOC_SEGMENT_LARGE (16u << 20)  /* for queues with a backlog: the table stays short */

struct toc_segment {
    uint64_t base;
    uint32_t file;  /* its number; anonymous: the page of the memfd at which it begins */
    uint32_t pages;
};

struct toc_table {
    uint64_t change; /* one more with each change */
    uint32_t count, spares, drops, next_file;
    uint64_t unused;
    struct toc_segment spare[TOC_SPARES];
    struct toc_segment drop[TOC_DROPS];
    struct toc_segment segment[TOC_SEGMENTS_MAX]; /* sorted by base */
};

_Static_assert(offsetof(struct toc_table, spare) == 32, "format");
_Static_assert(offsetof(struct toc_table, drop) == 96, "format");
_Static_assert(offsetof(struct toc_table, segment) == 256, "format");
_Static_assert(sizeof(struct toc_table) == TOC_TABLE_SIZE, "format");

struct toc_record {
    uint32_t length; /* of the payload, or TOC_PAD */
    uint32_t check;  /* of length, sequence, position and payload */
    uint64_t sequence;
    uint64_t claim;  /* the owner of the log says what it means; not in the check */
    unsigned char payload[];
};

_Static_assert(sizeof(struct toc_record) == 24, "format");

struct toc_mapping {
    uint32_t file, pages;
    uint64_t base; /* where it was last seen in the table */
    unsigned char *at;
};

struct toc_log {
    struct toc_table *half[2]; /* in the control file */
    int control;               /* a descriptor is needed to allocate more of a table: the anonymous memfd, or -1 */
    const char *path;          /* of the control file; NULL: anonymous */
    const char *prefix;        /* of the segments' files: "DIR/.NAME.<id>." */
    uint32_t mode;
    uint64_t table_offset[2];  /* of the halves in the control file */
    /* this process's view */
    uint32_t forks;
    struct toc_mapping *map;
    uint32_t maps, maps_room;
    uint64_t seen_change, deleted_change;
    bool keep; /* never use a segment's file again: the control that a power cut leaves on the disk may name it still */
    uint32_t most; /* bytes of the largest segment that is made without need; 0: as the sizes above say */
    int copy; /* the half that is being changed in this operation; -1: none yet */
    struct { uint64_t base, end; unsigned char *at; } near[3]; /* the segments last used, by purpose */
};

static inline uint64_t toc_record_size(uint32_t length) { return (sizeof(struct toc_record) + (uint64_t)length + 7) & ~7ull; }

/* The hash of a payload, which needs no lock; and the check, made of it, length, sequence and position. */
uint64_t toc_payload_hash(const void *payload, size_t length);
uint32_t toc_record_seal(uint64_t hash, uint32_t length, uint64_t sequence, uint64_t position);
uint32_t toc_record_check(const struct toc_record *r, uint64_t position);

/* The record at `position`, or NULL with why in *rc: -EUCLEAN (no such segment, nonsense in it), -ENOENT, -EMFILE ... Follows
 * padding: *position becomes where it really begins, perhaps in the next segment. `end`: nothing lives there or beyond. */
enum toc_near { TOC_NEAR_HEAD, TOC_NEAR_TAIL, TOC_NEAR_LOW };
struct toc_record *toc_log_at(struct toc_log *log, uint32_t half, uint64_t *position, uint64_t end, enum toc_near near, int *rc);
/* Room for `length` bytes at or after *tail, which becomes the record's position; `live` is how many bytes the log holds, for
 * the size of a new segment. May change the table: *half then names the other one. `quick`: NULL with -EAGAIN rather than
 * a system call. */
struct toc_record *toc_log_room(struct toc_log *log, uint32_t *half, uint64_t *tail, uint32_t length, uint64_t live, bool quick,
                                int *rc);
/* Let go of every segment that ends at or before `low`. Stops early when the drop list is full. */
void toc_log_release(struct toc_log *log, uint32_t *half, uint64_t low);
/* Let go of one segment in the middle, of which the caller has seen that nothing in it lives. */
void toc_log_release_one(struct toc_log *log, uint32_t *half, uint64_t base);
/* A table that names those segments of `half` only whose files are there; and another one's, if `half` makes no sense. */
int toc_log_mend(struct toc_log *log, uint32_t *half);
/* The segment that contains `position`, or the first after it; NULL: none. */
const struct toc_segment *toc_log_segment(const struct toc_log *log, uint32_t half, uint64_t position);
const struct toc_segment *toc_table_segment(const struct toc_table *t, uint64_t position);
static inline uint64_t toc_segment_end(const struct toc_segment *s) { return s->base + (uint64_t)s->pages * TOC_PAGE; }

/* First thing in every operation, with the current half. */
void toc_log_begin(struct toc_log *log, uint32_t half);
/* After the commit of `half`: delete what was dropped, unmap what is gone. */
void toc_log_settle(struct toc_log *log, uint32_t half);
/* Is a table sound? 0 or -EUCLEAN. */
int toc_table_fault(const struct toc_table *t);
int toc_log_file(const struct toc_log *log, uint32_t file, char path[TOC_PATH_MAX + 64]);
/* In place of settle, when the commit failed or was given up; `remove`: delete what was made, nobody will. */
void toc_log_undo(struct toc_log *log, uint32_t half, bool remove);
void toc_log_free(struct toc_log *log);
/* A forked child's copy: another thread of the parent may have been in the middle of changing it. */
void toc_log_forget(struct toc_log *log, uint32_t forks);

/* -- inside: log_maps.c, log_table.c and log_tape.c share these */
/* Fields of a half are changed by whole words, as somebody without the lock may be reading them (topic_view.c). */
static inline void log_put(struct toc_segment *to, struct toc_segment s) { atom_put_bytes((uint64_t *)(void *)to, &s, sizeof s); }
static inline void log_set(uint32_t *field, uint32_t value) { atom32_store_rel(field, value); }
static inline void log_drop_spare(struct toc_table *t, uint32_t which)
{
    log_set(&t->spares, t->spares - 1);
    log_put(&t->spare[which], t->spare[t->spares]);
}
static inline uint32_t log_count(const struct toc_table *t) { return t->count > TOC_SEGMENTS_MAX ? TOC_SEGMENTS_MAX : t->count; }
/* The segment in memory; made first with `make`. NULL with *rc. */
unsigned char *toc_log_map(struct toc_log *log, const struct toc_segment *s, bool make, int *rc);
/* Mappings of what is listed no more go, and with them every short cut: a spare may be in use under another base. */
void toc_log_look_at(struct toc_log *log, const struct toc_table *t);
/* The half to change, with room for `more` segments: a copy of the current one, with the drop list done; *half names it. */
struct toc_table *toc_log_change(struct toc_log *log, uint32_t *half, uint32_t more, int *rc);

#endif
