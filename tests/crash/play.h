/* play.h: what the programs of scenes have in common (data_kill.c, topic_step.c, lock_kill.c): in each scene somebody is killed, at
 * a named step or at his instructions, and after each kill the program judges.
 *
 *      PROGRAM DIR step NAME                             at a named step of the core (built with -DTOC_STEPS)
 *      PROGRAM DIR every SHARE SEED [PATIENCE [SCENE]]   at instructions: SHARE of 10,000 by chance, and a third of the
 *                                          eventful ones (from 1,000 on: all of those; 0: all). PATIENCE: seconds */
#ifndef PLAY_H
#define PLAY_H

#include "walk.h"

struct play {
    int scenes;
    const char *(*choose)(int scene);   /* this one is played from now on; its name */
    int (*step)(const char *name);      /* its operation, to be killed there; judges. 1: it died there */
    void (*start)(struct walk *w);      /* all is there for its operation, which is ready to be stepped */
    int (*result)(void);                /* of an operation that went to its end; NULL: its judge sees that */
    void (*judge)(const char *where);   /* after the kill */
};

extern long points, faults; /* kills; of which somebody noticed something */

/* Is the call in order? DIR is what the program needs of it. */
void play_check(int argc, char **argv);
int play(const struct play *p, int argc, char **argv);

#endif
