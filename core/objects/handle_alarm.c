/* handle_alarm.c: a select loop that comes to look at a given time. Floor 3.
 *
 * Who blocks in a queue wakes by itself to see who died; a loop asks toc_queue_due. Who has nothing but the descriptor in
 * a select has no other way to be told of a time than by the descriptor. The timer is made when a look first needs it. */
#include "handle.h"

#include "../sys/sys.h"

#include <stdlib.h>

static struct toc_held *make(struct toc_handle *h)
{
    struct sys_mask saved;
    struct toc_held *fresh = malloc(sizeof *fresh);
    if (!fresh)
        return NULL;
    *fresh = (struct toc_held)TOC_HELD_NONE;
    if (toc_held_timer(fresh) < 0 || sys_epoll_add(h->own->epoll.fd, fresh->fd) < 0) {
        toc_held_close(fresh);
        free(fresh);
        return NULL; /* no descriptor left, say: it is a convenience */
    }
    sys_enter(&saved);
    struct toc_held *old = h->alarm && h->alarm->fd >= 0 ? fresh : h->alarm;
    if (old != fresh)
        h->alarm = fresh;
    sys_leave(&saved);
    if (old) { /* another thread's was first; or a fork has closed ours */
        toc_held_close(old);
        free(old);
    }
    return h->alarm;
}

void toc_handle_alarm(struct toc_handle *h, int64_t when)
{
    if (!atom_load_relax(&h->listening) || (when == 0 && !h->alarm))
        return;
    toc_object_enter(&h->o);
    if (!atom32_load_acq(&h->o.closed) && toc_ear_is_open(h->own)) {
        struct toc_held *alarm = h->alarm && h->alarm->fd >= 0 ? h->alarm : make(h);
        if (alarm)
            sys_timer_set(alarm->fd, when);
    }
    toc_object_leave(&h->o);
}
