/* data_value.c: where the bytes of a value are: near, in a file of their own, or in a range of the memfd. */
#include "data.h"

#include "../sys/step.h"
#include "../sys/sys.h"
#include "removal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNITS_MAX ((uint64_t)1 << 24) /* of a memfd that we made: 1 TiB */
#define KEPT_UNITS 4u                 /* so much of a range that isn't in use stays allocated for the next value */

/* ".NAME.<id>.v<number>": the bell's path with another end. */
static void file_path(const struct toc_data *d, uint64_t number, char out[TOC_BELL_PATH_MAX + 16])
{
    size_t n = strlen(d->h.o.bell.path) - (sizeof "bell" - 1);
    memcpy(out, d->h.o.bell.path, n);
    snprintf(out + n, TOC_BELL_PATH_MAX + 16 - n, "v%016llx", (unsigned long long)number);
}

static uint64_t first_unit(uint64_t range) { return range >> 32; }
static uint64_t units(uint64_t range) { return range & 0xffffffff; }
static uint64_t units_for(size_t length) { return (length + TOC_DATA_UNIT - 1) / TOC_DATA_UNIT; }

static bool range_is_sound(uint64_t range)
{
    return first_unit(range) >= units_for(sizeof(struct toc_data_file)) && first_unit(range) < UNITS_MAX
        && units(range) > 0 && units(range) <= units_for(2 * TOC_MESSAGE_MAX);
}

static int fill_file(struct toc_data *d, struct toc_data_slot *slot, const void *data, size_t length)
{
    char path[TOC_BELL_PATH_MAX + 16];
    uint64_t number = atom_load_relax(&slot->file);
    while (number == 0) { /* else one that we may not remove (tidy): used again */
        int rc = sys_random(&number, sizeof number);
        if (rc < 0)
            return rc;
        atom_store_relax(&slot->file, number);
    }
    TOC_STEP("data.fill.before_file");
    file_path(d, number, path);
    int rc, fd = sys_open_part(path, true, d->h.o.head->mode & 0666);
    if (fd < 0)
        return fd;
    rc = sys_allocate_range(fd, 0, length); /* a full tmpfs says so here, and not by SIGBUS in the copy */
    uint64_t *at = rc < 0 ? NULL : sys_map_range(fd, 0, length, &rc);
    sys_close(fd);
    if (at) {
        TOC_STEP("data.fill.before_copy");
        atom_put_bytes(at, data, length);
        sys_unmap(at, length);
    }
    return rc;
}

/* Ranges are never moved and never shared by the slots. One that is too small is left, its memory given back; the next
 * is at least twice as large, so what is left is less than what is used. */
static int fill_range(struct toc_data *d, int which, const void *data, size_t length)
{
    struct toc_data_file *f = data_file(d);
    uint64_t range = atom_load_relax(&f->slot[which].range), other = atom_load_relax(&f->slot[!which].range);
    int rc;
    if (!range_is_sound(range))
        range = 0;
    if (units(range) < units_for(length)) {
        uint64_t end = units_for(sizeof *f), size = units_for(length);
        if (size < 2 * units(range))
            size = 2 * units(range);
        if (range && first_unit(range) + units(range) > end)
            end = first_unit(range) + units(range);
        if (range_is_sound(other) && first_unit(other) + units(other) > end)
            end = first_unit(other) + units(other);
        if (end >= UNITS_MAX)
            return -EUCLEAN;
        if (range)
            sys_punch(d->h.o.memory, first_unit(range) * TOC_DATA_UNIT, units(range) * TOC_DATA_UNIT);
        range = end << 32 | size;
        atom_store_relax(&f->slot[which].range, range); /* in one store, before it exists: a death leaks nothing */
    }
    TOC_STEP("data.fill.before_range");
    rc = sys_allocate_range(d->h.o.memory, first_unit(range) * TOC_DATA_UNIT, units(range) * TOC_DATA_UNIT);
    uint64_t *at = rc < 0 ? NULL : sys_map_range(d->h.o.memory, first_unit(range) * TOC_DATA_UNIT, length, &rc);
    if (at) {
        atom_put_bytes(at, data, length);
        sys_unmap(at, length);
    }
    return rc;
}

