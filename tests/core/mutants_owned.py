"""Mutants of ownership that the simulation must catch, as in mutants.py."""

from __future__ import annotations

from mutants import Mutant

_EVENT, _OWN, _HANDLE = "objects/event.c", "objects/event_own.c", "objects/handle.c"

OWNED_MUTANTS = {
    "hand_opened_late": Mutant(
        "an owner that is killed between claim and ring dies unheard",
        _OWN,
        "        rc = toc_bell_open(&e->h.o.bell, &ring); "
        "/* before the claim: from its first instant our death rings */\n"
        "        if (rc == 0)\n"
        "            rc = claim_it(e, me, &w);\n",
        "        rc = claim_it(e, me, &w);\n"
        "        if (rc == 0)\n"
        "            rc = toc_bell_open(&e->h.o.bell, &ring);\n",
        "O:w O",
    ),
    "hand_not_kept": Mutant(
        "an owner that lets go of the ring dies unheard",
        _OWN,
        "        toc_held_move_entered(&e->hand, ring);\n",
        "",
        ":w O",
    ),
    "owned_without_wake": Mutant(
        "who sleeps in the futex sleeps on, where no death reaches him",
        _OWN,
        "rc = sys_futex_or_wake(&head->word, TOC_OWNED);",
        "rc = (atom_or_acqrel(&head->word, TOC_OWNED), 0);",
        ":w O",
    ),
    "owned_sleeps_in_futex": Mutant(
        "waits for an owned event in the futex",
        _EVENT,
        "        if (w & TOC_OWNED) { /*",
        "        if (0) { /*",
        ":w O",
    ),
    "owned_dropped_by_lookers": Mutant(
        "takes the OWNED of a new owner for that of the past",
        _EVENT,
        "        if (w & TOC_OWNED) { /*",
        "        if ((w & TOC_OWNED) && !claim_fits(atom_load_acq(&e->h.o.head->claim), w)) {\n"
        "            atom_cas_acqrel(word, &w, w & ~TOC_OWNED);\n"
        "            continue;\n"
        "        }\n"
        "        if (w & TOC_OWNED) { /*",
        "O:w O",
    ),
    "judged_without_another_look": Mutant(
        "the owner has set, and only then died",
        _OWN,
        "    return claim_fits(claim, now) && atom_load_acq(&head->claim) == claim;\n",
        "    return (void)now, 1;\n",
        ":w O",
        "told of a death",
    ),
    "claim_of_the_living_taken": Mutant(
        "two own it",
        _OWN,
        "&& toc_owner_lives(me, claim_owner(claim)))\n            return -EBUSY;",
        "&& 0)\n            return -EBUSY;",
        ":Y Y",
        "both own it",
    ),
    "closed_handle_lives": Mutant(
        "the process lives on, the handle that made the promise is closed, and nobody is told",
        _OWN,
        "then = gone ? claim_gone(claim) : 0;",
        "then = gone ? claim : 0;",
        ":w E",
    ),
    "rung_before_gone": Mutant(
        "the ring comes before what it tells of",
        _OWN,
        "        atom_cas_acqrel(&e->h.o.head->claim, &claim, then); "
        "/* before the ring, or it would ring for nothing */\n",
        "        int hand = e->hand.fd;\n        (void)hand, toc_held_close_entered(&e->hand);\n"
        "        atom_cas_acqrel(&e->h.o.head->claim, &claim, then);\n",
        ":w E",
    ),
    "young_bell_trusted": Mutant(
        "a setter from before HASBELL dies without ringing, and the waiter has left the futex",
        _HANDLE,
        "    int64_t young = toc_bell_young(h->o.head);\n    return young ?",
        "    int64_t young = 0;\n    return young ?",
        ":w s Y",
    ),
    "judged_before_arming": Mutant(
        "an owner who dies between the look and the arming rings nobody",
        _HANDLE,
        "    if (rc == 0)\n        toc_ear_edge(&call->ear, 0); "
        "/* of the past; from here on: arm, judge, sleep, which consumes */\n",
        "    if (rc == 0 && done(h, atom_or_acqrel(&h->o.head->word, bit), since))\n        rc = 1;\n"
        "    if (rc == 0)\n        toc_ear_edge(&call->ear, 0),\n"
        "            rc = toc_ear_edge(&call->ear, toc_handle_sleep_until(h, deadline));\n"
        "    if (rc > 0)\n        rc = 0;\n",
        ":w O",
    ),
}
