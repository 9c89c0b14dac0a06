#include "bell.h"

#include "../sys/atom.h"
#include "../sys/step.h"
#include "../sys/sys.h"
#include "word.h"

#include <errno.h>
#include <string.h>

#include "../tocsin.h"

/* Each step may be repeated by anyone, so whoever is killed in the middle leaves only a hidden name that the
 * next maker, or the object's removal, takes away. The FIFO gets its mode before it gets its name. */
static int make(const struct toc_bell *b)
{
    char hidden[TOC_PATH_MAX + 32];
    size_t length = strlen(b->path);
    if (length >= TOC_PATH_MAX + 24)
        return -ENAMETOOLONG;
    memcpy(hidden, b->path, length);
    memcpy(hidden + length, ".new", 5);

    int rc = sys_fifo_make(hidden, 0600);
    if (rc < 0 && rc != -EEXIST)
        return rc;
    TOC_STEP("bell.make.before_mode");
    rc = sys_chmod(hidden, b->head->mode & 0666);
    if (rc == 0 || rc == -EPERM) { /* EPERM: another user's, who gave it the same mode */
        TOC_STEP("bell.make.before_name");
        rc = sys_link(hidden, b->path);
    }
    TOC_STEP("bell.make.before_tidy");
    /* Only when the bell is there: makers who took away each other's hidden names could go on with that for ever. */
    if (rc == 0 || rc == -EEXIST)
        sys_unlink(hidden);
    /* ENOENT: another maker tidied up, so the bell is there, or we try again. EPERM of link: a sticky folder
     * and another user's leftover (protected_hardlinks). The open that follows decides. */
    return rc == -EEXIST || rc == -ENOENT || rc == -EPERM ? 0 : rc;
}

static int open_or_make(const struct toc_bell *b, struct toc_held *h, int (*open)(struct toc_held *, const char *, bool))
{
    int rc = 0;
    for (int i = 0; i < 8; i++) {
        rc = open(h, b->path, b->anonymous);
        if (rc != -ENOENT || b->anonymous)
            return rc;
        int made = make(b);
        if (made < 0)
            return made;
    }
    if (rc == -ENOENT) /* somebody keeps taking it away: the object's remover, or a vandal */
        rc = atom_load_acq(&b->head->word) & TOC_REMOVED ? -EIDRM : -EBUSY;
    return rc;
}

/* The time is stamped once, after HASBELL is in: a maker that sleeps between the two cannot make the bell look
 * older than it is, and one that dies between them leaves 0, which the next to ask replaces. */
static uint64_t stamp(struct toc_head *head)
{
    uint64_t made = atom_load_relax(&head->bell_made_ns);
    if (made == 0) {
        uint64_t now = (uint64_t)sys_now();
        if (atom_cas_acqrel(&head->bell_made_ns, &made, now))
            made = now;
    }
    return made;
}

static void announce(struct toc_head *head)
{
    if (!(atom_load_acq(&head->word) & TOC_HASBELL))
        atom_or_acqrel(&head->word, TOC_HASBELL);
    TOC_STEP("bell.announce.before_stamp");
    stamp(head);
}

int64_t toc_bell_young(struct toc_head *head)
{
    int64_t made = (int64_t)stamp(head), age = sys_now() - made;
    if (!(atom_load_acq(&head->word) & TOC_SLEPT))
        return 0;
    /* A time in the future is another boot's: none of its setters is left. */
    return age < 0 || age >= TOC_BELL_YOUNG_NS ? 0 : TOC_BELL_YOUNG_NS - age;
}

int toc_bell_open(const struct toc_bell *b, struct toc_held *ring) { return open_or_make(b, ring, toc_held_ear); }

void toc_bell_forget(const struct toc_bell *b)
{
    if (!b->anonymous)
        sys_unlink(b->path);
}

/* One byte for good: readable is what turns the wake of a close into an edge, and what makes EPOLL_CTL_MOD raise
 * one again. It stays for as long as somebody has the FIFO open, and we have. */
static int fill(const struct toc_ear *ear)
{
    if (sys_has_byte(ear->fifo.fd) == 1)
        return 0;
    /* The very FIFO that we listen to, whatever its name means by now. */
    char self[64];
    struct toc_held writer = TOC_HELD_NONE;
    int rc = sys_self_path(ear->fifo.fd, self);
    if (rc == 0)
        rc = toc_held_writer(&writer, self, true);
    if (rc == 0) {
        sys_write_byte(writer.fd);
        toc_held_close(&writer);
    }
    return rc;
}

int toc_ear_open(struct toc_ear *ear, const struct toc_bell *b, bool with_epoll)
{
    *ear = (struct toc_ear)TOC_EAR_NONE;
    int rc = open_or_make(b, &ear->fifo, toc_held_ear);
    if (rc < 0)
        return rc;
    sys_pipe_small(ear->fifo.fd);
    rc = fill(ear);
    if (rc == 0 && with_epoll) {
        rc = toc_held_epoll(&ear->epoll);
        if (rc == 0)
            rc = sys_epoll_add(ear->epoll.fd, ear->fifo.fd);
    }
    if (rc < 0) {
        toc_ear_close(ear);
        return rc;
    }
    announce(b->head);
    if (atom_load_acq(&b->head->word) & TOC_REMOVED) {
        toc_bell_forget(b);
        toc_ear_close(ear);
        return -EIDRM;
    }
    return 0;
}

int toc_ear_mend(struct toc_ear *ear, const struct toc_bell *b)
{
    /* The new one first: an ear that lost its FIFO would never be readable again, and its epoll is out there. */
    struct toc_ear fresh;
    int rc = toc_ear_open(&fresh, b, false);
    if (rc < 0)
        return rc;
    sys_epoll_drop(ear->epoll.fd, ear->fifo.fd);
    toc_held_close(&ear->fifo);
    toc_held_move(&ear->fifo, &fresh.fifo);
    return sys_epoll_add(ear->epoll.fd, ear->fifo.fd);
}

void toc_ear_close(struct toc_ear *ear)
{
    /* DEL before close: a child that was forked meanwhile holds the same FIFO open, and its entry in our
     * epoll would outlive our close (epoll(7), Q6). */
    if (ear->epoll.fd >= 0 && ear->fifo.fd >= 0)
        sys_epoll_drop(ear->epoll.fd, ear->fifo.fd);
    toc_held_close(&ear->epoll);
    toc_held_close(&ear->fifo);
}

int toc_ear_edge(const struct toc_ear *ear, int64_t deadline) { return sys_epoll_wait(ear->epoll.fd, deadline); }
void toc_ear_again(const struct toc_ear *ear) { sys_epoll_again(ear->epoll.fd, ear->fifo.fd); }

bool toc_ear_is_deaf(const struct toc_ear *ear, const struct toc_bell *b)
{
    struct sys_file file;
    return !b->anonymous && sys_fstat(ear->fifo.fd, &file) == 0 && file.links == 0;
}
