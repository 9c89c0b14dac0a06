/* ground.pml: what every model stands on: the word, and what the kernel promises about futexes, FIFOs and death. */
short word;

/* STEP { } is one instruction or one system call: nobody gets in between, and nobody dies in the middle. */
#define STEP d_step

/* An exact CAS, and what to do when the word has moved on. */
#define CAS(was, becomes, otherwise) \
    STEP { if :: word == was -> word = becomes; hit = true :: else -> hit = false fi }; \
    if :: hit :: else -> otherwise fi

/* kill -9. Whoever can be killed has a label `dead`, where the kernel closes what it held open. */
#ifndef KILLS
#define KILLS 1
#endif
#if KILLS
#define MAY_DIE if :: true :: goto dead fi
#else
#define MAY_DIE skip
#endif

/* The futex, one bit per sleeper. FUTEX_WAIT compares and falls asleep, FUTEX_WAKE_OP changes the word and wakes
 * everyone, each in one step: both hold the lock of the same hash bucket. */
byte asleep;
#define FUTEX_WAIT(me, expected) STEP { if :: word == expected -> asleep = asleep | (1 << me) :: else fi }
#define IS_ASLEEP(me) (asleep & (1 << me))
#define WAKE_ALL asleep = 0

/* The bell, one bit per listener's edge. Whoever changes the word opens it before and closes it afterwards: the close
 * is an edge for everyone, and so is the kernel's close for the dead. (A listener's own going is an edge, too, which
 * only adds looks, and is left out.) */
#ifndef EARS
#define EARS 1
#endif
#define ALL_EARS ((1 << EARS) - 1)
byte edges;
#define EDGE(me)    (edges & (1 << me))
#define CONSUME(me) edges = edges & (255 - (1 << me))
#define RAISE(me)   edges = edges | (1 << me)   /* EPOLL_CTL_MOD of what is readable */
#define OPEN        open = true
#define CLOSE       STEP { if :: open -> open = false; edges = (pens -> edges : ALL_EARS) :: else fi }
#ifdef NO_DEATH_RING
#define CLOSE_OF_THE_DEAD STEP { open = false } /* mutant: a ring that only the living make */
#else
#define CLOSE_OF_THE_DEAD CLOSE
#endif

/* The byte that makes the FIFO readable: a listener who finds none opens the FIFO for writing as well, and while anybody
 * has, the close of a ringer is no edge. What comes to the rescue is the writer's own close, in life or in death. */
byte pens;
#ifdef SILENT_PEN
#define PEN_DOWN(how) STEP { how -> pen = false; pens-- } /* mutant: as if that close were no edge */
#else
#define PEN_DOWN(how) STEP { how -> pen = false; pens--; edges = ALL_EARS }
#endif
#ifndef PENS
#define PENS 1
#endif
#if PENS
#define FILL \
    if \
    :: true -> STEP { pen = true; pens++; edges = ALL_EARS }; MAY_DIE; PEN_DOWN(true) \
    :: true                                         /* there is one */ \
    fi
#define PEN_OF_THE_DEAD if :: PEN_DOWN(pen) :: !pen fi
#else
#define FILL skip
#define PEN_OF_THE_DEAD skip
#endif
