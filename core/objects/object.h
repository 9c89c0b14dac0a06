/* object.h: what every object is: a file that is complete before it has a name. Floor 3.
 *
 * Made without a name (O_TMPFILE), allocated, filled, then linked; opened without following links, checked,
 * mapped, and its descriptor closed. Removal marks REMOVED in the word, which wakes everyone, and then takes
 * the name away; whoever is killed between the two has left a marked file, which the next opener takes away
 * as if it had been removed (under the file's lock, so that nobody removes a successor's name).
 */
#ifndef TOC_OBJECT_H
#define TOC_OBJECT_H

#include "../parts/bell.h"
#include "../parts/format.h"
#include "../tocsin.h"

#include <stdbool.h>

/* How stale a setter's knowledge of the file's name may be, and how long a sleeper sleeps before it looks. */
#define TOC_LOOK_NS 1000000000ll
#define TOC_SLEEP_NS 60000000000ll

struct toc_object {
    struct toc_head *head;
    size_t size;
    char *path; /* NULL: anonymous */
    struct toc_bell bell;
    uint64_t dev, ino;
    uint64_t looked_ns; /* when the name was last seen; threads share it, any of their values is right */
    int memory, pipe;   /* anonymous: what children inherit. Else -1 */
    bool writable;
    /* this process only */
    uint32_t closed, gone, inside, forks;
    uint32_t mask; /* the futex bit by which close wakes its own sleepers, rarely somebody else's */
};

/* What a kind does to its file before that has a name. */
struct toc_birth {
    int (*allocate)(int fd, size_t size); /* NULL: all of it */
    void (*fill)(struct toc_head *h, const void *with);
    const void *with;
};

int toc_object_make(struct toc_object *o, uint32_t kind, size_t size, const struct toc_birth *birth, const char *name,
                    const toc_options *options);
int toc_object_open(struct toc_object *o, uint32_t kind, size_t size, const char *name, const toc_options *options);
int toc_object_attach(struct toc_object *o, uint32_t kind, size_t size, int memory, int pipe);
void toc_object_free(struct toc_object *o); /* the mapping and the strings */

/* May this handle go on? Not closed, not removed; looks at the name, too, when the last look is a second old. */
int toc_object_ready(struct toc_object *o);
int toc_object_ready_at(struct toc_object *o, uint64_t now_coarse); /* for who has read the clock already */
int toc_object_check_name(struct toc_object *o);
/* Sleeps count themselves in, then look at `closed` once more, so that close knows whom it has to wake. */
void toc_object_enter(struct toc_object *o);
void toc_object_leave(struct toc_object *o);

#endif
