/* format.h: what every object's file begins with. Floor 1.
 *
 * Native byte order: an object belongs to one host. The magic and the layout signature refuse a foreign
 * file; nothing is ever reinterpreted. The schematic is in docs/design/format.md, and a test holds it
 * against these offsets.
 *
 * To change the layout: raise TOC_FORMAT, keep the old files refusable (-EPROTO), and add an image of the
 * old layout to tests/format/images/.
 */
#ifndef TOC_FORMAT_H
#define TOC_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define TOC_MAGIC 0x01004e4953434f54ull /* "TOCSIN\0\1" on a little-endian host */
#define TOC_FORMAT 2 /* 1: an event's page had no `who`, and its waiters did not know what OWNED means */
#define TOC_EVENT_SIZE 4096u

struct toc_head {
    /* written once before the file has a name, then read only */
    uint64_t magic;
    uint32_t layout;     /* toc_layout(): two builds that disagree about offsets refuse each other */
    uint32_t kind;       /* TOC_KIND_ */
    uint64_t id;         /* random: a re-created object never shares the bell of the old one */
    uint64_t created_ns; /* CLOCK_REALTIME, for people */
    uint32_t mode;       /* as asked for; the bell gets the same */
    uint32_t check;      /* toc_check() of the bytes before it */
    /* shared */
    uint64_t bell_made_ns; /* CLOCK_MONOTONIC just after HASBELL went in; 0: not yet */
    uint64_t claim;        /* an event's: owner id (46 bits), low 18 bits of the generation. 0: nobody's */
    uint64_t spare;        /* zero */
    uint64_t word;         /* parts/word.h; a cache line of its own */
    uint64_t spare2[7];
};

_Static_assert(offsetof(struct toc_head, magic) == 0, "format");
_Static_assert(offsetof(struct toc_head, layout) == 8, "format");
_Static_assert(offsetof(struct toc_head, kind) == 12, "format");
_Static_assert(offsetof(struct toc_head, id) == 16, "format");
_Static_assert(offsetof(struct toc_head, created_ns) == 24, "format");
_Static_assert(offsetof(struct toc_head, mode) == 32, "format");
_Static_assert(offsetof(struct toc_head, check) == 36, "format");
_Static_assert(offsetof(struct toc_head, bell_made_ns) == 40, "format");
_Static_assert(offsetof(struct toc_head, claim) == 48, "format");
_Static_assert(offsetof(struct toc_head, spare) == 56, "format");
_Static_assert(offsetof(struct toc_head, word) == 64, "format");
_Static_assert(sizeof(struct toc_head) == 128, "format");

/* Behind the head of an event or a lock: who made the claim, for people. It vouches for itself by its sum, because two claimants
 * may write at once, and a writer may die in between. What does not fit the claim in the head says nothing. */
struct toc_who {
    uint64_t claim;
    uint64_t sum; /* toc_who_sum() of the claim and of all that follows */
    uint32_t pid, length;
    char command[200]; /* `length` bytes, then zeros */
};

#define TOC_WHO_AT sizeof(struct toc_head)

_Static_assert(offsetof(struct toc_who, sum) == 8, "format");
_Static_assert(offsetof(struct toc_who, pid) == 16, "format");
_Static_assert(offsetof(struct toc_who, length) == 20, "format");
_Static_assert(offsetof(struct toc_who, command) == 24, "format");
_Static_assert(sizeof(struct toc_who) == 224, "format");

static inline uint32_t toc_layout(void)
{
    return (uint32_t)(TOC_FORMAT << 24 | sizeof(struct toc_head) << 12 | offsetof(struct toc_head, word) << 4
                      | sizeof(void *));
}

/* FNV-1a: each step is a bijection of the state, so one changed byte always changes the result. */
static inline uint32_t toc_check(const struct toc_head *h)
{
    const unsigned char *p = (const unsigned char *)h;
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < offsetof(struct toc_head, check); i++)
        sum = (sum ^ p[i]) * 16777619u;
    return sum;
}

#endif