int toc_data_fill(struct toc_data *d, int which, uint64_t version, const void *data, size_t length)
{
    struct toc_data_slot *slot = &data_file(d)->slot[which];
    int rc = 0;
    toc_data_tidy(d, which); /* of a writer that was killed */
    atom_store_relax(&slot->far, length > TOC_DATA_NEAR);
    atom_store_relax(&slot->length, length);
    atom_store_relax(&slot->version, version);
    if (length <= TOC_DATA_NEAR)
        atom_put_bytes(data_file(d)->near[which], data, length);
    else if (d->h.o.path)
        rc = fill_file(d, slot, data, length);
    else
        rc = fill_range(d, which, data, length);
    if (rc < 0)
        toc_data_tidy(d, which);
    return rc;
}

void toc_data_tidy(struct toc_data *d, int which)
{
    struct toc_data_slot *slot = &data_file(d)->slot[which];
    uint64_t number = atom_load_relax(&slot->file), range = atom_load_relax(&slot->range);
    char path[TOC_BELL_PATH_MAX + 16];
    /* Before the first store into the slot, here or in toc_data_fill: a reader who sees that store also sees that the slot
     * is no longer the present one. Stores may overtake an acquiring swap. */
    atom_fence();
    if (d->h.o.path && number) {
        file_path(d, number, path);
        int rc = sys_unlink(path);
        TOC_STEP("data.tidy.before_forgetting");
        if (rc == 0 || rc == -ENOENT) /* else another user's in a sticky directory: its number stays, it is used again */
            atom_store_relax(&slot->file, 0);
    } else if (!d->h.o.path && atom_load_relax(&slot->far) && range_is_sound(range) && units(range) > KEPT_UNITS) {
        sys_punch(d->h.o.memory, first_unit(range) * TOC_DATA_UNIT, units(range) * TOC_DATA_UNIT);
        atom_store_relax(&slot->far, 0);
    }
}

int toc_data_fault(const struct toc_data *d, const struct toc_data_slot *seen)
{
    if (seen->far > 1 || seen->length > (seen->far ? TOC_MESSAGE_MAX : TOC_DATA_NEAR))
        return -EUCLEAN;
    if (seen->far && d->h.o.path && seen->file == 0)
        return -EUCLEAN;
    if (seen->far && !d->h.o.path && (!range_is_sound(seen->range) || units(seen->range) < units_for(seen->length)))
        return -EUCLEAN;
    return 0;
}

int toc_data_copy(struct toc_data *d, int which, const struct toc_data_slot *seen, void *buffer)
{
    char path[TOC_BELL_PATH_MAX + 16];
    struct sys_file file;
    uint64_t start = 0;
    int fd = d->h.o.memory, rc;
    if (!seen->far) {
        atom_get_bytes(buffer, data_file(d)->near[which], seen->length);
        return 0;
    }
    if (d->h.o.path) {
        file_path(d, seen->file, path);
        fd = sys_open(path, false);
        if (fd < 0)
            return fd == -ENOENT ? -EUCLEAN : fd; /* or it was replaced meanwhile: the caller looks */
    } else {
        start = first_unit(seen->range) * TOC_DATA_UNIT;
    }
    rc = sys_fstat(fd, &file);
    if (rc == 0 && (!file.regular || file.size < start + seen->length))
        rc = -EUCLEAN;
    /* Of a memfd all, from its beginning: a mapping for reading has no other verb, and it is only addresses. */
    uint64_t *at = rc < 0 ? NULL : sys_map(fd, start + seen->length, false, &rc);
    if (d->h.o.path)
        sys_close(fd);
    if (at) {
        atom_get_bytes(buffer, at + start / 8, seen->length);
        sys_unmap(at, start + seen->length);
    }
    return rc;
}
