/* commit.pml: a queue's word: how a change that was made under the lock becomes true and who hears of it, as
 * core/parts/change.c does it, and how consumers wait, as core/objects/queue_wait.c does. Items are only counted here
 * (log.pml has them), and the lock is one step (short_lock.pml has it).
 *
 * Claims, judged when everybody sleeps, is done, or is dead. Nobody who sleeps for long does so beside an item. If a dead
 * one holds an item and anybody waits for items, somebody sleeps only for a second, and then looks. Nobody waits for room
 * that is there. And where nobody died (KILLS=0) there is no item beside any sleeper, for not even a second. */
#ifndef GETS
#define GETS 0                         /* consumers in the futex */
#endif
#ifndef RECEIVES
#define RECEIVES 0                     /* the same, and what they take they hold until they ack or nack */
#endif
#ifndef LISTENS
#define LISTENS 0                      /* consumers in a loop: they wait by the bell */
#endif
#ifndef FILENOS
#define FILENOS 0                      /* lookers by descriptor, without the lock */
#endif
#ifndef PUTS
#define PUTS 0
#endif
#ifndef ROOMS
#define ROOMS 0                        /* producers for a queue of one item, who wait for room */
#endif
#define EVERYBODY (GETS + RECEIVES + LISTENS + FILENOS + PUTS + ROOMS)
#define EARS EVERYBODY
#include "ground.pml"

#define MANY      1
#define SLEEPERS  2
#define BELL      4
#define CBELL     8
#define GUARD    32
#define HASBELL  64
#define SLEPT   128
#define COUNT1  256
#define COUNT(w) ((w) >> 8)

#if FILENOS
#include "young.pml"
#define READ READ_AS_CHANGER
#define GONE CHANGER_IS_GONE
#else
#define READ seen = word
#define GONE STEP { seen = 0; hit = false }
#endif

byte ready, lock;
byte claimed, gone;                    /* one bit each: who holds an item; who is done or dead */
byte brief;                            /* who sleeps for a second only */
byte listening;                        /* who sleeps at the bell */
#define BIT(me) (1 << (me))
#define WITHOUT_BIT(set, me) ((set) & (255 - BIT(me)))
#define OF_THE_DEAD (claimed & gone)
#define ALL_STILL ((asleep | (listening & (255 - edges)) | gone) == (1 << EVERYBODY) - 1)

#define LOCK   skip; STEP { lock == 0 -> lock = me + 1 }
#define UNLOCK skip; STEP { lock = 0 }
#define UNLOCK_OF_THE_DEAD STEP { if :: lock == me + 1 -> lock = 0 :: else fi }

#define WOKEN(one) asleep & BIT(one) -> asleep = WITHOUT_BIT(asleep, one); woken = true
#define WAKE_ONE if :: !asleep :: WOKEN(0) :: WOKEN(1) :: WOKEN(2) :: WOKEN(3) fi

/* Whom a commit wakes. With GUARD off, the first to put something wakes everyone, and they sleep on by the second. */
#define NONE 0
#define ONE  1
#define ALL  2
#define WAKES(how) (how != NONE && (seen & (SLEEPERS | MANY)))
#ifdef NO_GUARD
#define WAKES_ONE(how) (how == ONE)             /* mutant: the one may die before it takes */
#define GUARD_IN 0
#else
#ifdef GUARD_WAKES_ONE
#define WAKES_ONE(how) (how == ONE)             /* mutant: the others sleep on without a guard */
#define GUARD_IN ((how == ONE && !(seen & GUARD)) -> GUARD : 0)
#else
#define WAKES_ONE(how) (how == ONE && (seen & GUARD))
#define GUARD_IN (how == ONE -> GUARD : 0)
#endif
#endif
#ifdef OPEN_AFTER_COMMIT
#define OPEN_BEFORE(how, rings) skip            /* mutant: killed in between, nobody rings */
#else
#define OPEN_BEFORE(how, rings) \
    if :: (seen & (rings)) || (WAKES(how) && (seen & HASBELL)) -> OPEN :: else fi
#endif

