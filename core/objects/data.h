/* data.h: a DataEvent's file and handle. Floor 4; data.c (signal, wait, the handle) and data_value.c (where the bytes of a
 * value are) share it.
 *
 * Two slots. The lowest bit of the word's count (parts/change.h) says which of them is the present value; the
 * lock's holder prepares the other one and makes it the present one by the one store that adds to the count. So a
 * value is there whole or not at all, and a holder who dies has changed nothing: the next one prepares that slot again.
 *
 * A value of up to TOC_DATA_NEAR bytes is in the file itself. A larger one is in a file of its own,
 * `.NAME.<id>.v<number>`, that is complete before the commit, or, where the object has no name, in a range of the
 * memfd. The number is random, so that nobody can put a file there first. It stands in the slot before the file is
 * made, and goes from it after the file is gone: what a killed writer left is found by the next one.
 *
 * Readers take no lock: copy, then look whether the slot is still the present one, else again.
 */
#ifndef TOC_DATA_H
#define TOC_DATA_H

#include "handle.h"

#include <stddef.h>

#define TOC_DATA_NEAR 8192u /* a value of a page and its quotes is common, and a file of its own costs 50 times as much */
#define TOC_DATA_UNIT 65536u /* of ranges: what every kernel can map by */

struct toc_data_slot {
    uint64_t version; /* 1 for the first value; 0: none was ever here */
    uint64_t length;  /* bytes */
    uint64_t far;     /* 0: the value is in `near`; 1: in the file, or the range */
    uint64_t file;    /* number of the file that belongs to this slot, also when the value is near; 0: none */
    uint64_t range;   /* anonymous: first unit << 32 | units of the memfd, this slot's for good; 0: none */
    uint64_t spare[3];
};

struct toc_data_file {
    struct toc_head head;
    uint64_t lock; /* parts/short_lock.h: among writers */
    uint64_t spare[7];
    struct toc_data_slot slot[2];
    uint64_t spare2[472];
    uint64_t near[2][TOC_DATA_NEAR / 8];
};

_Static_assert(offsetof(struct toc_data_slot, version) == 0, "format");
_Static_assert(offsetof(struct toc_data_slot, length) == 8, "format");
_Static_assert(offsetof(struct toc_data_slot, far) == 16, "format");
_Static_assert(offsetof(struct toc_data_slot, file) == 24, "format");
_Static_assert(offsetof(struct toc_data_slot, range) == 32, "format");
_Static_assert(sizeof(struct toc_data_slot) == 64, "format");
_Static_assert(offsetof(struct toc_data_file, lock) == 128, "format");
_Static_assert(offsetof(struct toc_data_file, slot) == 192, "format");
_Static_assert(offsetof(struct toc_data_file, near) == 4096, "format");
_Static_assert(sizeof(struct toc_data_file) == 20480, "format");

struct toc_data {
    struct toc_handle h;
    uint64_t cursor; /* the version that this handle has had; its threads share it */
};

static inline struct toc_data_file *data_file(const struct toc_data *d) { return (struct toc_data_file *)d->h.o.head; }

/* -- data_value.c. Of the slots, `which` is 0 or 1. */
/* Puts the value into the spare slot; the caller holds the lock. Nobody reads it before the commit. */
int toc_data_fill(struct toc_data *d, int which, uint64_t version, const void *data, size_t length);
/* Frees what a slot that isn't the present one holds outside of the file; the caller holds the lock. May be repeated. */
void toc_data_tidy(struct toc_data *d, int which);
/* Is what `seen`, a copy of the slot, says possible at all? 0, or -EUCLEAN. */
int toc_data_fault(const struct toc_data *d, const struct toc_data_slot *seen);
/* Copies seen->length bytes. Afterwards the caller looks whether the slot was the present one all the time. */
int toc_data_copy(struct toc_data *d, int which, const struct toc_data_slot *seen, void *buffer);

#endif
