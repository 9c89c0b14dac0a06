/* log.pml: what a queue's file says, and what a kill leaves of it: the state that exists twice, segments, claims, holders, and the
 * recovery, which may be killed as well. As core/objects/queue_*.c and core/parts/log_segments.c do it. An item is a segment
 * here, and the lock is one step: a take-over is a LOCK after its holder's death.
 *
 * Claims, judged by an auditor who is alone when all the others are done or dead, looks for the dead, and takes what there is:
 * every accepted item was acked, or he gets it; nothing comes again after its ack; the counts are those of the claims;
 * no segment that the table names is missing; and no file is left that the next put would not use. */
#ifndef PUTS
#define PUTS 2
#endif
#ifndef WORKS
#define WORKS 2                        /* receive, then ack or nack */
#endif
#ifndef GETS
#define GETS 0
#endif
#ifndef BURIES
#define BURIES 1                       /* who look for the dead, and may be killed at it */
#endif
#define MORTALS (PUTS + WORKS + GETS + BURIES)
#define ITEMS (PUTS + 1)
#define BIT(n) (1 << (n))
#define WITHOUT_BIT(set, n) ((set) & (255 - BIT(n)))
#define STEP d_step
#define MAY_DIE if :: true :: mortal -> goto dead fi

typedef Words { byte head, tail, low, held, back, table, drops };
Words state[2];
bit half;                              /* which of the two is true: the count's lowest bit */

#define READY 0
#define DONE  1
#define LEASED(me) (2 + (me))
byte claim[ITEMS];
byte leased[MORTALS + 1];              /* the holders' entries */
byte files;                            /* on the disk */
byte lock, gone;
byte accepted, ended, acked;           /* by item, for the auditor. ended: its DONE was stored, or get has committed */

#define LOCK   skip; STEP { lock == 0 -> lock = me + 1; s.head = state[half].head; s.tail = state[half].tail; \
    s.low = state[half].low; s.held = state[half].held; s.back = state[half].back; s.table = state[half].table; \
    s.drops = state[half].drops }
#define UNLOCK skip; STEP { lock = 0; FORGET }
#define FORGET s.head = 0; s.tail = 0; s.low = 0; s.held = 0; s.back = 0; s.table = 0; s.drops = 0; i = 0; best = 0

#ifdef STATE_IN_PLACE
#define SPARE half                     /* mutant: the state exists once */
#define TURN  half = half
#else
#define SPARE (1 - half)
#define TURN  half = 1 - half
#endif

/* The change becomes true by one store. What was dropped is deleted after it; and again by the next, who may have to. */
#define UNLINK STEP { files = files & (255 - s.drops) }
inline commit(puts, acks, gets)
{
#ifdef UNLINK_BEFORE_COMMIT
    UNLINK;                            /* mutant */
    MAY_DIE;
#endif
    STEP { state[SPARE].head = s.head; state[SPARE].tail = s.tail; state[SPARE].low = s.low };
    MAY_DIE;
    STEP { state[SPARE].held = s.held; state[SPARE].back = s.back };
    MAY_DIE;
    STEP { state[SPARE].table = s.table; state[SPARE].drops = s.drops };
    MAY_DIE;
    STEP {
        TURN;
        accepted = accepted | puts; acked = acked | acks; ended = ended | gets
    };
    MAY_DIE;
#ifndef UNLINK_BEFORE_COMMIT
    UNLINK
#endif
}
/* Who changes the table begins with what the last one dropped: he may have been killed before he deleted it. */
#ifdef DROPS_FORGOTTEN
#define DROPS_AGAIN s.drops = 0        /* mutant */
#else
#define DROPS_AGAIN STEP { files = files & (255 - s.drops); s.drops = 0 }
#endif

