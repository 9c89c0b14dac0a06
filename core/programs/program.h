/* program.h: what evt_set, evt_clear and evt_wait share: the command line, the event, the one line on stderr.
 *
 * Only tocsin.h and libc, and little of that: no stdio, no locale, so that a start costs about what exec
 * itself costs. The answer is the exit code:
 *
 *      0  done, or it is set
 *      1  evt_wait: the time is over
 *      2  the call was wrong
 *      3  it could not be done
 */
#ifndef TOC_PROGRAM_H
#define TOC_PROGRAM_H

#include "../tocsin.h"

enum { PROGRAM_OK = 0, PROGRAM_TIMED_OUT = 1, PROGRAM_USAGE = 2, PROGRAM_FAILED = 3 };
#define PROGRAM_GO_ON (-1)

struct program {
    const char *self;    /* evt_set */
    const char *verb;    /* set: what `tocsin` calls it */
    const char *help;    /* the whole text of --help */
    int takes_timeout;   /* a second argument, seconds */
    const char *name;    /* from here on: as asked */
    const char *timeout; /* as written; NULL: none given */
    const char *mode;    /* as written; NULL: none given */
    int64_t timeout_ns;  /* TOC_FOREVER, or how long */
    toc_options options;
};

/* PROGRAM_GO_ON, or the exit code. Doesn't come back for a place on another host: `tocsin` takes over. */
int program_read(struct program *p, int argc, char **argv);
/* PROGRAM_GO_ON with an open event, or the exit code after the one line. */
int program_open(const struct program *p, toc_event **e);
/* Says why, and gives the exit code for `rc`. */
int program_failed(const struct program *p, int rc);

#endif
