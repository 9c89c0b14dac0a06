/* event_handle.c: an event handle's life: open, close, free, and what it tells about itself. */
#include "event.h"

#include "../parts/word.h"
#include "../sys/atom.h"
#include "../sys/sys.h"
#include "removal.h"

#include <errno.h>
#include <stdlib.h>

static int begin(toc_event **out, int rc, struct toc_event *e, int64_t spin_ns)
{
    if (rc < 0) {
        free(e);
        return rc;
    }
    e->spin_ns = spin_ns;
    *out = e;
    return 0;
}

int toc_event_open(toc_event **out, const char *name, const toc_options *options)
{
    toc_options o = options ? *options : TOC_DEFAULTS;
    struct toc_event *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    return begin(out, toc_object_open(&e->o, TOC_KIND_EVENT, TOC_EVENT_SIZE, name, &o), e, o.spin_ns);
}

int toc_event_attach(toc_event **out, int memory, int pipe)
{
    struct toc_event *e = calloc(1, sizeof *e);
    if (e)
        return begin(out, toc_object_attach(&e->o, TOC_KIND_EVENT, TOC_EVENT_SIZE, memory, pipe), e, 0);
    sys_close(memory);
    sys_close(pipe);
    return -ENOMEM;
}

int toc_event_descriptors(const toc_event *e, int *memory, int *pipe)
{
    *memory = e->o.memory;
    *pipe = e->o.pipe;
    return e->o.path ? -EINVAL : 0;
}

void toc_event_close(toc_event *e)
{
    atom32_store_rel(&e->o.closed, 1);
    atom_fence(); /* pairs with the fence in toc_object_enter */
    /* A sleeper may be between its look and its sleep, where a wake doesn't reach it: so call until all of our
     * own are out. Bounded, because a thread of this process may be stopped by a debugger. */
    for (int i = 0; i < 2000 && atom32_load_acq(&e->o.inside) && e->o.forks == toc_held_forks(); i++) {
        sys_futex_wake_mask(&e->o.head->word, e->o.mask);
        toc_call_wake_all(e);
        sys_nap(50000);
    }
    if (e->own)
        toc_ear_close(e->own);
    if (e->shared)
        toc_ear_close(e->shared);
}

static void free_all(struct toc_ear *ear)
{
    while (ear) {
        struct toc_ear *old = ear->old;
        free(ear);
        ear = old;
    }
}

void toc_event_free(toc_event *e)
{
    toc_event_close(e);
    free_all(e->own);
    free_all(e->shared);
    toc_object_free(&e->o);
    free(e);
}

uint64_t toc_event_clears(const toc_event *e) { return word_clears(atom_load_acq(&e->o.head->word)); }
int toc_event_check_name(toc_event *e) { return toc_object_check_name(&e->o); }
const char *toc_event_path(const toc_event *e) { return e->o.path; }

static void describe(toc_stat *out, const struct toc_head *h)
{
    uint64_t w = atom_load_acq(&h->word);
    *out = (toc_stat){
        .id = h->id, .word = w, .generation = word_generation(w), .created_ns = h->created_ns, .kind = h->kind,
        .mode = h->mode, .is_set = !!(w & TOC_SET), .sleepers = !!(w & TOC_SLEEPERS),
        .listeners = !!(w & (TOC_BELL | TOC_CBELL)), .removed = !!(w & TOC_REMOVED),
    };
}

int toc_event_stat(const toc_event *e, toc_stat *out)
{
    if (atom32_load_acq(&e->o.closed))
        return -ESHUTDOWN;
    describe(out, e->o.head);
    out->waiting_here = e->o.forks == toc_held_forks() ? atom32_load_acq(&e->o.inside) : 0;
    out->writable = e->o.writable;
    out->removed |= atom32_load_acq(&e->o.gone);
    return 0;
}

int toc_event_unlink(toc_event *e)
{
    if (atom32_load_acq(&e->o.closed))
        return -ESHUTDOWN;
    if (!e->o.path)
        return toc_removal_tell(e->o.head, e->o.bell.path, 1);
    int rc = toc_object_check_name(&e->o); /* never somebody else's object of the same name */
    if (rc == 0)
        rc = toc_unlink(e->o.path);
    return rc == -ENOENT ? -EIDRM : rc; /* somebody else was faster */
}

int toc_peek(toc_stat *out, const char *path)
{
    struct sys_file file;
    int rc, fd = sys_open(path, false);
    if (fd < 0)
        return toc_file_fault(fd);
    rc = sys_fstat(fd, &file);
    if (rc == 0 && (!file.regular || file.size < sizeof(struct toc_head)))
        rc = file.directory ? -EMEDIUMTYPE : -EUCLEAN;
    struct toc_head *h = rc < 0 ? NULL : sys_map(fd, sizeof *h, false, &rc);
    sys_close(fd);
    if (!h)
        return rc;
    rc = toc_head_fault(h, 0);
    if (rc == 0)
        describe(out, h);
    sys_unmap(h, sizeof *h);
    return rc;
}

int64_t toc_now(void) { return sys_now(); }

const char *toc_strerror(int rc)
{
    switch (-rc) {
    case EUCLEAN: return "damaged, or not a tocsin object";
    case EPROTO: return "made by another version of tocsin, with another layout";
    case EMEDIUMTYPE: return "an object of another kind, a directory, or a folder of its name is an object";
    case EIDRM: return "removed";
    case ESHUTDOWN: return "this handle was closed";
    case EEXIST: return "it was made with another mode";
    case EDOM: return "a mode is 0600 to 0777, and its owner may always read and write";
    case ENOENT: return "there is none";
    case EINVAL: return "a bad name or place";
    case ENOTUNIQ: return "others can write it, and root refuses that unless the mode is given";
    case ELOOP: return "a symbolic link, which is not followed";
    case EACCES: return "no permission";
    case EPERM: return "not permitted, or its directory belongs to somebody else";
    case EMFILE: return "too many open descriptors in this process";
    case ENFILE: return "too many open files on this host";
    case ENOSPC: return "no space left";
    case ENOMEM: return "no memory left";
    case EBUSY: return "others keep making and removing it";
    case EROFS: return "a read-only file system";
    case ENAMETOOLONG: return "the path is too long";
    default: return "the system refused";
    }
}
