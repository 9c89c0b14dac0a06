/* place.h: from (place, name) to a file. Floor 1. Looks at the environment and the working directory; makes
 * nothing before toc_place_prepare. */
#ifndef TOC_PLACE_H
#define TOC_PLACE_H

#include "../tocsin.h"

struct toc_place {
    char path[TOC_PATH_MAX]; /* of the object */
    size_t root;             /* bytes of `path` that are the place's own directory */
    size_t leaf;             /* where the file's name begins */
    int user;                /* 1: the private directory of this user, made on need */
};

int toc_place_resolve(struct toc_place *p, const char *at, const char *name);
/* -EPERM when the user's directory is not this user's alone: /dev/shm is everybody's, and somebody may have
 * made it before us. -ENOENT when there is none. */
int toc_place_check(const struct toc_place *p);
/* Makes the user's directory and the name's folders; 0, or why the object cannot be there. */
int toc_place_prepare(const struct toc_place *p);
/* Does the directory of `path` belong to this user and shut everybody else out? */
int toc_place_is_private(const char *path);

#endif
