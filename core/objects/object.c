#define _GNU_SOURCE /* strdup */
#include "object.h"

#include "../parts/place.h"
#include "../parts/word.h"
#include "../sys/atom.h"
#include "../sys/step.h"
#include "../sys/sys.h"
#include "removal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill(struct toc_head *h, uint32_t kind, uint32_t mode, uint64_t id)
{
    *h = (struct toc_head){.magic = TOC_MAGIC, .layout = toc_layout(), .kind = kind, .id = id,
                           .created_ns = (uint64_t)sys_wall(), .mode = mode};
    h->check = toc_check(h);
}

/* Shared fields are read once into a copy, then judged: the neighbour may be a vandal. */
int toc_head_fault(const struct toc_head *shared, uint32_t kind)
{
    struct toc_head h = *shared;
    if (h.magic != TOC_MAGIC)
        return -EUCLEAN;
    if (h.layout != toc_layout())
        return -EPROTO;
    if (h.check != toc_check(&h) || (h.mode & ~0777u))
        return -EUCLEAN;
    return kind && h.kind != kind ? -EMEDIUMTYPE : 0;
}

/* All zero, but for the head and for what the kind puts in. */
static int bear(int fd, uint32_t kind, size_t size, const struct toc_birth *birth, uint32_t mode, uint64_t id)
{
    int rc = birth && birth->allocate ? birth->allocate(fd, size) : sys_allocate(fd, size);
    struct toc_head *h = rc < 0 ? NULL : sys_map(fd, size, true, &rc);
    if (rc < 0)
        return rc;
    fill(h, kind, mode, id);
    if (birth && birth->fill)
        birth->fill(h, birth->with);
    sys_unmap(h, size);
    return 0;
}

static int create(const struct toc_place *p, uint32_t kind, size_t size, const struct toc_birth *birth, uint32_t mode)
{
    char dir[TOC_PATH_MAX], hidden[TOC_PATH_MAX + 40];
    uint64_t id;
    int rc = sys_random(&id, sizeof id);
    if (rc < 0 || (rc = toc_place_prepare(p)) < 0)
        return rc;
    memcpy(dir, p->path, p->leaf);
    dir[p->leaf] = 0;
    snprintf(hidden, sizeof hidden, "%s.%s.%016llx.new", dir, p->path + p->leaf, (unsigned long long)id);

    bool named;
    int fd = sys_create(dir, hidden, mode, &named);
    if (fd < 0)
        return fd;
    rc = bear(fd, kind, size, birth, mode, id);
    if (rc == 0) {
        TOC_STEP("object.create.before_name");
        rc = sys_name(fd, hidden, named, p->path);
    } else if (named) {
        sys_unlink(hidden);
    }
    sys_close(fd);
    return rc;
}

/* Root refuses what others can write, because they can make it crash: unless the caller says the mode. */
static bool refused_to_root(const struct toc_place *p, const struct sys_file *file, const toc_options *options)
{
    return sys_uid() == 0 && options->mode < 0 && (file->uid != 0 || (file->mode & 022))
        && !toc_place_is_private(p->path);
}

static int accept(struct toc_object *o, int fd, bool writable, uint32_t kind, size_t size, const struct toc_place *p,
                  const toc_options *options)
{
    struct sys_file file;
    int rc = sys_fstat(fd, &file);
    if (rc < 0)
        return rc;
    if (file.directory)
        return -EMEDIUMTYPE;
    if (!file.regular || file.size < sizeof(struct toc_head))
        return -EUCLEAN;
    if (refused_to_root(p, &file, options))
        return -ENOTUNIQ;
    size_t length = file.size < size ? sizeof(struct toc_head) : size;
    struct toc_head *h = sys_map(fd, length, writable, &rc);
    if (rc < 0)
        return rc;
    rc = toc_head_fault(h, kind);
    if (rc == 0 && length < size)
        rc = -EUCLEAN;
    if (rc == 0 && options->mode >= 0 && h->mode != (uint32_t)options->mode)
        rc = -EEXIST;
    if (rc == 0 && (atom_load_acq(&h->word) & TOC_REMOVED))
        rc = writable ? toc_removal_finish(h, p->path, &file) : -EIDRM;
    if (rc != 0) {
        sys_unmap(h, length);
        return rc;
    }
    *o = (struct toc_object){.head = h, .size = length, .dev = file.dev, .ino = file.ino, .memory = -1, .pipe = -1,
                             .writable = writable};
    return 0;
}

static int open_named(struct toc_object *o, uint32_t kind, size_t size, const struct toc_birth *birth,
                      const struct toc_place *p, const toc_options *options)
{
    for (int i = 0; i < 100; i++) { /* each round, somebody else made or removed it under our eyes */
        int rc = toc_place_check(p);
        bool writable = true;
        int fd = rc < 0 ? rc : sys_open(p->path, true);
        if (fd == -EACCES || fd == -EROFS) {
            writable = false;
            fd = sys_open(p->path, false);
        }
        if (fd >= 0) {
            rc = accept(o, fd, writable, kind, size, p, options);
            sys_close(fd);
            if (rc != -EIDRM)
                return rc;
            if (!options->create)
                return -ENOENT;
        } else if (fd != -ENOENT || !options->create) {
            return toc_file_fault(fd);
        } else {
            rc = create(p, kind, size, birth, options->mode < 0 ? 0600 : (uint32_t)options->mode);
            if (rc < 0 && rc != -EEXIST)
                return rc;
        }
    }
    return -EBUSY;
}

