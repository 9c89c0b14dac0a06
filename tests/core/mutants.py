"""Mutants of the core that the simulation must catch: what each gets wrong, and who suffers from it."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    why: str
    file: str
    old: str
    new: str
    scenario: str
    fault: str = "lost wake-up"


_EVENT, _HANDLE, _LISTEN = "objects/event.c", "objects/handle.c", "objects/handle_listen.c"
_BELL, _SIGNAL = "parts/bell.c", "objects/signal.c"

MUTANTS = {
    "store_then_wake": Mutant(
        "a setter that is killed between the two leaves everyone asleep",
        _EVENT,
        "int rc = sys_futex_or_wake(word, TOC_SET);",
        "int rc = (atom_or_acqrel(word, TOC_SET), sys_futex_wake_mask(word, ~0u));",
        ":w s",
    ),
    "bell_dropped_always": Mutant(
        "a BELL that came in after the ring is dropped with the others",
        _EVENT,
        "atom_cas_acqrel(word, &w, w & ~(TOC_SLEEPERS | TOC_BELL | TOC_OWNED));",
        "while (!atom_cas_acqrel(word, &w, w & ~(TOC_SLEEPERS | TOC_BELL | TOC_OWNED))) {}",
        "bL:s k a",
    ),
    "look_after_arming": Mutant(
        "judges by a later load: SET came and went, and took BELL along",
        _LISTEN,
        "        w = atom_or_acqrel(word, TOC_BELL);",
        "        w = (atom_or_acqrel(word, TOC_BELL), atom_load_acq(word));",
        "bL:i p",
    ),
    "arm_then_consume": Mutant(
        "eats the edge of a ring that came after the look",
        _HANDLE,
        "        uint64_t w = atom_or_acqrel(&h->o.head->word, bit);\n",
        "        uint64_t w = atom_or_acqrel(&h->o.head->word, bit);\n        toc_ear_edge(&call->ear, 0);\n",
        "1:c k",
    ),
    "bell_opened_late": Mutant(
        "no death ring: the bell is opened after the change",
        _EVENT,
        "if ((w & (TOC_HASBELL | TOC_BELL)) && ring.fd < 0) {",
        "if (0) {",
        "b:f s",
    ),
    "clear_without_death_ring": Mutant(
        "a clearer that is killed after its change has told nobody",
        _EVENT,
        "if (rc == 0 && (w & TOC_SET) && (w & TOC_CBELL) && ring.fd < 0)",
        "if (0)",
        "b1:c k",
    ),
    "one_bit_for_both": Mutant(
        "a clearer drops the bit of those who listen for a set",
        _EVENT,
        "atom_cas_acqrel(word, &after, after & ~TOC_CBELL);",
        "atom_cas_acqrel(word, &after, after & ~(TOC_CBELL | TOC_BELL));",
        "bL1:c k f",
    ),
    "no_second_look": Mutant(
        "a young bell is trusted: a setter from before HASBELL dies without ringing",
        _BELL,
        "if (!(atom_load_acq(&head->word) & TOC_SLEPT))",
        "if (1)",
        ":w s f",
    ),
    "second_look_by_sleepers": Mutant(
        "SLEEPERS is no guide: another setter has dropped it meanwhile",
        _BELL,
        "if (!(atom_load_acq(&head->word) & TOC_SLEPT))",
        "if (!(atom_load_acq(&head->word) & TOC_SLEEPERS))",
        ":w s p f",
    ),
    "pulse_by_bit": Mutant(
        "looks at SET alone, and misses a pulse",
        "parts/word.h",
        "return word_generation(w) > since;",
        "return (void)since, (w & TOC_SET);",
        ":w p",
    ),
    "sleep_without_value": Mutant(
        "sleeps whatever the word is: the futex exists to prevent that",
        _EVENT,
        "rc = sys_futex_wait(word, (uint32_t)w,",
        "rc = sys_futex_wait(word, (uint32_t)atom_load_acq(word),",
        ":w s",
    ),
    "removal_without_bell": Mutant(
        "opens no bell before the mark, so its death rings none",
        "objects/removal.c",
        "int rc = toc_bell_open(&b, &ring);",
        "int rc = b.anonymous ? 0 : 0;",
        "b:f u",
    ),
    "removal_makes_no_bell": Mutant(
        "rings the bell that is there; a listener makes it a moment later",
        "objects/removal.c",
        "int rc = toc_bell_open(&b, &ring);",
        "int rc = toc_held_ear(&ring, b.path, b.anonymous);\n    if (rc == -ENOENT)\n        rc = 0;",
        ":f u",
    ),
    "ring_before_change": Mutant(
        "closes the bell, which is the ring, before the change",
        _EVENT,
        '        TOC_STEP("event.set.before_change");\n',
        "        toc_held_close(&ring);\n",
        "b:f s",
    ),
    "close_counts_late": Mutant(
        "a thread that is just falling asleep is not seen by close",
        _EVENT,
        "        rc = toc_handle_verdict(&e->h, w);\n        if (rc == 0)\n            rc = sys_futex_wait",
        "            rc = sys_futex_wait",
        "b:wx",
    ),
    "edge_not_raised_again": Mutant(
        "consumes the edge of a set event, and nobody polls it readable any more",
        _LISTEN,
        "            toc_ear_again(h->own);\n",
        "            {}\n",
        "1:i",
    ),
    "signal_bell_opened_late": Mutant(
        "no death ring: a signaller that is killed after its count has told nobody",
        _SIGNAL,
        "if (rc == 0 && (w & TOC_BELL) && ring.fd < 0)",
        "if (0)",
        "~b:w s",
    ),
    "signal_drops_bell_again": Mutant(
        "drops the bit of a listener who armed after the count",
        _SIGNAL,
        "toc_held_close(&ring); /* this is the ring */",
        "toc_held_close(&ring), w = after | TOC_BELL, atom_cas_acqrel(word, &w, after);",
        "~b:ww S",
    ),
    "signal_judged_before_arming": Mutant(
        "a signal that comes between the look and the arming rings nobody",
        _HANDLE,
        "        uint64_t w = atom_or_acqrel(&h->o.head->word, bit);\n",
        "        uint64_t w = atom_load_acq(&h->o.head->word);\n        atom_or_acqrel(&h->o.head->word, bit);\n",
        "~b:w s",
    ),
    "close_wakes_no_idle_ear": Mutant(
        "the call that uses the handle's idle ear is not woken",
        _HANDLE,
        "        toc_ear_again(&h->idle.ear);\n",
        "        {}\n",
        "~:wx",
    ),
    "cancel_wakes_nobody": Mutant(
        "those who sleep already are not told",
        _HANDLE,
        "    wake_own(h);\n    if (atom_load_relax(&h->listening))\n",
        "    if (atom_load_relax(&h->listening))\n",
        "~:wz",
    ),
}
