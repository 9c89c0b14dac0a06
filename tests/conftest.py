"""Fixtures for every family of tests, and the counts that campaigns report at the end of a run."""

from __future__ import annotations

import os
import resource
import signal

import pytest

# Where a test says nothing, nothing outside may either.
os.environ.pop("TOCSIN_AT", None)

from typing import TYPE_CHECKING

from harness.callers import KINDS, Caller
from harness.order import longest_first
from harness.places import fresh_place

from tocsin import Event

# A runner that was started in the background ignores SIGINT, and so would every child that is to die by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# So does nohup with SIGHUP, and a shell without job control with SIGQUIT.
for _ignored in (signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, signal.SIG_DFL)

# A process that took items and never called task_done stays somebody in their directory, which costs a descriptor;
# and this one process works in thousands of directories.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(_soft, min(_hard, 16384)), _hard))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_counts: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "prove: a campaign; `make prove` runs it in full, `make test` a slice of it")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("loadscopereorder", default=True):  # `make test`: xdist keeps the order that it finds
        longest_first(items)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "teardown":  # the one that has all of them, also when it comes from another process
        _counts.extend(text for key, text in report.user_properties if key == "tally")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _counts:
        terminalreporter.section("what the campaigns ran")
        for line in _counts:
            terminalreporter.write_line(line)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """`tally("2,000 pulses, 0 missed")` appears at the end of the run."""
    return lambda text: request.node.user_properties.append(("tally", f"{request.node.name}: {text}"))


@pytest.fixture
def place() -> Iterator[str]:
    """A directory that is this test's own, for `at=`."""
    with fresh_place() as directory:
        yield directory


@pytest.fixture
def event(place: str) -> Iterator[Event]:
    """A named event in a place of its own."""
    with Event("x", at=place) as made:
        yield made


@pytest.fixture(params=["named", "anonymous"])
def either(request: pytest.FixtureRequest, place: str) -> Iterator[Event]:
    """An event, once named and once anonymous."""
    with Event("x", at=place) if request.param == "named" else Event() as made:
        yield made


@pytest.fixture(params=KINDS)
def caller(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Who makes the calls: a thread, a task of each kind of loop, another process."""
    made = Caller(request.param)
    yield made
    made.finish()


@pytest.fixture
def thread() -> Iterator[Caller]:
    made = Caller("thread")
    yield made
    made.finish()
