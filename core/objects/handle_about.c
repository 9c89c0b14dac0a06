/* handle_about.c: what a handle tells about itself and its object, and how its object goes. */
#include "handle.h"

#include "../parts/word.h"
#include "../sys/sys.h"
#include "removal.h"

#include <errno.h>

int toc_check_name(toc_handle *h) { return toc_object_check_name(&h->o); }
const char *toc_handle_path(const toc_handle *h) { return h->o.path; }

int toc_descriptors(const toc_handle *h, int *memory, int *pipe)
{
    *memory = h->o.memory;
    *pipe = h->o.pipe;
    return h->o.path ? -EINVAL : 0;
}

void toc_head_describe(toc_stat *out, const struct toc_head *h)
{
    uint64_t w = atom_load_acq(&h->word);
    bool event = h->kind == TOC_KIND_EVENT;
    *out = (toc_stat){
        .id = h->id, .word = w, .generation = event ? word_generation(w) : word_clears(w), .created_ns = h->created_ns,
        .kind = h->kind, .mode = h->mode, .is_set = event && (w & TOC_SET), .sleepers = !!(w & TOC_SLEEPERS),
        .listeners = !!(w & (TOC_BELL | TOC_CBELL)), .removed = !!(w & TOC_REMOVED),
    };
}

int toc_handle_stat(const toc_handle *h, toc_stat *out)
{
    if (atom32_load_acq(&h->o.closed))
        return -ESHUTDOWN;
    toc_head_describe(out, h->o.head);
    out->waiting_here = h->o.forks == toc_held_forks() ? atom32_load_acq(&h->o.inside) : 0;
    out->writable = h->o.writable;
    out->removed |= atom32_load_acq(&h->o.gone);
    return 0;
}

int toc_handle_unlink(toc_handle *h)
{
    if (atom32_load_acq(&h->o.closed))
        return -ESHUTDOWN;
    if (!h->o.path)
        return toc_removal_tell(h->o.head, h->o.bell.path, 1);
    int rc = toc_object_check_name(&h->o); /* never somebody else's object of the same name */
    if (rc == 0)
        rc = toc_unlink(h->o.path);
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
        toc_head_describe(out, h);
    sys_unmap(h, sizeof *h);
    return rc;
}

int64_t toc_now(void) { return sys_now(); }
void toc_signals_hold(void) { sys_signals_hold(); }
void toc_signals_give(void) { sys_signals_give(); }

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
    case EBUSY: return "somebody owns it, or others keep making and removing it";
    case EOWNERDEAD: return "its owner died before it was set";
    case EALREADY: return "it is set, so there is nothing to own";
    case EROFS: return "a read-only file system";
    case ENAMETOOLONG: return "the path is too long";
    default: return "the system refused";
    }
}
