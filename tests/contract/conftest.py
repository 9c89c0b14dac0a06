"""Fixtures of the contract that only some objects need."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import KINDS, Caller
from harness.loops import KINDS as LOOPS
from harness.loops import LoopThread
from harness.moments import KINDS as MOMENTS
from harness.places import fresh_place
from harness.servers import RedisServer

from tocsin import Lock, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator


#: The suite runs on a directory and on a server; what is about files, users or this host's memory says so, and why:
#: ``@pytest.mark.local("modes are the file system's")``, or ``pytestmark`` of a whole file.
ON_SERVERS = (
    "test_bus_", "test_data_", "test_event_", "test_lock_", "test_queue_", "test_signal_", "test_topic_", "test_wait_",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "local(why): what is tested is only so on this host")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "place" in metafunc.fixturenames:
        marks = [mark.args[0] for mark in metafunc.definition.iter_markers("local")]
        assert all(marks), "a test that is for this host alone says why"
        far = metafunc.module.__name__.rpartition(".")[2].startswith(ON_SERVERS) and not marks
        metafunc.parametrize("place", ["local", "server"] if far else ["local"], indirect=True, scope="function")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What has no name has no place: the anonymous ones of a pair need not run for each. And uvloop is asyncio's code
    of ours on another loop: on servers `make prove` runs it."""
    twice = [{"anonymous", "server"}]
    if os.environ.get("TOCSIN_PROVE") != "full":
        twice.append({"uvloop", "server"})
    items[:] = [item for item in items if not any(pair <= words(item) for pair in twice)]


def words(item: pytest.Item) -> set[str]:
    return set(item.name.rpartition("[")[2][:-1].split("-"))


@pytest.fixture(scope="session")
def server() -> Iterator[RedisServer]:
    """A redis-server for the tests of this process."""
    with RedisServer() as running:
        yield running


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    """A place that is this test's own, for `at=`: a directory, or a server."""
    if request.param == "server":
        yield request.getfixturevalue("server").url()
        return
    with fresh_place() as directory:
        yield directory


@pytest.fixture
def queue(place: str) -> Iterator[Queue[Any]]:
    """A named queue in a place of its own."""
    with Queue("q", at=place) as made:
        yield made


@pytest.fixture(params=["named", "anonymous"])
def either_queue(request: pytest.FixtureRequest, place: str) -> Iterator[Queue[Any]]:
    """A queue, once named and once anonymous."""
    with Queue("q", at=place) if request.param == "named" else Queue() as made:
        yield made


@pytest.fixture(params=[kind for kind in KINDS if kind != "process"])
def here(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Callers of this process, for what belongs to a handle: every process has one of its own."""
    made = Caller(request.param)
    yield made
    made.finish()


@pytest.fixture(params=MOMENTS)
def kind(request: pytest.FixtureRequest) -> type[Any]:
    """Signal, and DataEvent."""
    return MOMENTS[request.param]


@pytest.fixture(params=["named", "anonymous"])
def handle(request: pytest.FixtureRequest, kind: type[Any], place: str) -> Iterator[Any]:
    """One of that kind, once named and once anonymous."""
    with kind("x", at=place) if request.param == "named" else kind() as made:
        yield made


def _let_go(lock: Lock) -> None:
    if lock._mine():
        lock.release()
    lock.close()


@pytest.fixture
def lock(place: str) -> Iterator[Lock]:
    """A named lock in a place of its own."""
    made = Lock("x", at=place)
    yield made
    _let_go(made)


@pytest.fixture(params=["named", "anonymous"])
def either_lock(request: pytest.FixtureRequest, place: str) -> Iterator[Lock]:
    """A lock, once named and once anonymous."""
    made = Lock("x", at=place) if request.param == "named" else Lock()
    yield made
    _let_go(made)


@pytest.fixture(params=["dispatcher", *LOOPS])
def loop(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Where a bus's handlers run: None is the dispatcher."""
    if request.param == "dispatcher":
        yield None
        return
    with LoopThread(request.param) as running:
        yield running.loop


class Errors(list[Any]):
    """An `on_error` that notes what it is called with."""

    def __call__(self, *what: object) -> None:
        self.append(what)


@pytest.fixture
def errors() -> Errors:
    return Errors()
