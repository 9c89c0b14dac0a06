/* check.c: is an object sound? The head and the page of every kind; the rest is the kind's own. */
#include "check.h"

#include "../parts/owner.h"
#include "../parts/word.h"
#include "../sys/sys.h"
#include "data.h"
#include "lock.h"
#include "queue.h"
#include "topic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int toc_image_read(const struct toc_image *m, uint64_t offset, void *to, size_t size)
{
    int64_t had = sys_read_at(m->fd, offset, to, size);
    return had < 0 ? (int)had : (size_t)had < size ? -EUCLEAN : 0;
}

int toc_image_word(const struct toc_image *m, uint64_t offset, uint64_t *word) { return toc_image_read(m, offset, word, sizeof *word); }

toc_finding *toc_image_say(struct toc_image *m, enum toc_mend mend, const char *what)
{
    static toc_finding nowhere;
    toc_finding *f = m->found < m->room ? &m->out[m->found] : &nowhere;
    m->found++;
    *f = (toc_finding){.what = what, .mend = mend};
    return f;
}

void toc_image_is_zero(struct toc_image *m, uint64_t offset, size_t size)
{
    static const char what[] = "bytes that nobody uses are not zero: somebody wrote over the file";
    unsigned char page[4096];
    for (int i = 0; i < m->found && i < m->room; i++)
        if (m->out[i].what == what)
            return; /* said already */
    while (size) {
        size_t n = size < sizeof page ? size : sizeof page;
        if (toc_image_read(m, offset, page, n) < 0)
            return; /* cut short meanwhile: the next look says so */
        for (size_t i = 0; i < n; i++)
            if (page[i]) {
                toc_image_say(m, TOC_MEND_REMOVE, what);
                return;
            }
        offset += n;
        size -= n;
    }
}

bool toc_image_lives(const struct toc_image *m, uint64_t id)
{
    char directory[TOC_PATH_MAX];
    size_t n = (size_t)(strrchr(m->path, '/') - m->path) + 1;
    if (n >= sizeof directory)
        return true;
    memcpy(directory, m->path, n);
    directory[n] = 0;
    return toc_owner_ask(directory, id);
}

struct parts {
    const char *prefix;
    size_t length;
    bool (*is_used)(void *context, const char *rest);
    void *context;
    uint64_t many;
    char first[64];
};

static int each_part(void *context, const char *name)
{
    struct parts *p = context;
    const char *rest = name + p->length;
    if (strncmp(name, p->prefix, p->length) || strlen(rest) >= sizeof p->first || p->is_used(p->context, rest))
        return 0;
    if (p->many++ == 0)
        memcpy(p->first, rest, strlen(rest) + 1);
    return 0;
}

int toc_image_parts(struct toc_image *m, bool (*is_used)(void *context, const char *rest), void *context, const char *what)
{
    char directory[TOC_PATH_MAX];
    size_t leaf = (size_t)(strrchr(m->prefix, '/') - m->prefix) + 1;
    struct parts p = {.prefix = m->prefix + leaf, .is_used = is_used, .context = context};
    p.length = strlen(p.prefix);
    memcpy(directory, m->prefix, leaf);
    directory[leaf] = 0;
    int rc = sys_list(directory, each_part, &p);
    if (rc == 0 && p.many) {
        toc_finding *f = toc_image_say(m, TOC_MEND_REPAIR, what);
        f->many = p.many;
        memcpy(f->file, p.first, sizeof f->file);
    }
    return rc;
}

/* Made anew where it is missing, by the next who needs it; but what stands in its place keeps everyone from that. */
static void look_at_bell(struct toc_image *m)
{
    char bell[TOC_BELL_PATH_MAX + 8];
    struct sys_file file;
    snprintf(bell, sizeof bell, "%sbell", m->prefix);
    int rc = sys_stat(bell, &file);
    if (rc == 0 && (file.regular || file.directory || file.symlink))
        toc_image_say(m, TOC_MEND_REPAIR, "in the place of its bell is something that is no FIFO");
    else if (rc == 0 && (file.mode & 0600) != 0600)
        toc_image_say(m, TOC_MEND_REPAIR, "its bell can't be opened by those who may use the object");
}

