/* word.pml: an event's word, laid out as in core/parts/word.h; only its count of clears is short. OWNED is not modelled. */
#define SET       1
#define SLEEPERS  2
#define BELL      4
#ifdef ONE_BELL_BIT
#define CBELL     4                    /* mutant: a setter drops the bit that a listener for clear needs */
#else
#define CBELL     8
#endif
#define REMOVED  16
#define HASBELL  64
#define SLEPT   128
#define CLEAR1  256                    /* one in the count of clears */
#define CLEARS(w) ((w) >> 8)
#define GENERATION(w) (CLEARS(w) + ((w) & SET))
#define WITHOUT(w, bits) ((w) & (32767 - (bits)))