/* `gained` items become ready; `took`, `gave`: bits of those who hold one from now on, or no more. */
inline commit(how, rings, gained, took, gave)
{
    do
    :: READ;
       OPEN_BEFORE(how, rings);
       MAY_DIE;
       if
       :: !WAKES(how) ->
            STEP {
                if
                :: word == seen ->
                    word = word + COUNT1 - (seen & (rings));
                    ready = ready + gained; claimed = (claimed | (took)) & (255 - (gave)); hit = true
                :: else -> hit = false
                fi
            };
            if :: hit -> break :: else fi
#ifdef STORE_THEN_WAKE
       :: WAKES(how) ->                         /* mutant: killed in between, they sleep beside it */
            STEP { word = word + COUNT1; ready = ready + gained; claimed = (claimed | (took)) & (255 - (gave)) };
            MAY_DIE;
            STEP { WAKE_ALL };
            break
#else
       :: WAKES(how) && !WAKES_ONE(how) ->
            STEP {
                word = word + COUNT1 - (seen & ((rings) | SLEEPERS | MANY)) + GUARD_IN;
                ready = ready + gained; claimed = (claimed | (took)) & (255 - (gave));
                WAKE_ALL
            };
            break
       :: WAKES(how) && WAKES_ONE(how) ->
            atomic {
                woken = false;
                word = word + COUNT1 - (seen & ((rings) | ((seen & MANY) -> 0 : SLEEPERS)));
#ifdef GUARD_WAKES_ONE
                word = word + GUARD_IN;
#endif
                ready = ready + gained; claimed = (claimed | (took)) & (255 - (gave));
                WAKE_ONE
            };
            if
            :: woken -> woken = false
            :: else ->                          /* nobody was there: one exact CAS */
                seen = word;
                MAY_DIE;
                STEP { if :: word == seen -> word = word & (32767 - SLEEPERS - MANY) :: else fi }
            fi;
            break
#endif
       fi
    od;
    MAY_DIE;
    READ;
    if :: !open && (seen & (rings)) -> OPEN :: else fi  /* armed in between, at a young bell */
}

/* Under the lock: what the dead hold goes back. A commit each here; the core does all in one. */
inline bury()
{
    do
    :: OF_THE_DEAD ->
        STEP { corpse = OF_THE_DEAD & (0 - OF_THE_DEAD) };
        commit(ALL, BELL, 1, 0, corpse);
        CLOSE;
        corpse = 0
    :: else -> break
    od
}

/* Under the lock, with an item there. `mine`: my bit, if I hold it from now on. Only who makes room rings for room. */
inline take(mine)
{
    if
    :: ready == 1 -> commit(NONE, CBELL, -1, mine, 0)
    :: else -> commit(NONE, 0, -1, mine, 0)
    fi;
    seen = 0;
    UNLOCK;
    CLOSE;
    MAY_DIE
}

proctype Consume(byte me; bool holds)
{
    short seen, was;
    byte mine, corpse;
    bool hit, open, woken, early, looks;

again:
    skip;
    STEP { seen = 0; was = 0; brief = WITHOUT_BIT(brief, me) };
    LOCK;
    MAY_DIE;
    if :: looks -> bury() :: else fi;
    if
    :: ready ->
        if :: holds -> mine = BIT(me) :: else fi;
        take(mine);
        if :: !holds -> goto dead :: else fi;
        LOCK;
        MAY_DIE;
        if
        :: true -> commit(NONE, 0, 0, 0, mine)  /* ack */
        :: true -> commit(ONE, BELL, 1, 0, mine) /* nack */
        fi;
        UNLOCK;
        goto dead
    :: else
    fi;
    /* Nothing. GUARD goes in and out by the holder of the lock only: a commit adds and subtracts what it has read. */
#ifndef SLEEP_LONG_BESIDE_CLAIMS
    if :: claimed -> STEP { word = word | GUARD } :: else fi;
#endif
#ifdef GUARD_IGNORES_CLAIMS
    if :: looks -> STEP { word = word & (32767 - GUARD) } :: else fi;
#else
#ifdef ANYONE_DROPS_GUARD
    hit = looks && !claimed && (word & GUARD);
    seen = word;
#else
    if :: looks && !claimed -> STEP { word = word & (32767 - GUARD) } :: else fi;
#endif
#endif
    was = COUNT(word);
    looks = false;
    UNLOCK;
#ifdef ANYONE_DROPS_GUARD
    if                                          /* mutant: by an exact CAS, but without the lock */
    :: hit -> STEP { if :: word == seen -> word = word - GUARD :: else fi; hit = false }
    :: else
    fi;
#endif
    if :: true :: goto dead fi;                 /* its time is up, or it is killed */
arm:
    skip;
    seen = word;
#ifndef ARM_AT_ANY_COUNT
    if :: COUNT(seen) != was -> goto again :: else fi;
#endif
#ifdef MANY_FORGOTTEN
    was = seen | SLEEPERS | SLEPT;
#else
    was = seen | SLEEPERS | SLEPT | ((seen & (SLEEPERS | MANY)) -> MANY : 0);
#endif
    CAS(seen, was, was = COUNT(seen); goto arm);
    MAY_DIE;
    STEP {
        if
        :: word == was -> asleep = asleep | BIT(me); brief = brief | ((was & GUARD) -> BIT(me) : 0)
        :: else
        fi;
        seen = 0; hit = false;
        was = was & GUARD
    };
    if
    :: !IS_ASLEEP(me) ->
        if
        :: goto again
#ifdef WOKEN_LEAVES
        :: goto dead                            /* mutant: its time was up as well, and it doesn't look */
#endif
#if !KILLS
        :: true ->                              /* cancelled: who was woken and won't take passes it on */
#ifndef CANCEL_KEEPS_ITS_WAKE
            atomic { WAKE_ONE; woken = false };
#endif
            goto dead
#endif
        fi
    :: was & GUARD ->                           /* a second is over */
        STEP { asleep = WITHOUT_BIT(asleep, me); looks = true };
        goto again
    :: ALL_STILL ->
        assert(!ready || (was & GUARD && KILLS));
        assert(!OF_THE_DEAD || brief);
        asleep = WITHOUT_BIT(asleep, me)
    fi;
dead:
    skip;
    UNLOCK_OF_THE_DEAD;
    CLOSE_OF_THE_DEAD;
    GONE;
    STEP { gone = gone | BIT(me); brief = WITHOUT_BIT(brief, me); was = 0; mine = 0; corpse = 0; looks = false; woken = false }
}

