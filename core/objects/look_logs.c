/* look_logs.c: what a queue and a topic add to the look: their figures, and who has to do with them. Floor 4. */
#include "look.h"

#include "../parts/who.h"
#include "queue.h"
#include "topic.h"

#include <errno.h>
#include <string.h>

uint64_t toc_look_log_size(uint32_t kind)
{
    return kind == TOC_KIND_QUEUE ? sizeof(struct toc_queue_file) : sizeof(struct toc_topic_file);
}

/* `count` entries of `size` bytes from `at` on, a page of them at a time; `add` takes each. */
static int entries(int fd, uint64_t at, uint32_t count, size_t size, void (*add)(toc_look *, const void *), toc_look *out)
{
    unsigned char some[TOC_PAGE];
    uint32_t most = (uint32_t)(sizeof some / size);
    for (uint32_t i = 0; i < count; i += most) {
        uint32_t n = count - i < most ? count - i : most;
        int rc = toc_look_read(fd, some, n * size, at + (uint64_t)i * size);
        if (rc < 0)
            return rc;
        for (uint32_t k = 0; k < n; k++)
            add(out, some + k * size);
    }
    return 0;
}

static void add(toc_look *out, toc_taker one)
{
    if (out->takers < out->room)
        out->taker[out->takers] = one;
    out->takers++;
}

static void add_holder(toc_look *out, const void *entry)
{
    struct toc_holder h;
    memcpy(&h, entry, sizeof h);
    if (!h.id)
        return;
    out->queue.unfinished += h.taken;
    if (h.leased || h.taken)
        add(out, (toc_taker){.owner = h.id, .held = h.leased, .taken = h.taken});
}

int toc_look_at_queue(int fd, toc_look *out)
{
    struct toc_queue_setup setup;
    struct toc_queue_state s;
    int rc = toc_look_read(fd, &setup, sizeof setup, offsetof(struct toc_queue_file, setup));
    if (rc == 0 && setup.check != toc_queue_setup_check(&setup))
        rc = -EUCLEAN;
    if (rc == 0)
        rc = toc_look_present(fd, &out->stat.word, &s, sizeof s, offsetof(struct toc_queue_file, state));
    if (rc < 0)
        return rc;
    toc_queue_figures(&setup, &s, &out->queue);
    out->count = out->queue.puts;
    out->bytes = out->queue.bytes;
    rc = entries(fd, offsetof(struct toc_queue_file, holder), TOC_HOLDERS, sizeof(struct toc_holder), add_holder, out);
    if (rc == 0)
        rc = entries(fd, offsetof(struct toc_queue_file, more), queue_holders(&s) - TOC_HOLDERS, sizeof(struct toc_holder),
                     add_holder, out);
    return rc;
}

static void add_slot(toc_look *out, const void *entry)
{
    struct toc_slot s;
    memcpy(&s, entry, sizeof s);
    if (s.who)
        add(out, (toc_taker){.owner = claim_owner(s.who), .heard = s.sequence});
}

int toc_look_at_topic(int fd, toc_look *out)
{
    struct toc_topic_setup setup;
    struct toc_topic_state s;
    int rc = toc_look_read(fd, &setup, sizeof setup, offsetof(struct toc_topic_file, setup));
    if (rc == 0 && setup.check != toc_topic_setup_check(&setup))
        rc = -EUCLEAN;
    if (rc == 0)
        rc = toc_look_present(fd, &out->stat.word, &s, sizeof s, offsetof(struct toc_topic_file, state));
    if (rc < 0)
        return rc;
    out->topic = (toc_topic_stat){.emits = s.tail_sequence, .oldest = s.low_sequence, .file_bytes = s.bytes,
                                  .max_bytes = setup.max_bytes};
    out->count = s.tail_sequence;
    out->bytes = s.bytes;
    rc = entries(fd, offsetof(struct toc_topic_file, slot), TOC_SLOTS, sizeof(struct toc_slot), add_slot, out);
    if (rc == 0)
        rc = entries(fd, offsetof(struct toc_topic_file, more), topic_slots(&s) - TOC_SLOTS, sizeof(struct toc_slot), add_slot, out);
    return rc;
}
