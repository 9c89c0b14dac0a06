"""The event cases of CPython's multiprocessing tests: `run_multiprocessing_tests.py named|anonymous METHOD`.

METHOD is a start method, or "threads" (multiprocessing.dummy). An event case is one that makes an `Event`, by itself or
by way of a helper; everything else in a case stays multiprocessing's own.
"""

from __future__ import annotations

import inspect
import multiprocessing
import re
import sys
import unittest
from typing import Any

from event_kinds import FACTORIES, run
from test import _test_multiprocessing as theirs

#: Each event case that isn't run, and why. One that a newer CPython adds is run without being asked for.
LEFT_OUT = {
    "_TestEvent.test_repr": 'wants "<Event at 0x… set>"; ours says name, place, state and generation',
    "_TestBarrier.*": "with spawn and forkserver only: its Event lets helpers end, ten seconds' worth",
    "_TestPool.*": "its Event is threading.Event, by that name, for a thread of the pool",
    "every case with a manager": "asks a manager process for the manager's own event; a tocsin.Event needs none",
}

#: Helpers of theirs that make an event for the case that calls them.
HELPERS = re.compile(r"(?<!threading)\.Event\(|check_forkserver_death\(|run_threads\(|Bunch\(")

KIND, METHOD = sys.argv[1:3]
TYPE = "threads" if METHOD == "threads" else "processes"


def makes_an_event(case: Any) -> bool:
    return HELPERS.search(inspect.getsource(case)) is not None


def collect() -> list[tuple[type, list[str]]]:
    """Their classes, with our Event in place of multiprocessing's, and the cases of each to run."""
    mixin = {"threads": theirs.ThreadsMixin, "processes": theirs.ProcessesMixin}[TYPE]
    found = []
    for name, base in sorted(vars(theirs).items()):
        if not (isinstance(base, type) and issubclass(base, theirs.BaseTestCase)) or TYPE not in base.ALLOWED_TYPES:
            continue
        cases = [case for case in dir(base) if case.startswith("test") and makes_an_event(getattr(base, case))]
        cases = [case for case in cases if f"{name}.{case}" not in LEFT_OUT]
        if METHOD in ("spawn", "forkserver") and name == "_TestBarrier":
            continue
        if cases:
            ours = {"Event": staticmethod(FACTORIES[KIND]), "__module__": __name__, "__qualname__": name}
            found.append((type(name, (base, mixin, unittest.TestCase), ours), cases))
    return found


class SimpleQueueCases(unittest.TestCase):
    """The one event case outside those classes asks the multiprocessing package itself for its events."""

    test_empty = theirs.TestSimpleQueue.test_empty
    _test_empty = theirs.TestSimpleQueue.__dict__["_test_empty"]

    def setUp(self) -> None:
        self.addCleanup(setattr, multiprocessing, "Event", multiprocessing.Event)
        multiprocessing.Event = FACTORIES[KIND]  # type: ignore[method-assign, assignment]


# Here and not below: a child that is spawned imports this module to find the methods that it is to call.
COLLECTED = collect()
globals().update({kind.__name__: kind for kind, _ in COLLECTED})

if __name__ == "__main__":
    if TYPE == "processes":
        multiprocessing.set_start_method(METHOD, force=True)  # importing their module has chosen one
        COLLECTED.append((SimpleQueueCases, ["test_empty"]))
    run(unittest.TestSuite(kind(case) for kind, cases in COLLECTED for case in cases), LEFT_OUT)
