"""Which processes around which model, and what is done wrong in each mutant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A set of processes around one object, and perhaps one thing done wrong."""

    name: str
    model: str
    defines: dict[str, int]
    mutant: str = ""
    quick: bool = True

    def flags(self) -> list[str]:
        flags = [f"-D{name}={value}" for name, value in self.defines.items()]
        return flags + ([f"-D{self.mutant}"] if self.mutant else [])


def _event(waits: int = 0, listens: int = 0, filenos: int = 0, sets: int = 1, clearers: int = 1) -> dict[str, int]:
    return {"WAITS": waits, "LISTENS": listens, "FILENOS": filenos, "SETS": sets, "CLEARERS": clearers}


def _owned(**more: int) -> dict[str, int]:
    return {"WAITS": 1, "LISTENS": 0, **more}


SET = {"BEGINS_SET": 1}
GUARDED = {"BEGINS_GUARDED": 1}
ALL_LIVE = {"KILLS": 0}
#: The long ones are at the limit of the memory; the byte in the FIFO is in the quick ones.
NO_PENS = {"PENS": 0}

MODELS = [
    Case("two sleepers, two setters, a clearer", "event", _event(waits=2, sets=2)),
    Case("a listener, two setters, a clearer", "event", _event(listens=1, sets=2)),
    Case("a sleeper, a listener, a setter, a clearer", "event", _event(waits=1, listens=1)),
    Case("a sleeper, a fileno, a setter, a clearer", "event", _event(waits=1, filenos=1)),
    Case("a fileno, two setters, a clearer", "event", _event(filenos=1, sets=2)),
    Case("two listeners, a setter, a clearer", "event", _event(listens=2)),
    Case("a wait for a later set, two setters, a clearer", "event", _event(sets=2) | {"LATERS": 1}),
    Case("a wait for clear, a setter, two clearers", "event", _event(clearers=2) | {"CLEARLISTENS": 1} | SET),
    Case("a sleeper, a listener, a setter, a remover", "event", _event(1, 1, clearers=0) | {"REMOVES": 1}),
    Case(
        "a listener for clear and a fileno, a remover",
        "event",
        _event(filenos=1, sets=0) | {"CLEARLISTENS": 1, "REMOVES": 1} | SET,
    ),
    Case("a sleeper, a listener, two setters, a clearer", "event", _event(1, 1, sets=2) | NO_PENS, quick=False),
    Case("a sleeper, a fileno, two setters, a clearer", "event", _event(1, filenos=1, sets=2) | NO_PENS, quick=False),
    Case(
        "a listener, a fileno, two setters, a clearer",
        "event",
        _event(listens=1, filenos=1, sets=2) | NO_PENS,
        quick=False,
    ),
    Case("owned: a sleeper, a listener", "own", {"WAITS": 1, "LISTENS": 1}),
    Case("owned: a sleeper, two owners", "own", _owned(OWNERS=2)),
    Case("owned: a sleeper, a setter", "own", _owned(SETS=1)),
    Case("owned: a sleeper, a setter, a clearer", "own", _owned(SETS=1, CLEARERS=1), quick=False),
    Case("owned: two sleepers, a setter", "own", _owned(SETS=1) | {"WAITS": 2}, quick=False),
    Case("short lock: three, twice each", "short_lock", {"USERS": 3, "ROUNDS": 2}),
    Case("short lock: three, twice each, nobody dies", "short_lock", {"USERS": 3, "ROUNDS": 2} | ALL_LIVE),
    Case("short lock: four", "short_lock", {"USERS": 4}, quick=False),
    Case("lock: two, twice each", "lock", {"USERS": 2, "ROUNDS": 2}),
    Case("lock: three", "lock", {"USERS": 3}),
    Case("lock: two and one who tries", "lock", {"USERS": 3, "TRIES": 1}),
    Case("lock: three, twice each", "lock", {"USERS": 3, "ROUNDS": 2}, quick=False),
    Case("queue: two gets, a put", "commit", {"GETS": 2, "PUTS": 1} | GUARDED),
    Case("queue: a get, a receive, a put", "commit", {"GETS": 1, "RECEIVES": 1, "PUTS": 1} | GUARDED),
    Case("queue: a get, one in a loop, a put", "commit", {"GETS": 1, "LISTENS": 1, "PUTS": 1}),
    Case("queue: a get, a fileno, a put", "commit", {"GETS": 1, "FILENOS": 1, "PUTS": 1}),
    Case("queue: a get, two puts that wait for room", "commit", {"GETS": 1, "ROOMS": 2}),
    Case("queue: two gets, a put, nobody dies", "commit", {"GETS": 2, "PUTS": 1} | GUARDED | ALL_LIVE),
    Case("queue: two gets, two puts", "commit", {"GETS": 2, "PUTS": 2}, quick=False),
    Case("queue: two receives, a put", "commit", {"RECEIVES": 2, "PUTS": 1}, quick=False),
    Case("queue: a receive, one in a loop, a put", "commit", {"RECEIVES": 1, "LISTENS": 1, "PUTS": 1}, quick=False),
    Case("queue: two gets, two puts, nobody dies", "commit", {"GETS": 2, "PUTS": 2} | GUARDED | ALL_LIVE, quick=False),
    Case("wait_all: three that flicker twice", "wait_all", {"FLICKERS": 2}),
    Case("log: a put, two workers, two who bury", "log", {"PUTS": 1, "WORKS": 2, "BURIES": 2}),
    Case("log: two puts, a worker, a get, one who buries", "log", {"PUTS": 2, "WORKS": 1, "GETS": 1}),
    Case("log: two puts, two workers, one who buries", "log", {"PUTS": 2, "WORKS": 2}, quick=False),
    Case("topic: two emitters, twice each, and a reader", "topic", {"EMITTERS": 2}),
    Case("topic: two emitters, three times each, and a reader", "topic", {"EMITTERS": 2, "EMITS": 3}),
    Case("topic: three emitters, twice each, and a reader", "topic", {"EMITTERS": 3}, quick=False),
]

