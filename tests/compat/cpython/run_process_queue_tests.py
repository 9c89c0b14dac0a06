"""CPython's `multiprocessing` queue cases against tocsin.Queue: `run_process_queue_tests.py named|anonymous METHOD`."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import sys
import unittest
from typing import Any

from event_kinds import run
from test import _test_multiprocessing as theirs

from tocsin import Queue

#: Each case that isn't run, and why. One that a newer CPython adds is run without being asked for.
LEFT_OUT = {
    "_TestQueue.test_queue_feeder_donot_stop_onexc": "puts what can't be pickled, for a feeder thread that ours hasn't",
    "_TestQueue.test_queue_feeder_on_queue_feeder_error": "overrides the feeder thread's private hook; ours has none",
    "_TestQueue.test_no_import_lock_contention": "writes a module that uses multiprocessing.Queue by its name",
}

KIND, METHOD = sys.argv[1:3]
_serial = itertools.count()


def queue(maxsize: int = 0) -> Queue[Any]:
    name = None if KIND == "anonymous" else f"case-{os.getpid()}-{next(_serial)}"
    return Queue(name, maxsize=maxsize)


class _TestQueue(theirs._TestQueue, theirs.ProcessesMixin, unittest.TestCase):
    TYPE = "processes"
    Queue = staticmethod(queue)
    JoinableQueue = staticmethod(queue)


if __name__ == "__main__":
    multiprocessing.set_start_method(METHOD, force=True)
    names = unittest.TestLoader().getTestCaseNames(_TestQueue)
    run(unittest.TestSuite(_TestQueue(name) for name in names if f"_TestQueue.{name}" not in LEFT_OUT), LEFT_OUT)
