/* look.c: what every object says of itself, and what an event, a lock and a data event add. Floor 4; look.h says how. */
#include "look.h"

#include "../parts/change.h"
#include "../parts/who.h"
#include "../parts/word.h"
#include "../sys/sys.h"
#include "data.h"
#include "event.h"
#include "lock.h"
#include "removal.h"

#include <errno.h>
#include <string.h>

#define TRIES 100 /* of a state that somebody changes all the time; then what was read last, which may be of two states */

struct page { /* the part of an event's and a lock's page that says something; every object's file is longer */
    struct toc_head head;
    struct toc_who who;
};

int toc_look_read(int fd, void *out, size_t size, uint64_t offset)
{
    int64_t had = sys_read_at(fd, offset, out, size);
    return had < 0 ? (int)had : (size_t)had == size ? 0 : -EUCLEAN;
}

int toc_look_present(int fd, uint64_t *word, void *out, size_t size, uint64_t offset)
{
    uint64_t before = 0, after = 0;
    int rc = toc_look_read(fd, &before, sizeof before, offsetof(struct toc_head, word));
    for (int i = 0; rc == 0 && i < TRIES; i++) {
        rc = toc_look_read(fd, out, size, offset + (change_count(before) & 1) * size);
        if (rc == 0)
            rc = toc_look_read(fd, &after, sizeof after, offsetof(struct toc_head, word));
        if (change_count(before) == change_count(after))
            break;
        before = after;
    }
    *word = after;
    return rc;
}

/* Who owns the event, or holds the lock. */
static void claimed(toc_look *out, struct page *page, const char *directory)
{
    struct toc_head *head = &page->head;
    bool event = head->kind == TOC_KIND_EVENT;
    struct toc_who who;
    if (event ? !(head->word & TOC_OWNED) || !claim_fits(head->claim, head->word) : !claim_owner(head->claim))
        return;
    out->claim = claim_owner(head->claim);
    out->who.alive = out->claim != TOC_CLAIM_GONE && toc_owner_ask(directory, out->claim);
    /* Of who closed his handle only the last bits are left: his id went with it. A lock's last bits are not the claimant's. */
    uint64_t same = out->claim == TOC_CLAIM_GONE ? ~0ull >> TOC_OWNER_BITS : event ? ~0ull : ~0ull << TOC_CLAIM_BITS;
    if (!toc_who_read(head, head->claim, same, &who))
        return;
    out->who.pid = who.pid;
    memcpy(out->who.command, who.command, who.length);
}

static int data(int fd, toc_look *out)
{
    struct toc_data_slot slot;
    int rc = toc_look_present(fd, &out->stat.word, &slot, sizeof slot, offsetof(struct toc_data_file, slot));
    if (rc < 0)
        return rc;
    out->count = slot.version;
    out->bytes = slot.version ? slot.length : 0;
    return slot.length > TOC_MESSAGE_MAX ? -EUCLEAN : 0;
}

static int lock(toc_look *out, struct page *page, const char *directory)
{
    uint64_t claim = page->head.claim;
    out->count = (claim & TOC_TURNS) / TOC_TURN;
    out->abandoned = !claim_owner(claim) && (claim & TOC_ABANDONED);
    claimed(out, page, directory);
    return 0;
}

static uint64_t length_of(uint32_t kind)
{
    switch (kind) {
    case TOC_KIND_DATA: return sizeof(struct toc_data_file);
    case TOC_KIND_QUEUE:
    case TOC_KIND_TOPIC: return toc_look_log_size(kind);
    default: return TOC_EVENT_SIZE;
    }
}

static int look(int fd, toc_look *out, const char *directory)
{
    struct page page;
    struct sys_file file;
    int rc = sys_fstat(fd, &file);
    if (rc == 0 && !file.regular)
        rc = file.directory ? -EMEDIUMTYPE : -EUCLEAN;
    if (rc == 0)
        rc = toc_look_read(fd, &page, sizeof page, 0);
    if (rc == 0)
        rc = toc_head_fault(&page.head, 0);
    if (rc == 0 && file.size < length_of(page.head.kind))
        rc = -EUCLEAN;
    if (rc < 0)
        return rc;
    toc_head_describe(&out->stat, &page.head);
    out->dev = file.dev;
    out->ino = file.ino;
    out->size = file.size;
    out->file_mode = file.mode;
    out->uid = file.uid;
    out->count = out->stat.generation;
    switch (page.head.kind) {
    case TOC_KIND_EVENT: claimed(out, &page, directory); return 0;
    case TOC_KIND_DATA: return data(fd, out);
    case TOC_KIND_QUEUE: return toc_look_at_queue(fd, out);
    case TOC_KIND_LOCK: return lock(out, &page, directory);
    case TOC_KIND_TOPIC: return toc_look_at_topic(fd, out);
    default: return 0;
    }
}

int toc_look_at(toc_look *out, const char *path, toc_taker *taker, uint32_t room)
{
    char directory[TOC_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    *out = (toc_look){.taker = taker, .room = room};
    if (n >= sizeof directory)
        return -ENAMETOOLONG;
    memcpy(directory, path, n);
    directory[n] = 0;
    int fd = sys_open(path, false);
    if (fd < 0)
        return toc_file_fault(fd);
    int rc = look(fd, out, directory);
    sys_close(fd);
    for (uint32_t i = 0; rc == 0 && i < out->takers && i < room; i++)
        taker[i].alive = (uint32_t)toc_owner_ask(directory, taker[i].owner);
    return rc;
}
