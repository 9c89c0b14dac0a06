#include "owner.h"

#include "../sys/atom.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_NS 1000000000ull

static struct toc_owner *first; /* guarded by sys_enter */

/* The id stays when the file is replaced; a forked child is somebody else, and so is who joins anew after everybody had quit:
 * what they had held must not look alive again. */
static int identify(const struct toc_owner *o, uint64_t *id)
{
    *id = o->forks == toc_held_forks() ? o->id : 0;
    while (*id < 2) { /* 0 is nobody, 1 is who gave up by closing (event.h) */
        int rc = sys_random(id, sizeof *id);
        if (rc < 0)
            return rc;
        *id >>= 64 - TOC_OWNER_BITS;
    }
    return 0;
}

static struct toc_owner *find(const char *directory)
{
    size_t n = strlen(directory);
    for (struct toc_owner *o = first; o; o = o->next)
        if (strlen(o->path) == n + sizeof TOC_OWNER_FILE - 1 && memcmp(o->path, directory, n) == 0)
            return o;
    return NULL;
}

static int add(struct toc_owner **out, const char *directory)
{
    size_t n = strlen(directory);
    struct toc_owner *o = calloc(1, sizeof *o + n + sizeof TOC_OWNER_FILE);
    if (!o)
        return -ENOMEM;
    memcpy(o->path, directory, n);
    memcpy(o->path + n, TOC_OWNER_FILE, sizeof TOC_OWNER_FILE);
    o->next = first;
    *out = first = o;
    return 0;
}

static bool is_open(const struct toc_owner *o) { return o->file && o->file->fd >= 0 && o->forks == toc_held_forks(); }

/* Does its descriptor still mean the file that we locked, and the file still have its name? */
static bool is_ours(const struct toc_owner *o)
{
    struct sys_file held;
    return o->file->fd >= 0 && sys_fstat(o->file->fd, &held) == 0 && held.ino == o->ino && held.dev == o->dev;
}

static bool is_named(const struct toc_owner *o)
{
    struct sys_file named;
    int rc = sys_stat(o->path, &named);
    return rc < 0 ? rc != -ENOENT : named.ino == o->ino && named.dev == o->dev; /* unreachable is not gone */
}

/* Open the file that has the name now, lock our byte in it, and only then show it. What it replaces stays open: the
 * processes that have not noticed yet look for our lock there. And of two threads that come here at once, the second must
 * not close what it opened, which would give the lock back. Both cost a descriptor, rarely. */
static int take_place(struct toc_owner *o)
{
    struct sys_file file;
    struct sys_mask saved;
    uint64_t id = 0;
    struct toc_held *fresh = malloc(sizeof *fresh);
    if (!fresh)
        return -ENOMEM;
    *fresh = (struct toc_held)TOC_HELD_NONE;
    int rc = toc_held_owner(fresh, o->path);
    if (rc < 0) {
        free(fresh);
        return rc;
    }
    sys_enter(&saved);
    rc = identify(o, &id);
    if (rc == 0)
        rc = sys_owner_lock(fresh->fd, id);
    if (rc == 0)
        rc = sys_fstat(fresh->fd, &file);
    if (rc == 0) {
        o->dev = file.dev;
        o->ino = file.ino;
        o->id = id;
        o->forks = toc_held_forks();
        o->file = fresh;
    }
    sys_leave(&saved);
    return rc;
}

int toc_owner_join(struct toc_owner **out, const char *directory)
{
    struct sys_mask saved;
    int rc = 0;
    sys_enter(&saved);
    *out = find(directory);
    if (!*out)
        rc = add(out, directory);
    if (rc == 0)
        (*out)->users++;
    sys_leave(&saved);
    if (rc == 0 && (rc = toc_owner_ready(*out, (uint64_t)sys_now_coarse())) < 0)
        toc_owner_quit(*out);
    return rc;
}

/* One directory may have two names (a link, a bind mount): closing our descriptor would take the other's lock. */
static bool is_shared(const struct toc_owner *o)
{
    for (const struct toc_owner *other = first; other; other = other->next)
        if (other != o && other->ino == o->ino && other->dev == o->dev)
            return true;
    return false;
}

void toc_owner_quit(struct toc_owner *o)
{
    struct sys_mask saved;
    sys_enter(&saved);
    bool last = --o->users == 0;
    if (last) {
        /* Closed before anybody can open it anew: the close would take the newcomer's lock as well. */
        struct toc_owner **at = &first;
        while (*at && *at != o)
            at = &(*at)->next;
        if (*at)
            *at = o->next;
        if (o->file && is_ours(o) && !is_shared(o))
            toc_held_close_entered(o->file);
    }
    sys_leave(&saved);
    if (last) {
        if (o->file && o->file->fd < 0) /* else it stays open, and listed for the next fork */
            free(o->file);
        free(o);
    }
}

int toc_owner_ready(struct toc_owner *o, uint64_t now)
{
    if (is_open(o)) {
        if (now - atom_load_relax(&o->looked_ns) <= LOOK_NS)
            return 0;
        atom_store_relax(&o->looked_ns, now);
        bool ours = is_ours(o);
        if (ours && is_named(o))
            return 0;
        if (!ours)
            toc_held_forget(o->file); /* the number is somebody else's by now */
    }
    int rc = take_place(o);
    if (rc == 0)
        atom_store_relax(&o->looked_ns, now);
    return rc;
}

bool toc_owner_lives(const struct toc_owner *o, uint64_t id)
{
    return id != 0 && (id == o->id || sys_owner_is_locked(o->file->fd, id));
}

static struct toc_owner *ours_with(const struct sys_file *file)
{
    for (struct toc_owner *o = first; o; o = o->next)
        if (is_open(o) && o->ino == file->ino && o->dev == file->dev)
            return o;
    return NULL;
}

int toc_owner_ask(const char *directory, uint64_t id)
{
    char path[1024 + sizeof TOC_OWNER_FILE];
    size_t n = strlen(directory);
    struct sys_mask saved;
    struct sys_file file;
    struct toc_owner *o;
    if (id == 0 || n + sizeof TOC_OWNER_FILE > sizeof path)
        return id != 0;
    memcpy(path, directory, n);
    memcpy(path + n, TOC_OWNER_FILE, sizeof TOC_OWNER_FILE);
    /* Nobody of this process joins or quits meanwhile: the close of our descriptor would take his lock. */
    sys_enter(&saved);
    int lives = sys_stat(path, &file) != -ENOENT;
    if (lives && (o = ours_with(&file))) {
        lives = sys_owner_is_locked(o->file->fd, id);
    } else if (lives) {
        int fd = sys_open(path, false);
        lives = fd != -ENOENT && (fd < 0 || sys_fstat(fd, &file) < 0 || !file.regular || sys_owner_is_locked(fd, id));
        if (fd >= 0 && !ours_with(&file)) /* replaced meanwhile by the one that we have: then it stays open */
            sys_close(fd);
    }
    sys_leave(&saved);
    return lives;
}