_EVENT = {
    "STORE_THEN_WAKE": _event(waits=2, sets=2),
    "BIT_ONLY_PULSE": _event(waits=2, sets=2),
    "LOOK_BEFORE_CONSUME": _event(listens=1, sets=2),
    "LOOK_AFTER_RMW": _event(filenos=1, sets=2),
    "NO_DEATH_RING": _event(listens=1, sets=2),
    "SILENT_PEN": _event(listens=2),
    "OPEN_AFTER_CHANGE": _event(waits=1, listens=1, sets=2),
    "BELL_CLEARED_UNCONDITIONALLY": _event(filenos=1, sets=2),
    "DROP_WITHOUT_SET": _event(filenos=1, sets=2),
    "ONE_BELL_BIT": _event(listens=1, sets=2) | {"CLEARLISTENS": 1},
    "NO_SECOND_LOOK": _event(waits=1, listens=1),
    "SECOND_LOOK_ONLY_IF_SLEEPERS": _event(waits=1, listens=1, sets=2) | NO_PENS,
    "AGE_AFTER_ARMING": _event(waits=1, listens=1),
    "TIME_BEFORE_HASBELL": _event(waits=1, listens=1),
    "LATER_TRUSTS_ITS_BELL": _event(sets=2) | {"LATERS": 1},
    "REMOVE_TRUSTS_HASBELL": _event(listens=1, clearers=0) | {"REMOVES": 1},
}
_OWN = {
    "OWNED_DROPPED_BY_LOOKERS": _owned(BEGINS_OWNED=1),
    "OWNED_WITHOUT_WAKE": _owned(),
    "OWNED_SLEEPS_IN_FUTEX": _owned(),
    "HAND_OPENED_LATE": _owned(BEGINS_OWNED=1),
    "HAND_NOT_KEPT": _owned(),
    "JUDGED_ONCE": _owned(),
    "JUDGED_BEFORE_CONSUMING": _owned(),
}
_SHORT_LOCK = {
    "TAKE_OVER_BY_STORE": {"USERS": 3},
    "REUSED_IDS": {"USERS": 3},
    "NO_TIMER": {"USERS": 3},
    "TAKES_UNCONTENDED": {"USERS": 3} | ALL_LIVE,
}
_LOCK = {
    "RING_NOT_KEPT": {"USERS": 2},
    "RING_BEFORE_LOCKS": {"USERS": 2},
    "JUDGE_BEFORE_ARM": {"USERS": 3},
    "BELL_READ_FIRST": {"USERS": 2},
    "NO_MILLISECOND": {"USERS": 3},
    "TAKE_OVER_BY_STORE": {"USERS": 3},
}
_QUEUE = {
    "STORE_THEN_WAKE": {"GETS": 1, "PUTS": 1},
    "ARM_AT_ANY_COUNT": {"GETS": 1, "PUTS": 1},
    "NO_GUARD": {"GETS": 2, "PUTS": 1},
    "GUARD_WAKES_ONE": {"GETS": 2, "PUTS": 1},
    "ANYONE_DROPS_GUARD": {"GETS": 2, "PUTS": 1} | GUARDED,
    "GUARD_IGNORES_CLAIMS": {"GETS": 1, "RECEIVES": 1, "PUTS": 1},
    "SLEEP_LONG_BESIDE_CLAIMS": {"GETS": 1, "RECEIVES": 1, "PUTS": 1},
    "MANY_FORGOTTEN": {"GETS": 2, "PUTS": 2} | GUARDED | ALL_LIVE,
    "WOKEN_LEAVES": {"GETS": 2, "PUTS": 1} | GUARDED | ALL_LIVE,
    "CANCEL_KEEPS_ITS_WAKE": {"GETS": 2, "PUTS": 1} | GUARDED | ALL_LIVE,
    "ARM_AFTER_LOOK": {"LISTENS": 1, "PUTS": 1},
    "OPEN_AFTER_COMMIT": {"LISTENS": 1, "PUTS": 1},
    "NO_SECOND_LOOK": {"GETS": 1, "FILENOS": 1, "PUTS": 1},
}
_LOG = {
    "STATE_IN_PLACE": {"PUTS": 2, "WORKS": 1, "BURIES": 0},
    "UNLINK_BEFORE_COMMIT": {"PUTS": 1, "WORKS": 2},
    "CREATES_EXCLUSIVELY": {"PUTS": 1, "WORKS": 1, "BURIES": 0},
    "DROPS_FORGOTTEN": {"PUTS": 1, "WORKS": 1, "BURIES": 0},
    "BACK_ALONE_COUNTED": {"PUTS": 2, "WORKS": 2},
    "COUNTS_ADDED_UP": {"PUTS": 1, "WORKS": 2},
    "ENTRY_DROPPED_EARLY": {"PUTS": 1, "WORKS": 1},
    "LEASED_AFTER_CLAIM": {"PUTS": 1, "WORKS": 1},
}
_TOPIC = {
    "RAISES_AFTER_THE_COMMIT_ONLY": {"EMITTERS": 2},
    "TRUSTS_THE_COPY": {"EMITTERS": 2},
    "REUSES_AT_ONCE": {"EMITTERS": 2},
}
_FLICKERS = {"FLICKERS": 2}
_WAIT_ALL = {
    "SINGLE_COLLECT": _FLICKERS,
    "TICKETS_NOT_COMPARED": _FLICKERS,
    "FIRST_IS_SPARED": _FLICKERS,
    "ARM_AFTER_LOOK": _FLICKERS,
}
#: Caught all the same, but only after a minute.
_LONG = {"SECOND_LOOK_ONLY_IF_SLEEPERS"}


def _mutants(prefix: str, model: str, those: dict[str, dict[str, int]]) -> list[Case]:
    return [
        Case(prefix + mutant.lower().replace("_", " "), model, defines, mutant, quick=mutant not in _LONG)
        for mutant, defines in those.items()
    ]


MUTANTS = [
    *_mutants("", "event", _EVENT),
    *_mutants("owned: ", "own", _OWN),
    *_mutants("short lock: ", "short_lock", _SHORT_LOCK),
    *_mutants("lock: ", "lock", _LOCK),
    *_mutants("queue: ", "commit", _QUEUE),
    *_mutants("log: ", "log", _LOG),
    *_mutants("topic: ", "topic", _TOPIC),
    *_mutants("wait_all: ", "wait_all", _WAIT_ALL),
]
