/* check.h: is an object sound? Floor 5, because it knows all kinds; check.c (the head, and pages), check_data.c, check_tape.c (the
 * segments of a log), check_queue.c, check_topic.c and check_repair.c share it.
 *
 * Everything here is read by pread(2) into memory of our own and judged there. So a file that is damaged, or cut short under our
 * eyes, is a finding and never a SIGBUS, and who may only read may check. No lock is taken, so nobody is held up, not even by a
 * check that is stopped; what moves meanwhile is looked at again, and only what stood still may be called a fault.
 */
#ifndef TOC_CHECK_H
#define TOC_CHECK_H

#include "../parts/format.h"
#include "../parts/log.h"
#include "../tocsin.h"
#include "removal.h"

#include <stdbool.h>

/* How often, and for how long, a look is repeated because the object was changed meanwhile. */
#define TOC_CHECK_TRIES 200
#define TOC_CHECK_NS 50000000ll
/* A hostile file may look like the beginning of a record everywhere. */
#define TOC_CHECK_HASH (4ull << 30)

struct toc_image {
    const char *path;
    int fd;
    uint64_t size;
    struct toc_head head; /* as it was when it was first read */
    char prefix[TOC_BELL_PATH_MAX]; /* "DIR/.NAME.<id>." */
    toc_finding *out;
    int room, found;
};

/* All of it or -EUCLEAN: the file ends before. */
int toc_image_read(const struct toc_image *m, uint64_t offset, void *to, size_t size);
int toc_image_word(const struct toc_image *m, uint64_t offset, uint64_t *word);
toc_finding *toc_image_say(struct toc_image *m, enum toc_mend mend, const char *what); /* never NULL */
/* Bytes that nobody uses are zero, unless somebody has written over the file. */
void toc_image_is_zero(struct toc_image *m, uint64_t offset, size_t size);
/* Does the process with that id in the directory of the object live? A doubt is alive. */
bool toc_image_lives(const struct toc_image *m, uint64_t id);
/* The object's own files beside it. `is_used`: is it named by the object? Asked twice, before and after it was seen. */
int toc_image_parts(struct toc_image *m, bool (*is_used)(void *context, const char *rest), void *context, const char *what);

/* -- a log, read from its files */
struct toc_tape {
    struct toc_image *m;
    uint64_t table_at[2];
    struct toc_table *table;   /* a copy */
    unsigned char *bytes;      /* the segment that was last read */
    uint64_t room, base, end;
    uint64_t hashed;           /* bytes, in search of the next record */
};

int toc_tape_begin(struct toc_tape *t, struct toc_image *m, uint64_t table_at_0, uint64_t table_at_1);
void toc_tape_end(struct toc_tape *t);
/* The table of `half` into memory. */
int toc_tape_table(struct toc_tape *t, uint32_t half);
/* Where an object has its two states, and in them the number of the table's half. */
struct toc_states {
    uint64_t at;
    size_t size, half;
};
/* The state that is true, the word under which it is, and the table that it names. -EBUSY: it never stood still. */
int toc_tape_snapshot(struct toc_tape *t, const struct toc_states *where, void *state, uint64_t *word);
/* 1: a whole record at *at (padding and gaps are passed over); 0: no more before `end`; -EUCLEAN: what is there is not whole. */
int toc_tape_record(struct toc_tape *t, uint64_t *at, uint64_t end, struct toc_record **out);
/* The first whole record behind `at` whose sequence is in [least, most]; `end`: none. */
uint64_t toc_tape_next_whole(struct toc_tape *t, uint64_t at, uint64_t end, uint64_t least, uint64_t most);
bool toc_tape_names(const struct toc_tape *t, const char *rest); /* a file of the object: in the table, or still to come? */

/* -- the kinds. 0 or -errno; what is wrong is said. */
int toc_check_data(struct toc_image *m);
int toc_check_queue(struct toc_image *m);
int toc_check_topic(struct toc_image *m);

#endif
