/* handle_owner.c: who this process is where the object lives. */
#include "handle.h"

#include <string.h>

/* All processes that share an anonymous object must agree where to look for each other's locks. They are on one host,
 * and this is the directory that every user of it can name. */
#define NOWHERE "/dev/shm/"

int toc_handle_owner(const struct toc_handle *h, struct toc_owner **out)
{
    char directory[TOC_PATH_MAX];
    if (!h->o.path)
        return toc_owner_join(out, NOWHERE);
    size_t n = (size_t)(strrchr(h->o.path, '/') - h->o.path) + 1;
    memcpy(directory, h->o.path, n);
    directory[n] = 0;
    return toc_owner_join(out, directory);
}