static size_t size_of(uint32_t kind)
{
    switch (kind) {
    case TOC_KIND_EVENT:
    case TOC_KIND_SIGNAL: return TOC_EVENT_SIZE;
    case TOC_KIND_LOCK: return TOC_LOCK_SIZE;
    case TOC_KIND_DATA: return sizeof(struct toc_data_file);
    case TOC_KIND_QUEUE: return sizeof(struct toc_queue_file);
    case TOC_KIND_TOPIC: return sizeof(struct toc_topic_file);
    default: return 0;
    }
}

/* What else there is in a page of a kind that is no more than its page. */
static void look_at_page(struct toc_image *m)
{
    size_t used = sizeof(struct toc_head) + (m->head.kind == TOC_KIND_SIGNAL ? 0 : sizeof(struct toc_who));
    toc_image_is_zero(m, used, TOC_EVENT_SIZE - used);
}

static int look(struct toc_image *m)
{
    struct sys_file file;
    int rc = sys_fstat(m->fd, &file);
    if (rc < 0)
        return rc;
    if (file.directory)
        return -EMEDIUMTYPE;
    if (!file.regular) {
        toc_image_say(m, TOC_MEND_REMOVE, "it is no regular file");
        return 0;
    }
    m->size = file.size;
    rc = toc_image_read(m, 0, &m->head, sizeof m->head);
    if (rc == 0)
        rc = toc_head_fault(&m->head, 0);
    if (rc == -EUCLEAN)
        toc_image_say(m, TOC_MEND_REMOVE, m->size < sizeof m->head ? "it is shorter than the head of an object" :
                                          m->head.magic != TOC_MAGIC ? "it does not begin as an object does" : "its head is damaged");
    if (rc < 0)
        return rc == -EUCLEAN ? 0 : rc;
    size_t wanted = size_of(m->head.kind);
    if (wanted == 0 || m->size < wanted) {
        toc_image_say(m, TOC_MEND_REMOVE, wanted ? "it is shorter than an object of its kind: it was cut" : "its kind is unknown");
        return 0;
    }
    if (m->head.word & TOC_REMOVED) {
        toc_image_say(m, TOC_MEND_REPAIR, "it was removed, and who did it died before its name was gone");
        return 0;
    }
    if (toc_bell_path(m->prefix, m->path, m->head.id) < 0)
        return -ENAMETOOLONG;
    m->prefix[strlen(m->prefix) - strlen("bell")] = 0;
    toc_image_is_zero(m, offsetof(struct toc_head, spare), sizeof m->head.spare);
    toc_image_is_zero(m, offsetof(struct toc_head, spare2), sizeof m->head.spare2);
    if (m->head.kind != TOC_KIND_EVENT && m->head.kind != TOC_KIND_LOCK)
        toc_image_is_zero(m, offsetof(struct toc_head, claim), sizeof m->head.claim);
    look_at_bell(m);
    switch (m->head.kind) {
    case TOC_KIND_DATA: rc = toc_check_data(m); break;
    case TOC_KIND_QUEUE: rc = toc_check_queue(m); break;
    case TOC_KIND_TOPIC: rc = toc_check_topic(m); break;
    default: look_at_page(m);
    }
    uint64_t word;
    if (rc == -EUCLEAN) { /* a file that we are reading ends where it did not end before */
        toc_image_say(m, TOC_MEND_REMOVE, "it was cut short while it was looked at");
        return 0;
    }
    /* Removed while we looked: then what is missing is not missing. */
    return rc == 0 && toc_image_word(m, offsetof(struct toc_head, word), &word) == 0 && (word & TOC_REMOVED) ? -ENOENT : rc;
}

int toc_check_object(const char *path, toc_finding *out, int room)
{
    struct toc_image m = {.path = path, .out = out, .room = room};
    if (!strrchr(path, '/') || strlen(path) >= TOC_PATH_MAX)
        return -EINVAL;
    m.fd = sys_open(path, false);
    if (m.fd == -ELOOP || m.fd == -ENXIO) {
        toc_image_say(&m, TOC_MEND_REMOVE, m.fd == -ELOOP ? "it is a link, which is never followed" : "it is no regular file");
        return m.found;
    }
    if (m.fd < 0)
        return toc_file_fault(m.fd);
    int rc = look(&m);
    sys_close(m.fd);
    return rc < 0 ? rc : m.found;
}
