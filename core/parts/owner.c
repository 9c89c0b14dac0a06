#include "owner.h"

#include "../sys/atom.h"
#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_NS 1000000000ull

/* The file as we opened it, with our lock in it. Nothing of it changes once it is shown: who is here without the mutex reads
 * one whole. */
struct toc_owner_place {
    int fd;
    uint32_t forks;
    uint64_t dev, ino;
    struct toc_held held;          /* guarded by sys_enter, as `older` is */
    struct toc_owner_place *older; /* that it replaced */
};

static struct toc_owner *first; /* guarded by sys_enter */

/* NULL: none yet, or it was lost, or this is a forked child, whose copy is closed. */
static struct toc_owner_place *here(const struct toc_owner *o)
{
    struct toc_owner_place *p = atom_load_ptr(&o->place);
    return p && p->forks == toc_held_forks() ? p : NULL;
}

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

/* Does its descriptor still mean the file that we locked, and the file still have its name? */
static bool is_ours(const struct toc_owner_place *p)
{
    struct sys_file held;
    return sys_fstat(p->fd, &held) == 0 && held.ino == p->ino && held.dev == p->dev;
}

static bool is_named(const struct toc_owner *o, const struct toc_owner_place *p)
{
    struct sys_file named;
    int rc = sys_stat(o->path, &named);
    return rc < 0 ? rc != -ENOENT : named.ino == p->ino && named.dev == p->dev; /* unreachable is not gone */
}

/* Lock our byte in the file that is open now, and only then show it. */
static int show_place(struct toc_owner *o, struct toc_owner_place *p)
{
    struct sys_file file;
    uint64_t id = 0;
    int rc = identify(o, &id);
    if (rc == 0)
        rc = sys_owner_lock(p->held.fd, id);
    if (rc == 0)
        rc = sys_fstat(p->held.fd, &file);
    if (rc < 0)
        return rc;
    p->fd = p->held.fd;
    p->forks = toc_held_forks();
    p->dev = file.dev;
    p->ino = file.ino;
    if (o->id != id) { /* else others may be reading it */
        o->id = id;
        o->forks = p->forks;
    }
    atom_store_ptr(&o->place, p);
    return 0;
}

/* Open the file that has the name now. What it replaces stays open: the processes that have not noticed yet look for our
 * lock there. Of two threads that come at once, the second finds it done. */
static int take_place(struct toc_owner *o)
{
    struct sys_mask saved;
    int rc = 0;
    struct toc_owner_place *fresh = malloc(sizeof *fresh), *old;
    if (!fresh)
        return -ENOMEM;
    *fresh = (struct toc_owner_place){.held = TOC_HELD_NONE};
    sys_enter(&saved);
    old = here(o);
    if (old && !is_ours(old)) { /* the number is somebody else's by now */
        toc_held_forget_entered(&old->held);
        atom_store_ptr(&o->place, NULL);
        old = NULL;
    }
    if (!old || !is_named(o, old)) {
        rc = toc_held_owner_entered(&fresh->held, o->path);
        if (rc == 0) {
            fresh->older = o->places; /* whatever follows: a close here could take the lock of a second name's */
            o->places = fresh;
            rc = show_place(o, fresh);
            fresh = NULL;
        }
    }
    sys_leave(&saved);
    free(fresh);
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

/* Is the file open for another one, too? Closing our descriptor would take his lock: one directory may have two names (a
 * link, a bind mount). */
static struct toc_owner *with_file(const struct toc_owner *but, uint64_t dev, uint64_t ino)
{
    for (struct toc_owner *o = first; o; o = o->next) {
        const struct toc_owner_place *p = here(o);
        if (o != but && p && p->ino == ino && p->dev == dev)
            return o;
    }
    return NULL;
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
        for (struct toc_owner_place *p = o->places, *older; p; p = older) {
            older = p->older;
            if (p->held.fd >= 0 && is_ours(p) && !with_file(o, p->dev, p->ino))
                toc_held_close_entered(&p->held);
            if (p->held.fd < 0) /* else it stays open, and listed for the next fork */
                free(p);
        }
    }
    sys_leave(&saved);
    if (last)
        free(o);
}

int toc_owner_ready(struct toc_owner *o, uint64_t now)
{
    const struct toc_owner_place *p = here(o);
    if (p && now - atom_load_relax(&o->looked_ns) <= LOOK_NS)
        return 0;
    if (p)
        atom_store_relax(&o->looked_ns, now); /* of many threads, one looks */
    if (p && is_ours(p) && is_named(o, p))
        return 0;
    int rc = take_place(o);
    if (rc == 0)
        atom_store_relax(&o->looked_ns, now);
    return rc;
}

bool toc_owner_lives(const struct toc_owner *o, uint64_t id)
{
    if (id == 0 || id == o->id)
        return id != 0;
    const struct toc_owner_place *p = here(o);
    return !p || sys_owner_is_locked(p->fd, id);
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
    if (lives && (o = with_file(NULL, file.dev, file.ino))) {
        lives = sys_owner_is_locked(here(o)->fd, id);
    } else if (lives) {
        int fd = sys_open(path, false);
        lives = fd != -ENOENT && (fd < 0 || sys_fstat(fd, &file) < 0 || !file.regular || sys_owner_is_locked(fd, id));
        if (fd >= 0 && !with_file(NULL, file.dev, file.ino)) /* replaced meanwhile by the one that we have: then it stays open */
            sys_close(fd);
    }
    sys_leave(&saved);
    return lives;
}
