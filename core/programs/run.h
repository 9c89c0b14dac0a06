/* run.h: `tocsin run`, a command that starts when others are done, and says when it is done itself.
 *
 * The order is the point of it (run.c): it owns its event, waits for the others', starts the command, and sets the event
 * by the command's end. So from its first moment on its death is a death to those who wait for it, whatever it
 * was doing, and a whole graph of jobs comes down from one.
 */
#ifndef TOC_RUN_H
#define TOC_RUN_H

#include "program.h"

/* Beside these the exit code is the command's; did a signal end it, `tocsin run` ends itself by the same. As env and
 * timeout have them, but for 123, which nobody has. */
enum {
    RUN_OWNER_DIED = 123,  /* who had promised to set what we wait for */
    RUN_TIMED_OUT = 124,   /* --timeout, before the command was started */
    RUN_FAILED = 125,      /* could not be done; PROGRAM_USAGE: the call was wrong */
    RUN_NOT_RUNNABLE = 126,
    RUN_NOT_FOUND = 127,
};

/* The call is right, and its place is on a server, which the interpreter's half knows. No exit code. */
#define RUN_ELSEWHERE (-2)

/* The program `tocsin run`; argv[0] is "run". The exit code, or RUN_ELSEWHERE. */
int run_main(int argc, char **argv);

/* -- waiting: run_wait.c */
struct awaited {
    const char *name;
    toc_event *e;
    uint64_t since;  /* a pulse counts from here on */
    int fd;          /* what its changes ring at, -1: not yet */
    int64_t again;   /* when to look again in any case, 0: no need */
    int done;
};

/* Until all are set (or were since), in whatever order. 1; 0: the deadline; or -errno, and *which: that of which. */
int run_wait(struct awaited *all, int count, int64_t deadline, struct awaited **which);

/* -- the command: run_child.c */
/* Starts it and sees it through. Its status as of waitpid(2); or -errno: it could not be started, for want of a process
 * (*no_process), or because of the command. `closed`: which of 0, 1 and 2 it is to find closed, as we did. */
int run_child(char **command, unsigned closed, int *no_process);
/* The end that the command had: a code, or doesn't come back. */
int run_end_like(int status);

#endif
