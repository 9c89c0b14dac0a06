"""CPython's own tests of events and queues, run in processes of their own: named objects, and anonymous ones."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent

#: What every supported CPython has; a newer one may have more, and those run too.
LOCK_TESTS = {"test_is_set", "test_notify", "test_set_and_clear", "test_timeout"}
PROCESS_TESTS = {
    "_TestEvent.test_event",
    "_TestProcess.test_child_fd_inflation",
    "_TestProcess.test_error_on_stdio_flush_1",
    "_TestProcess.test_error_on_stdio_flush_2",
    "_TestProcess.test_forkserver_sigint",
    "_TestProcess.test_forkserver_sigkill",
    "_TestProcess.test_process",
    "_TestProcess.test_sentinel",
    "_TestProcess.test_wait_for_threads",
    "_TestQueue.test_get",
    "_TestQueue.test_put",
    "SimpleQueueCases.test_empty",
}
#: With Python 3.13 come those of shutdown.
QUEUE_TESTS = {
    "QueueCases.test_basic",
    "QueueCases.test_negative_timeout_raises_exception",
    "QueueCases.test_nowait",
    "QueueCases.test_queue_join",
    "QueueCases.test_queue_task_done",
    "SimpleQueueCases.test_basic",
    "SimpleQueueCases.test_many_threads",
    "SimpleQueueCases.test_many_threads_nonblock",
    "SimpleQueueCases.test_many_threads_timeout",
    "SimpleQueueCases.test_negative_timeout_raises_exception",
    "SimpleQueueCases.test_order",
}
SHUTDOWN_TESTS = {"QueueCases.test_shutdown_immediate_join", "QueueCases.test_shutdown_all_methods_in_many_threads"}
PROCESS_QUEUE_TESTS = {
    f"_TestQueue.{name}"
    for name in ("test_fork", "test_get", "test_put", "test_qsize", "test_task_done", "test_timeout")
}
#: Their own words for what they don't run: by start method, or with threads.
THEIR_SKIPS = "test not appropriate for"


def cases(script: str, *arguments: str) -> dict[str, Any]:
    for module in ("test.lock_tests", "test._test_multiprocessing", "test.test_queue"):
        try:
            found = importlib.util.find_spec(module)
        except ImportError:
            found = None
        if found is None:
            pytest.skip(f"this Python came without {module}: some systems pack it apart (Debian: libpython3-testsuite)")
    child = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / script), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        timeout=200,
    )
    assert child.returncode == 0, child.stderr
    report: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    assert report["failed"] == [], child.stderr
    readme = (HERE / "README.md").read_text()
    for left_out, why in report["left_out"].items():
        assert left_out in readme, "a case that is left out is listed with its reason"
        assert why
    return report


@pytest.mark.parametrize("kind", ["named", "anonymous"])
def test_lock_tests(kind: str, tally: Callable[[str], None]) -> None:
    report = cases("run_lock_tests.py", kind)
    ran = {case.rpartition(".")[2] for case in report["cases"]}
    assert ran >= LOCK_TESTS
    assert report["skipped"] == {}
    tally(f"{len(ran)} of CPython's lock_tests.EventTests, {len(report['left_out'])} left out by name")


@pytest.mark.parametrize("kind", ["named", "anonymous"])
def test_queue_tests(kind: str, tally: Callable[[str], None]) -> None:
    report = cases("run_queue_tests.py", kind)
    wanted = QUEUE_TESTS | (SHUTDOWN_TESTS if sys.version_info >= (3, 13) else set())
    assert set(report["cases"]) >= wanted
    assert report["skipped"] == {}
    tally(f"{len(report['cases'])} of CPython's test_queue")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("kind", "method"), [("named", "fork"), ("anonymous", "fork"), ("anonymous", "spawn"), ("named", "forkserver")]
)
def test_process_queue_tests(kind: str, method: str, tally: Callable[[str], None]) -> None:
    report = cases("run_process_queue_tests.py", kind, method)
    assert set(report["cases"]) >= PROCESS_QUEUE_TESTS
    assert report["skipped"] == {}
    tally(f"{len(report['cases'])} of CPython's multiprocessing tests of queues, {method}")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("method", [*multiprocessing.get_all_start_methods(), "threads"])
@pytest.mark.parametrize("kind", ["named", "anonymous"])
def test_multiprocessing_tests(kind: str, method: str, tally: Callable[[str], None]) -> None:
    report = cases("run_multiprocessing_tests.py", kind, method)
    ran = set(report["cases"]) - set(report["skipped"])
    assert set(report["cases"]) >= (PROCESS_TESTS if method != "threads" else {"_TestQueue.test_get"})
    assert ran >= {"_TestEvent.test_event", "_TestQueue.test_put"}
    assert ("_TestBarrier.test_barrier" in ran) is (method in ("fork", "threads"))
    assert [why for why in report["skipped"].values() if THEIR_SKIPS not in why] == []
    tally(f"{len(ran)} event cases of CPython's multiprocessing tests, {len(report['skipped'])} not for {method}")
