/* every.h: every instruction of an operation is a place to die, and so is every instruction of whoever finds what the kill
 * left. What the operation is, and what must be true afterwards, is the program's (single_step.c, queue_step.c). */
#ifndef EVERY_H
#define EVERY_H

#include "walk.h"

/* From the command line: [--per N] [--thin N] [--seed S] [--only TEXT] [--patience SECONDS] [--step NAME] */
struct every_options {
    long per, thin; /* 0: all */
    unsigned long long seed;
    const char *only, *step;
};
extern struct every_options options;
void every_options(int argc, char **argv, const char *usage);

struct subject {
    const char *name;
    void (*begin)(void);
    void (*start)(struct walk *w, int recovers); /* the operation, or what a fresh process does; ready to be stepped */
    int (*result)(void);                         /* of an operation that went to its end */
    uint64_t (*signature)(void);                 /* the same for equal states */
    const char *(*killed)(void);                 /* what must be true then, with nobody's help */
    const char *(*recovering)(void);             /* before the recovery, which is killed as well; NULL: nothing to do */
    const char *(*recovered)(void);              /* and after that kill */
    const char *(*fresh)(void);                  /* a process that comes afterwards */
    void (*end)(void);
    int (*worth)(void); /* is a new state to be recovered from under kills? NULL: each is */
    long share, thin;   /* of the recovery's instructions, see walk_survey */
};

extern long points, recoveries, faults, operations;
extern int failed; /* this operation has: the rest of it would say the same again and again */

void every_begin(void); /* another operation */
void every_report(const struct subject *s, const char *fault, struct point at, const char *second);
/* The kill points, and whether it works when nobody is killed. */
void every_survey(const struct subject *s, struct plan *p, long share, long thin, long about);
/* Kills at all of them; how many states were found. */
int every_kill(const struct subject *s, const struct plan *p);

#endif