/* One pass over all claims: counts, and the first READY one before head (best - 1). */
inline survey()
{
    STEP {
#ifndef BACK_ALONE_COUNTED
        s.held = 0;                    /* its absence is a mutant: a claim without its commit is in neither count */
#endif
        s.back = 0; best = 0; i = s.low;
        do
        :: i < s.head ->
            if
            :: !(s.table & BIT(i))
            :: (s.table & BIT(i)) && claim[i] == DONE -> assert(files & BIT(i))
            :: (s.table & BIT(i)) && claim[i] == READY ->
                assert(files & BIT(i));
                s.back++;
                if :: !best -> best = i + 1 :: else fi
            :: (s.table & BIT(i)) && claim[i] > DONE ->
                assert(files & BIT(i));
#ifndef BACK_ALONE_COUNTED
                s.held++
#endif
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
}

/* Segments before head in which nothing lives go to the drop list. */
inline recycle()
{
    DROPS_AGAIN;
    MAY_DIE;
    STEP {
        do
        :: s.low < s.head && (claim[s.low] == DONE || !(s.table & BIT(s.low)) || (!s.held && !s.back)) -> s.low++
        :: else -> break
        od;
        i = 0;
        do
        :: i < s.head ->
            if
            :: (s.table & BIT(i)) && (i < s.low || claim[i] == DONE) ->
                s.drops = s.drops | BIT(i); s.table = WITHOUT_BIT(s.table, i)
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
}

inline put()
{
    LOCK;
    MAY_DIE;
    DROPS_AGAIN;
    MAY_DIE;
#ifdef CREATES_EXCLUSIVELY
    STEP { !(files & BIT(s.tail)) -> files = files | BIT(s.tail) };   /* mutant: what the dead left is in the way */
#else
    STEP { files = files | BIT(s.tail) };
#endif
    MAY_DIE;
    STEP { claim[s.tail] = READY; i = BIT(s.tail); s.table = s.table | i; s.tail++ };
    MAY_DIE;
    commit(i, 0, 0);
    UNLOCK
}

#ifdef LEASED_AFTER_CLAIM
#define RAISE_BEFORE skip
#define RAISE_AFTER MAY_DIE; leased[me]++               /* mutant: killed before it, nobody looks for its claim */
#else
#define RAISE_BEFORE leased[me]++
#define RAISE_AFTER skip
#endif

/* To hold: first what came back, or else the next fresh one. `mine` is it, plus one; 0: there was none. */
inline receive()
{
    LOCK;
    MAY_DIE;
    if :: s.back -> survey() :: else -> best = 0 fi;
    if
    :: best ->
        RAISE_BEFORE;
        MAY_DIE;
        STEP { mine = best; claim[mine - 1] = LEASED(me); s.back--; s.held++; best = 0 };
        MAY_DIE;
        commit(0, 0, 0);
        RAISE_AFTER
    :: !best && s.head < s.tail ->
        RAISE_BEFORE;
        MAY_DIE;
        STEP { mine = s.head + 1; claim[s.head] = LEASED(me); s.head++; s.held++ };
        MAY_DIE;
        commit(0, 0, 0);
        RAISE_AFTER
    :: !best && s.head == s.tail ->                     /* nothing; the counts may have been put right */
        commit(0, 0, 0)
    fi;
    if :: mine -> assert(files & BIT(mine - 1)); assert(!(acked & BIT(mine - 1))) :: else fi;
    UNLOCK
}
inline finish(how)
{
    LOCK;
    MAY_DIE;
    assert(claim[mine - 1] == LEASED(me));
    if
    :: how == DONE ->
        STEP { claim[mine - 1] = DONE; ended = ended | BIT(mine - 1); i = BIT(mine - 1); s.held-- };
        MAY_DIE;
        best = i;
        recycle();
        commit(0, best, 0)
    :: else ->
        STEP { claim[mine - 1] = READY; s.held--; s.back++ };
        MAY_DIE;
        commit(0, 0, 0)
    fi;
    MAY_DIE;
    leased[me]--;                                       /* after the claim has ended */
    mine = 0;
    UNLOCK
}

/* The claims of one dead holder. `best` is he, plus one. */
inline bury()
{
    LOCK;
    MAY_DIE;
    i = 0;
    do
    :: i < MORTALS && (gone & BIT(i)) && leased[i] -> best = i + 1; break
    :: i < MORTALS && !((gone & BIT(i)) && leased[i]) -> i++
    :: i == MORTALS -> break
    od;
    mine = best;
    if
    :: mine ->
#ifdef ENTRY_DROPPED_EARLY
        leased[mine - 1] = 0;                           /* mutant: killed after it, nobody comes back to this */
        MAY_DIE;
#endif
        i = s.low;
        do
        :: i < s.head && (s.table & BIT(i)) && claim[i] == LEASED(mine - 1) ->
            claim[i] = READY;
#ifdef COUNTS_ADDED_UP
            s.held--; s.back++;                         /* mutant: what the dead had half done is counted twice, or never */
#endif
            MAY_DIE;
            i++
        :: i < s.head && !((s.table & BIT(i)) && claim[i] == LEASED(mine - 1)) -> i++
        :: i >= s.head -> break
        od;
#ifndef COUNTS_ADDED_UP
        survey();
#endif
        recycle();
        commit(0, 0, 0);
        MAY_DIE;
        leased[mine - 1] = 0
    :: else
    fi;
    UNLOCK
}

#define LOCALS Words s; byte i, best, mine; bool mortal = true
#define DEAD STEP { if :: lock == me + 1 -> lock = 0 :: else fi; gone = gone | BIT(me); mine = 0; FORGET }

proctype Put(byte me)  { LOCALS; put(); dead: skip; DEAD }
proctype Bury(byte me) { LOCALS; bury(); dead: skip; DEAD }

proctype Work(byte me)
{
    LOCALS;
    receive();
    MAY_DIE;
    if
    :: mine -> if :: finish(DONE) :: finish(READY) fi
    :: else
    fi;
dead:
    skip;
    DEAD
}

proctype Get(byte me)
{
    LOCALS;
    LOCK;
    MAY_DIE;
    if
    :: s.head < s.tail && !s.back ->
        i = BIT(s.head);
        if :: s.held -> claim[s.head] = DONE :: else fi;    /* at head and beyond, a claim doesn't count yet */
        MAY_DIE;
        s.head++;
        best = i;
        recycle();
        commit(0, 0, best)
    :: else
    fi;
dead:
    skip;
    DEAD
}

proctype Audit(byte me)
{
    LOCALS;
    byte n;
    bool wrong;

    mortal = false;
    gone == BIT(MORTALS) - 1;
    do
    :: n < MORTALS -> bury(); mine = 0; n++
    :: else -> break
    od;
    LOCK;
    n = s.held; mine = s.back;
    survey();
    wrong = n != 0 || s.back != mine;
    n = 0; mine = 0;
    UNLOCK;
    put();                                              /* nothing that the dead left may be in its way */
    do
    :: receive(); if :: mine -> finish(DONE) :: else -> break fi
    od;
    assert(!(accepted & (255 - ended)));                /* nothing is lost */
    assert(!wrong && state[half].held == 0 && state[half].back == 0);
    assert(!(files & (255 - state[half].table)));       /* nothing leaks */
    assert(!(state[half].table & (accepted & ended)));
dead:
    skip
}

#define START(how_many, process) j = 0; do :: j < how_many -> run process; i++; j++ :: else -> break od

init {
    byte i, j;
    atomic {
        START(PUTS, Put(i));
        START(WORKS, Work(i));
        START(GETS, Get(i));
        START(BURIES, Bury(i));
        run Audit(i);
        i = 0; j = 0
    }
}
