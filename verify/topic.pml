/* topic.pml: emitters who use a topic's segments again, and a reader without the lock. As core/objects/topic_emit.c,
 * topic_state.c and topic_read.c do it. A segment is one emit here, and the lock is one step: a take-over is a LOCK after its
 * holder's death. A segment is written in two steps, and whoever copies it in between has nothing.
 *
 * The state is read as a whole: that this can be done is change.pml's and topic_state.c's. What is asked here is the floor: whatever a
 * reader takes for whole must be what was emitted there, whoever is killed; and what is retained must be there. */
#ifndef EMITTERS
#define EMITTERS 3
#endif
#ifndef EMITS
#define EMITS 2                        /* of each */
#endif
#define MOST (EMITTERS * EMITS)
#define KEPT 2                         /* segments that are retained, */
#define CELLS 3                        /* and the files that they are in: one is spare */
#define STEP d_step
#define MAY_DIE if :: true :: true -> goto dead fi

typedef Words { byte tail, low; byte cell[KEPT] }  /* emit n, of low to tail, is in cell[n % KEPT] */
Words state[2];
bit half;                              /* which of the two is true */
byte file[CELLS];                      /* the number of the emit that is in it; 0: half written */
byte floor = 1;
byte lock, over;

#ifdef REUSES_AT_ONCE
#define TAKEN(c) (n > KEPT + 1 && s.low < n - 1 && c == s.cell[(n - 1) % KEPT])   /* mutant: what this very change lets go is used */
#else
#define TAKEN(c) ((s.tail >= s.low && c == s.cell[s.low % KEPT]) || (s.tail > s.low && c == s.cell[s.tail % KEPT]))
#endif

inline load(s)
{
    s.tail = state[half].tail; s.low = state[half].low; s.cell[0] = state[half].cell[0]; s.cell[1] = state[half].cell[1]
}

proctype Emitter(byte me)
{
    Words s;
    byte n, c, i;
    do
    :: i < EMITS ->
        skip;
        STEP { lock == 0 -> lock = me; load(s) }
        MAY_DIE;
#ifndef RAISES_AFTER_THE_COMMIT_ONLY
        STEP { if :: floor < s.low -> floor = s.low :: else fi }
        MAY_DIE;
#endif
        STEP { n = s.tail + 1; c = 0; do :: TAKEN(c) -> c++ :: else -> break od }
        STEP { file[c] = 0 }
        MAY_DIE;
        STEP { file[c] = n }
        MAY_DIE;
        STEP { s.tail = n; s.cell[n % KEPT] = c; if :: n - s.low >= KEPT -> s.low = n - KEPT + 1 :: else fi }
        STEP {
            state[1 - half].tail = s.tail; state[1 - half].low = s.low;
            state[1 - half].cell[0] = s.cell[0]; state[1 - half].cell[1] = s.cell[1]
        }
        MAY_DIE;
        STEP { half = 1 - half }
        MAY_DIE;
        STEP { if :: floor < s.low -> floor = s.low :: else fi }
        MAY_DIE;
        STEP { lock = 0; i++; s.tail = 0; s.low = 0; s.cell[0] = 0; s.cell[1] = 0; n = 0; c = 0 }
    :: else -> break
    od;
    goto out;
dead:
    skip;
    STEP { if :: lock == me -> lock = 0 :: else fi }  /* whoever comes next takes it from the dead */
out:
    skip;
    STEP { over++ }
}

proctype Reader()
{
    Words s;
    byte next = 1, found;
    skip;
    STEP { load(s) }
    do
    :: next > s.tail ->                /* all that is known is read */
        if
        :: state[half].tail >= next -> skip; STEP { load(s) }
        :: over == EMITTERS && state[half].tail < next -> break
        fi
    :: else ->
        if
        :: next < s.low -> next = s.low
        :: else ->
            found = file[s.cell[next % KEPT]];
            if
#ifndef TRUSTS_THE_COPY
            :: floor > next ->         /* too slow: to the oldest that is there */
                skip;
                STEP { load(s); assert(s.low > next); next = s.low }
            :: floor <= next ->
#else
            :: true ->
#endif
                assert(found == next);
                next++
            fi
        fi
    od;
    skip;
    /* What is retained is there. */
    STEP {
        load(s);
        assert(s.tail == 0 || file[s.cell[s.tail % KEPT]] == s.tail);
        assert(s.tail <= s.low || file[s.cell[s.low % KEPT]] == s.low)
    }
}

init
{
    byte i = 0;
    atomic {
        state[0].low = 1; state[1].low = 1;
        do :: i < EMITTERS -> i++; run Emitter(i) :: else -> break od;
        run Reader()
    }
}
