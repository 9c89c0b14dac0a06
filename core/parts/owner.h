/* owner.h: who this process is to others, and whether they live. Floor 3.
 *
 * A process that can hold something (a lock, an item) has an identity: 46 random bits, never used again, so that
 * nothing of the dead can be mistaken for a successor's. In each directory where it holds things it keeps a lock on
 * byte `id` of one file, `.tocsin.owners`. The kernel takes the lock back at its death, whatever the death, and before
 * anybody can ask; a pid could be reused, a time stamp could be late. Containers that share the directory share the
 * file, so they ask each other as well. Nothing of the dead stays behind: no file per process, nothing to tidy up.
 *
 * Discipline: the file is opened here and nowhere else in the process, and stays open as long as a handle uses it, because a
 * classic lock goes with the first close of any of its file's descriptors. What the last handle still held is then a dead
 * one's, as it should be.
 */
#ifndef TOC_OWNER_H
#define TOC_OWNER_H

#include "held.h"

#include <stdbool.h>
#include <stdint.h>

#define TOC_OWNER_BITS 46
#define TOC_OWNER_FILE ".tocsin.owners"

struct toc_owner {
    uint64_t id; /* of this process in this directory; another one after a fork, before the place of then is shown */
    uint32_t forks;
    struct toc_owner_place *place; /* NULL: none that counts */
    uint64_t looked_ns;
    uint32_t users;                 /* handles; guarded by sys_enter, as the lists are */
    struct toc_owner_place *places; /* all that were opened */
    struct toc_owner *next; /* the process-wide list */
    char path[];
};

/* Be somebody in `directory` (which ends in a slash). One for all handles of the process; each that joined quits. */
int toc_owner_join(struct toc_owner **out, const char *directory);
void toc_owner_quit(struct toc_owner *o);
/* To be called before anything is announced under `id`: after a fork the child becomes somebody else, and at most once a
 * second the file is looked at: somebody may have deleted it, or closed our descriptor. */
int toc_owner_ready(struct toc_owner *o, uint64_t now_coarse);
/* The same for who is nobody there, and makes nothing. 1 or 0; a doubt is 1. */
int toc_owner_ask(const char *directory, uint64_t id);
/* Unknown is alive: only a lock that nobody holds proves a death. */
bool toc_owner_lives(const struct toc_owner *o, uint64_t id);

#endif
