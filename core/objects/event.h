/* event.h: inside of an event handle. Floor 4; event.c, event_handle.c (open, close, stat) and
 * event_listen.c (descriptors) share it. */
#ifndef TOC_EVENT_H
#define TOC_EVENT_H

#include "object.h"

/* A blocking call that waits by descriptor; the handle lists it, so that close can wake it. */
struct toc_call {
    struct toc_ear ear;
    struct toc_call *next;
};

struct toc_event {
    struct toc_object o;
    int64_t spin_ns;
    uint64_t listening;     /* 1: toc_event_fileno was asked for, and looks must consume its edge */
    uint64_t heard_ns;      /* when the FIFO of `own` was last seen to have a name; who moves it looks */
    struct toc_ear *own;    /* toc_event_fileno; NULL before it was asked for */
    struct toc_ear *shared; /* toc_event_listen: without an epoll */
    struct toc_call *calls; /* guarded by sys_enter */
};

int toc_call_begin(struct toc_event *e, struct toc_call *call);
void toc_call_end(struct toc_event *e, struct toc_call *call);
void toc_call_wake_all(struct toc_event *e);

/* Consume the edge of toc_event_fileno, arm, judge; re-raise it when the event is set. Returns the word. */
uint64_t toc_event_look(struct toc_event *e);

#endif
