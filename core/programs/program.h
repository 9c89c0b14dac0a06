/* program.h: what evt_set, evt_clear, evt_wait and `tocsin run` share: the command line, the event, the one line on stderr.
 *
 * Only tocsin.h and libc, and little of that: no stdio, no locale, so that a start costs about what exec
 * itself costs. The answer is the exit code:
 *
 *      0  done, or it is set
 *      1  evt_wait: the time is over
 *      2  the call was wrong
 *      3  it could not be done
 *      4  evt_wait: who had promised to set it is dead
 *
 * Those of `tocsin run` beside its command's own are in run.h.
 */
#ifndef TOC_PROGRAM_H
#define TOC_PROGRAM_H

#include "../tocsin.h"

enum { PROGRAM_OK = 0, PROGRAM_TIMED_OUT = 1, PROGRAM_USAGE = 2, PROGRAM_FAILED = 3, PROGRAM_OWNER_DIED = 4 };
#define PROGRAM_GO_ON (-1)

struct program {
    const char *self;    /* evt_set */
    const char *verb;    /* set: what `tocsin` calls it */
    const char *help;    /* the text of --help, but for the options that all of them have */
    const char *exits;   /* its last line; NULL: 0 to 3 */
    int takes_timeout;   /* a second argument, seconds */
    int failed;          /* the code of what could not be done; 0: PROGRAM_FAILED */
    const char *name;    /* from here on: as asked */
    const char *timeout; /* as written; NULL: none given */
    const char *mode;    /* as written; NULL: none given */
    int64_t timeout_ns;  /* TOC_FOREVER, or how long */
    toc_options options;
};

/* PROGRAM_GO_ON, or the exit code. Doesn't come back for a place on a server: `tocsin` takes over. */
int program_read(struct program *p, int argc, char **argv);
/* PROGRAM_GO_ON with an open event, or the exit code after the one line. */
int program_open(const struct program *p, toc_event **e);
/* Says why, and gives the exit code for `rc`. */
int program_failed(const struct program *p, int rc);
/* Says that the owner of the event `p->name` is dead, and who it was; `so`: and what follows from that, or NULL. */
void program_owner_died(const struct program *p, toc_event *e, const char *so);

/* -- the parts of program_read, for `tocsin run` */
/* Which of 0, 1 and 2 the caller had closed (bit by bit): if he did, an object's file would get that number, and our message
 * would go into it, so that /dev/null has them now. Exits where there is none. */
unsigned program_keep_standard_descriptors(void);
/* One of the options that all have, at argv[*i]? PROGRAM_GO_ON when it was none; 0 when it was, and *i is its last word, or
 * *code is not PROGRAM_GO_ON and the program ends with it. */
int program_option(struct program *p, int argc, char **argv, int *i, int *code);
/* The value of `--at X` or `--at=X`, or NULL when the argument is something else. *missing: there is none. */
const char *program_value(const char *option, int argc, char **argv, int *i, int *missing);
/* Mode, timeout and names are right? PROGRAM_GO_ON, or the exit code. */
int program_check(struct program *p);
int program_check_name(const struct program *p);
int program_check_place(const struct program *p);
int program_is_elsewhere(const struct program *p); /* a place on a server */
int program_is_path(const struct program *p);      /* the name is a path: a file, wherever the place is */
const char *program_place(const struct program *p);
/* The one line; gives `code` back. */
int program_complain(const struct program *p, int code, const char *what, const char *why, const char *mend);
int program_wrong(const struct program *p, const char *what, const char *why);

#endif
