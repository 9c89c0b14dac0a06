/* event.h: inside of an event handle. Floor 4; event.c and event_handle.c (all but set, clear and wait) share it. */
#ifndef TOC_EVENT_H
#define TOC_EVENT_H

#include "handle.h"

struct toc_event {
    struct toc_handle h;
    int64_t spin_ns;
};

#endif
