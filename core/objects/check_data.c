/* check_data.c: is a data event sound? What its present slot says is possible, and the bytes are there. */
#include "check.h"

#include "../parts/change.h"
#include "../sys/sys.h"
#include "data.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION(w) ((w) / TOC_COUNT1) /* each commit adds one to both */

static int read_slots(const struct toc_image *m, struct toc_data_slot slot[2], uint64_t *word)
{
    int rc = 0;
    uint64_t after;
    for (int i = 0; rc == 0 && i < TOC_CHECK_TRIES; i++) {
        rc = toc_image_word(m, offsetof(struct toc_head, word), word);
        if (rc == 0)
            rc = toc_image_read(m, offsetof(struct toc_data_file, slot), slot, 2 * sizeof *slot);
        if (rc == 0)
            rc = toc_image_word(m, offsetof(struct toc_head, word), &after);
        if (rc == 0 && VERSION(after) == VERSION(*word))
            return 0;
    }
    return rc < 0 ? rc : -EBUSY;
}

static const char *slot_fault(const struct toc_data_slot *s, uint64_t word)
{
    if (s->version != VERSION(word))
        return "the version of its value is not how often it was changed";
    if (s->far > 1 || s->length > (s->far ? TOC_MESSAGE_MAX : TOC_DATA_NEAR) || (s->far && s->file == 0))
        return "what it says of its value makes no sense";
    return NULL;
}

static void part_name(char out[64], uint64_t number) { snprintf(out, 64, "v%016llx", (unsigned long long)number); }

/* 0, or -EUCLEAN: it is not there, or too short. */
static int look_at_file(const struct toc_image *m, const struct toc_data_slot *s)
{
    char path[TOC_BELL_PATH_MAX + 64], name[64];
    struct sys_file file;
    part_name(name, s->file);
    snprintf(path, sizeof path, "%s%s", m->prefix, name);
    int rc = sys_stat(path, &file);
    if (rc == -ENOENT || (rc == 0 && (!file.regular || file.size < s->length)))
        return -EUCLEAN;
    return rc;
}

struct names {
    struct toc_image *m;
    uint64_t number[2];
};

static bool is_used(void *context, const char *rest)
{
    const struct names *n = context;
    struct toc_data_slot slot[2];
    char name[64];
    uint64_t word;
    if (rest[0] != 'v')
        return true; /* the bell; or nothing of ours */
    if (read_slots(n->m, slot, &word) < 0)
        return true;
    for (int i = 0; i < 2; i++) { /* its number stands in a slot before the file is made, and goes after the file has gone */
        part_name(name, slot[i].file);
        if (strcmp(name, rest) == 0)
            return true;
    }
    return false;
}

int toc_check_data(struct toc_image *m)
{
    struct toc_data_slot slot[2], again[2];
    uint64_t word, after;
    const char *fault = NULL;
    int rc = 0;
    toc_image_is_zero(m, offsetof(struct toc_data_file, spare), sizeof ((struct toc_data_file *)0)->spare);
    toc_image_is_zero(m, offsetof(struct toc_data_file, spare2), sizeof ((struct toc_data_file *)0)->spare2);
    for (int i = 0; i < 2; i++)
        toc_image_is_zero(m, offsetof(struct toc_data_file, slot[i].spare), sizeof slot->spare);
    for (int i = 0; i < TOC_CHECK_TRIES; i++) {
        rc = read_slots(m, slot, &word);
        if (rc < 0)
            return rc == -EBUSY ? 0 : rc; /* changed all the time: those who change it look at it */
        const struct toc_data_slot *s = &slot[VERSION(word) & 1];
        fault = slot_fault(s, word);
        if (!fault && s->far)
            rc = look_at_file(m, s);
        if (!fault && rc == 0)
            break;
        if (rc < 0 && rc != -EUCLEAN)
            return rc;
        rc = read_slots(m, again, &after); /* was it still the present one when we looked for its file? */
        if (rc < 0)
            return rc == -EBUSY ? 0 : rc;
        if (VERSION(after) == VERSION(word)) {
            bool counted = s->version == VERSION(word); /* else the next value's would be wrong as well */
            toc_image_say(m, counted ? TOC_MEND_ITSELF : TOC_MEND_REMOVE, fault ? fault : "the file of its value is missing or too short");
            break;
        }
        fault = NULL;
    }
    struct names names = {.m = m};
    return toc_image_parts(m, is_used, &names, "files of earlier values that it does not name lie beside it");
}
