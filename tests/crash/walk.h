/* walk.h: a child is stepped by ptrace, instruction by instruction or from system call to system call, to the place where it
 * is to die. Who steps says which words in shared memory are those whose changes others can see. */
#ifndef WALK_H
#define WALK_H

#include <stdint.h>
#include <sys/types.h>

#define WATCHED 6
enum step { STEPPED, ENDED, ASLEEP, BROKEN };

struct walk {
    pid_t pid;
    const uint32_t *done; /* the child stores 1 at the end of what it was to do */
    const uint64_t *word[WATCHED]; /* NULL: there is none */
    int sleeps;           /* the operation may fall asleep, and that is an end, too */
};

/* A kill point: so many system calls have returned, and then so many instructions. Counted like this it is the
 * same place in every run, though a random number or a clock may make a stretch an instruction longer; and
 * most of the way there goes in strides from system call to system call. */
struct point {
    long calls, steps;
};

/* The kill points of an operation. */
struct plan {
    struct point *points;
    long count, room, steps;
};

extern long instructions;        /* stepped so far */
void walk_seed(uint64_t seed);
uint64_t walk_draw(void);        /* the same seed, the same points */
void walk_one_processor(void);   /* tracer and tracee take turns: on one processor they need no wake-ups across */
void walk_trace_me(void);        /* in the child: the start of the process is over, and nobody counts it */
void walk_adopt(struct walk *w, pid_t pid); /* in the parent: waits for that */
enum step walk_step(struct walk *w);
enum step walk_to(struct walk *w, struct point to);
/* A moment: before a system call, after it, after a change of the word. */
enum step walk_moment(struct walk *w);
/* One pass to the end. `share`: so many of `about` uneventful instructions, by chance; 0: all of them. The eventful ones, on both
 * sides of a system call and of a change of the word, are all in (one in `thin`). */
enum step walk_survey(struct walk *w, struct plan *p, long share, long thin, long about);
void walk_kill(struct walk *w);

#endif