/* A consumer in a loop. It arms, and only then takes the lock to look: whoever read the word before the arming and
 * then commits is through, or dead, when it gets it. So it needs no second look at a young bell. */
proctype Listen(byte me)
{
    short seen;
    byte corpse;
    bool hit, open, woken, early, due;

    STEP { word = word | HASBELL };
again:
    skip;
    STEP { seen = 0; hit = false; due = false; brief = WITHOUT_BIT(brief, me); CONSUME(me) };
#ifndef ARM_AFTER_LOOK
    STEP { word = word | BELL };
#endif
    LOCK;
    MAY_DIE;
    bury();
    if :: ready -> take(0); goto dead :: else fi;
    due = claimed != 0;                         /* then its loop looks again in a second */
    UNLOCK;
#ifdef ARM_AFTER_LOOK
    STEP { word = word | BELL };                /* mutant: what was put in between is not heard of */
#endif
    MAY_DIE;
    STEP { listening = listening | BIT(me); brief = brief | (due -> BIT(me) : 0) };
    if
    :: EDGE(me)  -> STEP { listening = WITHOUT_BIT(listening, me) }; goto again
    :: due       -> STEP { listening = WITHOUT_BIT(listening, me) }; goto again
    :: ALL_STILL -> assert(!ready || (due && KILLS)); assert(!OF_THE_DEAD || brief)
    fi;
dead:
    skip;
    UNLOCK_OF_THE_DEAD;
    CLOSE_OF_THE_DEAD;
    GONE;
    STEP { gone = gone | BIT(me); brief = WITHOUT_BIT(brief, me); corpse = 0; due = false; woken = false }
}

#if FILENOS
/* fileno(): it is told of items, not of deaths. */
proctype Fileno(byte me)
{
    short seen;
    bool young;

    MAKE_BELL;
again:
    skip;
    ASK_AGE;
    CONSUME(me);
    STEP { word = word | BELL };
    if :: ready -> goto dead :: else fi;        /* readable */
    MAY_DIE;
    listening = listening | BIT(me);
    if
    :: EDGE(me)                 -> listening = WITHOUT_BIT(listening, me); goto again
    :: young && bell == OLD     -> listening = WITHOUT_BIT(listening, me); goto again
    :: ALL_STILL && !young   -> assert(!ready)
    fi;
dead:
    skip;
    STEP { gone = gone | BIT(me); seen = 0; young = false }
}
#endif

proctype Put(byte me; bool waits)
{
    short seen;
    bool hit, open, woken, early;

    if :: waits -> STEP { word = word | HASBELL } :: else fi;
again:
    skip;
    if
    :: waits ->
        CONSUME(me);
        STEP { word = word | CBELL };
        if
        :: ready ->                             /* full: it looks without the lock */
            STEP { listening = listening | BIT(me) };
            if
            :: EDGE(me)  -> STEP { listening = WITHOUT_BIT(listening, me) }; goto again
            :: ALL_STILL -> assert(ready); goto dead
            fi
        :: else
        fi
    :: else
    fi;
    LOCK;
    MAY_DIE;
    if :: waits && ready -> UNLOCK; goto again :: else fi;
    commit(ONE, BELL, 1, 0, 0);
    UNLOCK;
    CLOSE;
dead:
    skip;
    UNLOCK_OF_THE_DEAD;
    CLOSE_OF_THE_DEAD;
    GONE;
    STEP { gone = gone | BIT(me); woken = false }
}

#define START(how_many, process) j = 0; do :: j < how_many -> run process; i++; j++ :: else -> break od

init {
    byte i, j;
    atomic {
#ifdef BEGINS_GUARDED
        word = GUARD;
#endif
        START(GETS, Consume(i, false));
        START(RECEIVES, Consume(i, true));
        START(LISTENS, Listen(i));
#if FILENOS
        START(FILENOS, Fileno(i));
#endif
        START(PUTS, Put(i, false));
        START(ROOMS, Put(i, true));
        i = 0; j = 0
    }
}
