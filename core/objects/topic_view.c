/* topic_view.c: a reader's own picture of the log, looked at without the lock. All of it under the handle's `busy`.
 *
 * The table is copied, then the state is looked at once more: under the same number of changes, the half that was copied
 * was the current one all the time, and only the one that isn't current is ever written to. */
#include "topic.h"

#include "../sys/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 1000
#define LEAST_ROOM 48u /* for a topic of the usual size */

void toc_view_forget(struct toc_topic *t, uint32_t forks)
{
    struct toc_view *v = &t->view;
    toc_log_forget(&v->log, forks);
    v->table = NULL; /* as the mappings: whether it is still there is unknown */
    v->room = 0;
    v->changes = UINT64_MAX;
    v->at = NULL;
    v->base = v->end = 0;
}

static int make_room(struct toc_view *v, uint32_t room)
{
    struct toc_table *more = realloc(v->table, offsetof(struct toc_table, segment) + room * sizeof(struct toc_segment));
    if (!more)
        return -ENOMEM;
    v->log.half[0] = v->log.half[1] = v->table = more;
    v->room = room;
    return 0;
}

static int copy_table(struct toc_topic *t, const struct toc_topic_state *seen)
{
    struct toc_view *v = &t->view;
    const struct toc_table *shared = &topic_file(t)->half[seen->half & 1];
    const size_t leading = offsetof(struct toc_table, segment);
    atom_get_bytes(v->table, (const uint64_t *)(const void *)shared, leading);
    if (v->table->count > TOC_SEGMENTS_MAX)
        return -EUCLEAN;
    if (v->table->count > v->room) {
        int rc = make_room(v, v->table->count + v->table->count / 2);
        if (rc < 0)
            return rc;
    }
    atom_get_bytes(v->table->segment, (const uint64_t *)(const void *)shared->segment, v->table->count * sizeof(struct toc_segment));
    return toc_table_fault(v->table);
}

/* The table of the present moment, and what it no longer lists is unmapped. */
static int look_at_table(struct toc_topic *t)
{
    struct toc_view *v = &t->view;
    struct toc_topic_state seen, again;
    if (!v->table && make_room(v, LEAST_ROOM) < 0)
        return -ENOMEM;
    for (int i = 0; i < TRIES; i++) {
        if (!toc_topic_snapshot(t, &seen))
            continue;
        if (seen.changes == v->changes)
            return 0;
        v->changes = UINT64_MAX;
        int rc = copy_table(t, &seen);
        atom_fence_acq(); /* pairs with the fence in toc_log_change */
        if (!toc_topic_snapshot(t, &again) || again.changes != seen.changes)
            continue;
        if (rc < 0)
            return rc;
        v->changes = seen.changes;
        v->at = NULL;
        v->base = v->end = 0;
        toc_log_look_at(&v->log, v->table);
        return 0;
    }
    return -EBUSY;
}

/* Is it this process's threads' picture, or the one of the process that it was forked from? */
static void be_ours(struct toc_topic *t)
{
    if (t->view.log.forks != toc_held_forks())
        toc_view_forget(t, toc_held_forks());
}

/* Into the segment that holds `position`. */
static int go_to(struct toc_topic *t, uint64_t position)
{
    struct toc_view *v = &t->view;
    const struct toc_segment *s = NULL;
    int rc = 0;
    for (int i = 0; i < 2; i++) {
        /* What is known may be out of date: a new segment, or an old one's new place. */
        if (i == 1 && (rc = look_at_table(t)) < 0)
            return rc;
        s = v->changes == UINT64_MAX ? NULL : toc_log_segment(&v->log, 0, position);
        if (s && s->base <= position)
            break;
        s = NULL;
    }
    if (!s)
        return -EUCLEAN;
    v->at = toc_log_map(&v->log, s, false, &rc);
    if (!v->at)
        return rc;
    v->base = s->base;
    v->end = toc_segment_end(s);
    return 0;
}

/* Why nothing is there. The floor is raised behind the commit that let a segment go: between the two, or if the emitter was
 * killed there, only the state tells. */
static bool was_let_go(const struct toc_topic *t, uint64_t position)
{
    struct toc_topic_state s;
    return !topic_is_intact(t, position) || (toc_topic_snapshot(t, &s) && position < s.low);
}

int toc_view_record(struct toc_topic *t, uint64_t *position, struct toc_record *header, const uint64_t **payload)
{
    struct toc_view *v = &t->view;
    be_ours(t);
    for (uint32_t i = 0; i <= TOC_SEGMENTS_MAX; i++) {
        if (*position >= v->tail)
            return 0;
        if (!v->at || *position < v->base || *position >= v->end) {
            int rc = go_to(t, *position);
            if (rc < 0)
                return was_let_go(t, *position) ? -ESTALE : rc;
        }
        uint64_t left = v->end - *position;
        if (*position % 8)
            return -EUCLEAN;
        if (left >= sizeof *header) {
            const uint64_t *at = (const uint64_t *)(const void *)(v->at + (*position - v->base));
            atom_get_bytes(header, at, sizeof *header);
            if (!topic_is_intact(t, *position))
                return -ESTALE;
            if (header->length != TOC_PAD) {
                *payload = at + sizeof *header / 8;
                uint64_t size = toc_record_size(header->length);
                return size > left || size > v->tail - *position ? -EUCLEAN : 1;
            }
        }
        *position = v->end;
    }
    return -EUCLEAN;
}
