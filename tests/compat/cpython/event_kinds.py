"""The two kinds of event that CPython's cases are run with, and how a run is reported."""

from __future__ import annotations

import itertools
import json
import os
import sys
import unittest
from typing import TYPE_CHECKING

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Callable

_serial = itertools.count()


def named() -> Event:
    """A new event with a name of its own, in the place that TOCSIN_AT says."""
    return Event(f"case-{os.getpid()}-{next(_serial)}")


FACTORIES: dict[str, Callable[[], Event]] = {"named": named, "anonymous": Event}


def run(suite: unittest.TestSuite, left_out: dict[str, str]) -> None:
    """Run it, and print one line of JSON for the test that started this process."""
    cases = [case.id().removeprefix("__main__.") for case in suite]
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(suite)
    failed = [case.id() for case, _ in result.failures + result.errors] + [c.id() for c in result.unexpectedSuccesses]
    skipped = {case.id().removeprefix("__main__."): reason for case, reason in result.skipped}
    print(json.dumps({"cases": cases, "failed": failed, "skipped": skipped, "left_out": left_out}))
