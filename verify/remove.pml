/* remove.pml: unlink, as core/objects/removal.c does it. The mark goes in by an unconditional FUTEX_WAKE_OP, and once, so
 * the bell is always open before it, and made if there is none: a remover that had read the word before HASBELL and died
 * after the mark would tell nobody who listens. */
proctype Remove()
{
    short seen;
    bool hit, open, early;

    READ_AS_CHANGER;
#ifdef REMOVE_TRUSTS_HASBELL
    if :: seen & HASBELL -> OPEN :: else fi;
#else
    OPEN;
#endif
    MAY_DIE;
    STEP { word = word | REMOVED; WAKE_ALL };
    MAY_DIE;
    seen = word;
    if :: seen & (BELL | CBELL) -> OPEN :: else fi;
    MAY_DIE;
    CLOSE;
dead:
    skip;
    CLOSE_OF_THE_DEAD;
    CHANGER_IS_GONE
}
