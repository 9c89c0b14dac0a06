/* handle_owner.c: who this process is where the object lives. */
#include "handle.h"

#include <string.h>

/* All processes that share an anonymous object must agree where to look for each other's locks. They are on one host,
 * and this is the directory that every user of it can name. */
#define NOWHERE "/dev/shm/"

static int join(const struct toc_handle *h, struct toc_owner **out)
{
    char directory[TOC_PATH_MAX];
    if (!h->o.path)
        return toc_owner_join(out, NOWHERE);
    size_t n = (size_t)(strrchr(h->o.path, '/') - h->o.path) + 1;
    memcpy(directory, h->o.path, n);
    directory[n] = 0;
    return toc_owner_join(out, directory);
}

int toc_handle_owner(struct toc_handle *h, uint64_t now_coarse, struct toc_owner **out)
{
    struct toc_owner *mine = atom_load_ptr(&h->owner), *none = NULL;
    *out = mine;
    if (mine)
        return toc_owner_ready(mine, now_coarse);
    int rc = join(h, &mine);
    if (rc == 0 && !atom_cas_ptr(&h->owner, &none, mine)) {
        toc_owner_quit(mine); /* of two threads, one joins */
        mine = none;
    }
    *out = mine;
    return rc;
}
