/* unit.h: what every unit test begins with: a directory of ours, and a watchdog. */
#ifndef UNIT_H
#define UNIT_H

#include "check.h"

#include <poll.h>
#include <unistd.h>

#define H(object) ((toc_handle *)(object))

static const char *place;

static inline void unit_begin(int argc, char **argv)
{
    CHECK(argc == 2);
    place = argv[1];
    alarm(300); /* a watchdog: whoever hangs here is the bug */
}

static inline int unit_end(void)
{
    printf("%d\n", checks_made);
    return 0;
}

static inline int readable(int fd) { return poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0); }

#endif
