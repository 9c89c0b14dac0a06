#include "removal.h"

#include "../parts/bell.h"
#include "../parts/word.h"
#include "../sys/atom.h"
#include "../sys/step.h"
#include "../tocsin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int toc_bell_path(char out[TOC_BELL_PATH_MAX], const char *path, uint64_t id)
{
    size_t leaf = (size_t)(strrchr(path, '/') - path) + 1;
    int n = snprintf(out, TOC_BELL_PATH_MAX, "%.*s.%s.%016llx.bell", (int)leaf, path, path + leaf, (unsigned long long)id);
    return n < TOC_BELL_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int toc_removal_tell(struct toc_head *h, const char *bell, int anonymous)
{
    struct toc_bell b = {bell, anonymous != 0, h};
    struct toc_held ring = TOC_HELD_NONE;
    /* The bell before the change (bell.h), and made if there is none: FUTEX_WAKE_OP is unconditional, so a
     * listener who made it in between would hear nothing if we died after the mark. This happens once. */
    int rc = toc_bell_open(&b, &ring);
    if (rc < 0 && rc != -ENOSPC && rc != -EDQUOT) /* on a full file system no listener can make one, either */
        return rc;
    TOC_STEP("removal.before_mark");
    rc = sys_futex_or_wake(&h->word, TOC_REMOVED);
    if (rc < 0) {
        toc_held_close(&ring);
        return rc;
    }
    TOC_STEP("removal.before_ring");
    toc_held_close(&ring); /* this is the ring */
    return 0;
}

struct parts {
    const char *path; /* of the object: its directory and its name */
    size_t leaf;
    char prefix[256];
    size_t length;
    int found;
};

static int forget_part(void *context, const char *name)
{
    struct parts *p = context;
    char path[TOC_BELL_PATH_MAX + 64];
    if (strncmp(name, p->prefix, p->length) == 0) {
        int n = snprintf(path, sizeof path, "%.*s%s", (int)p->leaf, p->path, name);
        if (n < (int)sizeof path && sys_unlink(path) == 0)
            p->found = 1;
    }
    return 0;
}

/* What belongs to this incarnation: every file `.NAME.<id>.*`. Of an event and a signal that can only be the bell, and
 * what its maker may have left, so nobody has to read a directory of a hundred thousand objects. */
static void forget_parts(const char *path, const struct toc_head *h)
{
    char bell[TOC_BELL_PATH_MAX + 8];
    if (toc_bell_path(bell, path, h->id) < 0)
        return;
    sys_unlink(bell);
    strcat(bell, ".new"); /* of a maker that was killed; 8 bytes are kept free for it */
    sys_unlink(bell);
    if (h->kind != TOC_KIND_DATA && h->kind != TOC_KIND_QUEUE && h->kind != TOC_KIND_TOPIC)
        return;
    struct parts p = {.path = path, .leaf = (size_t)(strrchr(path, '/') - path) + 1};
    int n = snprintf(p.prefix, sizeof p.prefix, ".%s.%016llx.", path + p.leaf, (unsigned long long)h->id);
    if (n >= (int)sizeof p.prefix)
        return;
    p.length = (size_t)n;
    bell[p.leaf] = 0; /* the directory */
    for (int i = 0; i < 8; i++, p.found = 0) /* once more, because names go while we read */
        if (sys_list(bell, forget_part, &p) < 0 || !p.found)
            break;
}

int toc_file_fault(int rc)
{
    return rc == -EISDIR || rc == -ENOTDIR ? -EMEDIUMTYPE : rc == -ENXIO ? -EUCLEAN : rc;
}

static int directory_of(char out[TOC_PATH_MAX], const char *path)
{
    size_t n = (size_t)(strrchr(path, '/') - path) + 1;
    if (n >= TOC_PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(out, path, n);
    out[n] = 0;
    return 0;
}

static int still_named(const char *path, const struct sys_file *file)
{
    struct sys_file now;
    int rc = sys_stat(path, &now);
    if (rc < 0)
        return rc == -ENOENT ? -EIDRM : rc;
    return now.ino == file->ino && now.dev == file->dev ? 0 : -EIDRM;
}

/* Who removes a name has the file behind it locked, and has seen that the name still means that file. So a
 * name is never taken from a successor. The lock goes with its holder, and forked children don't inherit it. */
static int lock(struct toc_held *held, const char *path, struct sys_file *file)
{
    int rc = toc_held_file(held, path);
    if (rc == 0 && (rc = sys_fstat(held->fd, file)) == 0 && (rc = sys_lock(held->fd)) == 0)
        rc = still_named(path, file);
    return rc == -ENOENT ? -EIDRM : rc;
}

int toc_removal_finish(struct toc_head *h, const char *path, const struct sys_file *marked)
{
    char dir[TOC_PATH_MAX];
    struct sys_file file;
    struct toc_held held = TOC_HELD_NONE;
    int rc = directory_of(dir, path);
    if (rc == 0)
        rc = lock(&held, path, &file);
    if (rc == 0 && (file.ino != marked->ino || file.dev != marked->dev))
        rc = -EIDRM; /* somebody else has finished it, and made a new one */
    if (rc == 0 && sys_may_remove(dir, &file) == 0) {
        forget_parts(path, h);
        rc = sys_unlink(path);
        rc = rc < 0 && rc != -ENOENT ? rc : -EIDRM;
    } else if (rc == 0) {
        uint64_t word = atom_load_acq(&h->word);
        while ((word & TOC_REMOVED) && !atom_cas_acqrel(&h->word, &word, word & ~TOC_REMOVED)) {}
    }
    toc_held_close(&held);
    return rc;
}

int toc_unlink(const char *path)
{
    char dir[TOC_PATH_MAX], bell[TOC_BELL_PATH_MAX];
    struct sys_file file;
    struct toc_held held = TOC_HELD_NONE;
    int rc = directory_of(dir, path);
    if (rc == 0)
        rc = toc_held_file(&held, path);
    if (rc < 0)
        return toc_file_fault(rc);
    rc = sys_fstat(held.fd, &file);
    if (rc == 0 && (!file.regular || file.size < sizeof(struct toc_head)))
        rc = file.directory ? -EMEDIUMTYPE : -EUCLEAN;
    struct toc_head *h = rc < 0 ? NULL : sys_map(held.fd, sizeof *h, true, &rc);
    if (h) {
        rc = toc_head_fault(h, 0);
        /* Permission is asked before the mark: a marked file that nobody may take away would be a ruin. */
        if (rc == 0)
            rc = sys_may_remove(dir, &file);
        if (rc == 0)
            rc = sys_lock(held.fd);
        if (rc == 0)
            rc = still_named(path, &file);
        if (rc == 0)
            rc = toc_bell_path(bell, path, h->id);
        if (rc == 0)
            rc = toc_removal_tell(h, bell, 0);
        if (rc == 0) {
            TOC_STEP("removal.before_unlink");
            forget_parts(path, h);
            rc = sys_unlink(path);
        }
        sys_unmap(h, sizeof *h);
    }
    toc_held_close(&held);
    return rc;
}
