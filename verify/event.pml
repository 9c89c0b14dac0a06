/* event.pml: one event, and as many of each kind of process as the run asks for (run.py). */
#ifndef WAITS
#define WAITS 0
#endif
#ifndef LISTENS
#define LISTENS 0
#endif
#ifndef CLEARLISTENS
#define CLEARLISTENS 0
#endif
#ifndef FILENOS
#define FILENOS 0
#endif
#ifndef LATERS
#define LATERS 0
#endif
#ifndef SETS
#define SETS 1
#endif
#ifndef CLEARERS
#define CLEARERS 0
#endif
#ifndef REMOVES
#define REMOVES 0
#endif
#define EARS (LISTENS + CLEARLISTENS + FILENOS + LATERS)

#include "ground.pml"
#include "word.pml"
#include "young.pml"
#include "wait.pml"
#include "listen.pml"
#include "change.pml"
#include "remove.pml"

#define MANY(how_many, start) i = 0; do :: i < how_many -> run start; i++ :: else -> break od

init {
    byte i;
    atomic {
#ifdef BEGINS_SET
        word = SET;
#endif
        MANY(WAITS, Wait(i));
        MANY(LISTENS, Listen(i, true));
        MANY(CLEARLISTENS, Listen(LISTENS + i, false));
        MANY(FILENOS, Fileno(LISTENS + CLEARLISTENS + i));
        MANY(LATERS, Later(LISTENS + CLEARLISTENS + FILENOS + i, 1));
        MANY(SETS, Set());
        MANY(CLEARERS, Clear());
        MANY(REMOVES, Remove());
        i = 0
    }
}
