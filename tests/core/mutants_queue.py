"""Mutants of the queue that the simulation must catch, as in mutants.py."""

from __future__ import annotations

from mutants import Mutant

_CHANGE = "parts/change.c"
_LEASED = "if (claim_what(claim) == TOC_LEASED && toc_queue_is_one_of(dead, claim_whose(claim))) {"
_COMMIT = (
    "rc = toc_queue_commit(q, toc_queue_cbell(q, &before), how == QUEUE_RECEIVE ? TOC_WAKE_GUARD : TOC_WAKE_NONE);"
)

QUEUE_MUTANTS = {
    "commit_then_wake": Mutant(
        "a putter that is killed between the two leaves a sleeper beside an item",
        _CHANGE,
        "woken = sys_futex_add_wake(word, (int32_t)delta, count);",
        "woken = (sys_futex_add_wake(word, (int32_t)delta, 0), sys_futex_wake(word, count));",
        ":g p",
    ),
    "guard_never_put_in": Mutant(
        "who sleeps while an item is held never looks who died",
        "objects/queue_wait.c",
        "w = atom_or_acqrel(word, TOC_GUARD);",
        "w = atom_or_acqrel(word, 0);",
        "1:r r",
    ),
    "one_woken_without_guard": Mutant(
        "the one who was woken dies, and the other sleeps on",
        _CHANGE,
        "if (wake == TOC_WAKE_ONE && (w & TOC_GUARD)) {",
        "if (wake == TOC_WAKE_ONE) {",
        ":g g p",
    ),
    "leased_after_claim": Mutant(
        "a receiver that is killed before it counts its claim is not found",
        "objects/queue_take.c",
        _COMMIT,
        f"atom_store_rel(count, *count - 1);\n    {_COMMIT}\n    atom_store_rel(count, *count + 1);",
        "1:r r",
    ),
    "taken_over_without_asking": Mutant(
        "a holder that is stopped loses the lock",
        "parts/short_lock.c",
        "if (w && !toc_owner_lives(me, toc_short_holder(w)) && atom_cas",
        "if (w && atom_cas",
        ":s p",
    ),
    "counted_by_hand": Mutant(
        "what a killed burier had put back and not counted is never found",
        "objects/queue_claims.c",
        _LEASED,
        "if (dead && claim_what(claim) == TOC_READY && was.back == 0) {\n"
        "            at += toc_record_size(r->length);\n            continue;\n        }\n        " + _LEASED,
        "2:r r r",
    ),
    "room_unannounced": Mutant(
        "who comes to wait for room between the look and the commit is not rung",
        "objects/queue_state.c",
        "return TOC_CBELL; /* named all the same: it may come until the commit */",
        "return 0;",
        "f1:p g",
    ),
}
