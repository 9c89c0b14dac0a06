/* who.h: who made a claim, for people: pid and command, in the page behind the head. Floor 1.
 *
 * Written and read word by word, because two claimants may write at once and a writer may die in between; the sum says
 * whether the words belong together. What does not fit the claim in the head says nothing. */
#ifndef TOC_WHO_H
#define TOC_WHO_H

#include "format.h"

#include <stdbool.h>

/* A claim is an owner's id (owner.h) and TOC_CLAIM_BITS of its kind's own. */
#define TOC_CLAIM_BITS 18
#define TOC_CLAIM_GONE 1ull /* an owner id, of who closed his handle: dead. Nobody is given it */

static inline uint64_t claim_owner(uint64_t claim) { return claim >> TOC_CLAIM_BITS; }

void toc_who_write(struct toc_head *head, uint64_t claim, const char *command); /* NULL: none */
/* False: nobody has said so yet, or two are writing. `same`: the bits of the claim that must fit. */
bool toc_who_read(struct toc_head *head, uint64_t claim, uint64_t same, struct toc_who *out);
/* The claim that the last writer stood for, torn or not: only to save writing the same again. */
uint64_t toc_who_last(const struct toc_head *head);

#endif
