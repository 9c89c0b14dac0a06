/* young.pml: the first 100 ms of a bell, without a clock.
 *
 * A setter opens the bell before its change if the word that it read has HASBELL. One that read the word before that
 * and is killed right after its change tells no listener. All that is known of such early ones: 100 ms after the bell's
 * time was written, none is left. So the model counts them, and lets the bell grow old only when the count is zero. */
mtype = { TIMELESS, YOUNG, OLD };
mtype bell = TIMELESS;
byte early_ones;

/* How whoever changes the word reads it first; it is an early one until it reads again, or is done, or dead. */
#define READ_AS_CHANGER STEP { \
    seen = word; \
    if \
    :: bell == TIMELESS && !early -> early = true; early_ones++ \
    :: bell != TIMELESS && early -> early = false; early_ones-- \
    :: else \
    fi }
#define CHANGER_IS_GONE STEP { if :: early -> early = false; early_ones-- :: else fi; seen = 0; hit = false }

/* The time is written after HASBELL is in: whoever reads the word after that time sees HASBELL. A maker that dies in
 * between leaves a bell without a time, which is young, and the next listener writes it. */
#define PUT_HASBELL   STEP { word = word | HASBELL }
#define WRITE_TIME    STEP { if :: bell == TIMELESS -> bell = YOUNG :: else fi }
#ifdef TIME_BEFORE_HASBELL
#define MAKE_BELL WRITE_TIME; MAY_DIE; PUT_HASBELL
#else
#define MAKE_BELL PUT_HASBELL; MAY_DIE; WRITE_TIME
#endif

/* Must a listener look once more when the bell is old? Asked before it arms: asked after it, an early one may have
 * died in between and the 100 ms be over. SLEEPERS does not tell: one setter may have dropped it while an early one,
 * that saw it, is still on its way. SLEPT does: it goes in with the first SLEEPERS and stays. */
#ifdef NO_SECOND_LOOK
#define ASK_AGE young = false
#else
#ifdef SECOND_LOOK_ONLY_IF_SLEEPERS
#define ASK_AGE STEP { young = (bell != OLD && (word & SLEEPERS)) }
#else
#define ASK_AGE STEP { young = (bell != OLD && (word & SLEPT)) }
#endif
#endif

/* The passing of the 100 ms. If nobody makes a bell it never comes, which is a valid end. */
active proctype Time()
{
end:
    STEP { bell == YOUNG && early_ones == 0 -> bell = OLD }
}
