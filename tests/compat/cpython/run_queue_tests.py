"""CPython's `test_queue` against tocsin.Queue: `run_queue_tests.py named|anonymous`."""

from __future__ import annotations

import itertools
import os
import sys
import unittest

from event_kinds import run
from test import test_queue as theirs

import tocsin

#: Each case that isn't run, and why. A case that a newer CPython adds is run without being asked for.
LEFT_OUT = {
    "QueueCases.test_shrinking_queue": "assigns to q.maxsize, which is fixed when a tocsin.Queue is made",
    "SimpleQueueCases.test_references": "puts an object that isn't JSON, and looks when it is freed",
    "LifoQueueTest": "tocsin has no such queue",
    "PriorityQueueTest": "tocsin has no such queue",
    "FailingQueueTest": "overrides queue.Queue's private _put and _get",
}

_serial = itertools.count()


def queue(maxsize: int = 0) -> tocsin.Queue[object]:
    name = None if sys.argv[1] == "anonymous" else f"case-{os.getpid()}-{next(_serial)}"
    return tocsin.Queue(name, maxsize=maxsize)


class Module:
    """In place of the module `queue`."""

    Queue = staticmethod(queue)
    Empty, Full, ShutDown = tocsin.Empty, tocsin.Full, tocsin.ShutDown


class QueueCases(theirs.QueueTest, unittest.TestCase):
    queue = Module


class SimpleQueueCases(theirs.BaseSimpleQueueTest, unittest.TestCase):
    queue = Module

    def setUp(self) -> None:
        self.type2test = queue
        super().setUp()


if __name__ == "__main__":
    loader = unittest.TestLoader()
    cases = [
        kind(name)
        for kind in (QueueCases, SimpleQueueCases)
        for name in loader.getTestCaseNames(kind)
        if f"{kind.__name__}.{name}" not in LEFT_OUT
    ]
    run(unittest.TestSuite(cases), LEFT_OUT)