/* From here on the object lives; what is left is this process's own. */
static int finish(struct toc_object *o, const char *path)
{
    uint32_t random;
    int rc = sys_random(&random, sizeof random);
    char bell[TOC_PATH_MAX + 32];
    if (rc == 0 && path)
        rc = toc_bell_path(bell, path, o->head->id);
    else if (rc == 0)
        rc = sys_self_path(o->pipe, bell);
    if (rc < 0)
        return rc;
    o->mask = 1u << random % 32;
    o->forks = toc_held_forks();
    o->looked_ns = (uint64_t)sys_now_coarse();
    o->path = path ? strdup(path) : NULL;
    o->bell = (struct toc_bell){strdup(bell), !path, o->head};
    return (path && !o->path) || !o->bell.path ? -ENOMEM : 0;
}

static int open_anonymous(struct toc_object *o, uint32_t kind, size_t size, const struct toc_birth *birth,
                          const toc_options *options)
{
    uint64_t id;
    int rc = sys_random(&id, sizeof id), memory = -1, pipe = -1;
    if (rc == 0)
        rc = memory = sys_memory();
    if (rc >= 0)
        rc = bear(memory, kind, size, birth, options->mode < 0 ? 0600 : (uint32_t)options->mode, id);
    if (rc == 0)
        rc = sys_pipe(&pipe);
    if (rc == 0)
        return toc_object_attach(o, kind, size, memory, pipe);
    if (memory >= 0)
        sys_close(memory);
    return rc;
}

int toc_object_attach(struct toc_object *o, uint32_t kind, size_t size, int memory, int pipe)
{
    struct sys_file file;
    int rc = sys_fstat(memory, &file);
    if (rc == 0 && (!file.regular || file.size < size))
        rc = -EUCLEAN;
    struct toc_head *h = rc < 0 ? NULL : sys_map(memory, size, true, &rc);
    if (rc == 0 && (rc = toc_head_fault(h, kind)) < 0)
        sys_unmap(h, size);
    if (rc < 0) {
        sys_close(memory);
        sys_close(pipe);
        return rc;
    }
    *o = (struct toc_object){.head = h, .size = size, .memory = memory, .pipe = pipe, .writable = true};
    rc = finish(o, NULL);
    if (rc < 0)
        toc_object_free(o);
    return rc;
}

int toc_object_open(struct toc_object *o, uint32_t kind, size_t size, const char *name, const toc_options *options)
{
    return toc_object_make(o, kind, size, NULL, name, options);
}

int toc_object_make(struct toc_object *o, uint32_t kind, size_t size, const struct toc_birth *birth, const char *name,
                    const toc_options *options)
{
    struct toc_place p;
    if (options->mode >= 0 && ((options->mode & ~0777) || (options->mode & 0600) != 0600))
        return -EDOM;
    if (!name)
        return open_anonymous(o, kind, size, birth, options);
    int rc = toc_place_resolve(&p, options->at, name);
    if (rc == 0)
        rc = open_named(o, kind, size, birth, &p, options);
    if (rc == 0 && (rc = finish(o, p.path)) < 0)
        toc_object_free(o);
    return rc;
}

void toc_object_free(struct toc_object *o)
{
    if (o->memory >= 0)
        sys_close(o->memory);
    if (o->pipe >= 0)
        sys_close(o->pipe);
    sys_unmap(o->head, o->size);
    free(o->path);
    free((char *)o->bell.path);
}

int toc_object_check_name(struct toc_object *o)
{
    struct sys_file file;
    atom_store_relax(&o->looked_ns, (uint64_t)sys_now_coarse());
    if (!o->path)
        return 0;
    int rc = sys_stat(o->path, &file);
    bool gone = rc == -ENOENT || rc == -ENOTDIR || (rc == 0 && (file.dev != o->dev || file.ino != o->ino));
    if (!gone)
        return 0; /* unreachable for a moment (EACCES, ENOMEM) is not gone */
    /* Only this handle: what looks like a deleted file may be a chroot of this process. */
    atom32_store_rel(&o->gone, 1);
    return -EIDRM;
}

static int may_go_on(const struct toc_object *o)
{
    if (atom32_load_acq(&o->closed))
        return -ESHUTDOWN;
    if (atom32_load_acq(&o->gone))
        return -EIDRM;
    return o->writable ? 0 : -EACCES;
}

int toc_object_ready_at(struct toc_object *o, uint64_t now_coarse)
{
    int rc = may_go_on(o);
    if (rc == 0 && o->path && now_coarse - atom_load_relax(&o->looked_ns) > TOC_LOOK_NS)
        rc = toc_object_check_name(o);
    return rc;
}

int toc_object_ready(struct toc_object *o)
{
    int rc = may_go_on(o);
    return rc == 0 && o->path ? toc_object_ready_at(o, (uint64_t)sys_now_coarse()) : rc;
}

void toc_object_enter(struct toc_object *o)
{
    uint32_t forks = toc_held_forks();
    if (o->forks != forks) { /* the threads that the parent counted are not here */
        o->forks = forks;
        atom32_store_rel(&o->inside, 0);
    }
    atom32_add(&o->inside, 1);
    atom_fence(); /* then the caller looks at `closed`; pairs with the fence in toc_event_close */
}

void toc_object_leave(struct toc_object *o) { atom32_add(&o->inside, (uint32_t)-1); }
