"""Iterating over changes, the descriptor, and a handler's life: fork, pickle, close, stats."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import select
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN, InThread
from harness.places import descriptors
from harness.until import until

from tocsin import Event, Watchpoint, WatchpointHandler

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def handler(place: str) -> Iterator[WatchpointHandler]:
    points = [Watchpoint("a", f"{place}/x/y"), Watchpoint("b", place), Watchpoint(3, place, "c")]
    with WatchpointHandler(points) as made:
        yield made


def test_each_change_once_and_each_iterator_hears_all(handler: WatchpointHandler, place: str) -> None:
    one, two = handler.changes(), handler.changes()
    os.makedirs(f"{place}/x/y/a.watch")
    assert next(one) == ("a", True)
    shutil.rmtree(f"{place}/x")
    assert next(one) == ("a", False)
    os.mkdir(f"{place}/b.watch")
    assert one.look() == [("b", True)]
    assert one.look() == []
    assert two.look() == [("b", True)], "what came and went between two looks"


def test_replay(handler: WatchpointHandler) -> None:
    handler.create("b")
    assert handler.changes().look() == []
    assert handler.changes(replay=True).look() == [("b", True)]


def test_an_iterator_that_sleeps(handler: WatchpointHandler, place: str) -> None:
    changes = handler.changes()
    step = InThread(lambda: next(changes))
    step.until_asleep()
    os.mkdir(f"{place}/noise")
    step.until_asleep()
    handler.create(3)
    assert step.result() == (3, True)


@pytest.mark.parametrize("loop", LOOPS)
def test_async_iteration_and_cancel(handler: WatchpointHandler, loop: str) -> None:
    changes = handler.changes()
    heard: list[Any] = []

    async def main() -> None:
        async for change in changes:
            heard.extend([change])

    running = InThread(lambda: RUN[loop](main))
    for call, present in ((handler.create, True), (handler.remove, False)):
        running.until_asleep()
        call("a")
        until(lambda want=present: heard[-1:] == [("a", want)], "the change is heard")
    running.until_asleep()
    changes.cancel()
    running.result()
    handler.create("b")
    assert list(changes) == []
    assert changes.look() == []
    assert heard == [("a", True), ("a", False)]


def test_cancel_wakes_a_thread_and_nobody_else(handler: WatchpointHandler) -> None:
    mine, other = handler.changes(), handler.changes()
    steps = [InThread(lambda: list(mine)), InThread(lambda: next(other))]
    for step in steps:
        step.until_asleep()
    mine.cancel()
    assert steps[0].result() == []
    steps[1].until_asleep()
    handler.create("b")
    assert steps[1].result() == ("b", True)


def test_a_step_that_fails_is_not_the_end(place: str) -> None:
    with WatchpointHandler([Watchpoint("a", f"{place}/x")]) as handler:
        changes = handler.changes()
        handler.create("a")
        shutil.rmtree(f"{place}/x")
        open(f"{place}/x", "w").close()
        assert changes.look() == []
        os.unlink(f"{place}/x")
        step = InThread(lambda: next(changes))
        step.until_asleep()
        os.makedirs(f"{place}/x/a.watch")
        assert step.result() == ("a", True)


def readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


def quiet(handler: WatchpointHandler, fd: int) -> None:
    """Nothing is to be told. Where a file system tells nothing, it is time for a look now and then, and that shows."""
    until(lambda: not handler._is_ready() and not readable(fd), "a look leaves it unreadable")


def test_the_descriptor_is_readable_while_there_is_something_to_tell(handler: WatchpointHandler, place: str) -> None:
    changes, fd = handler.changes(), handler.fileno()
    assert fd == handler.fileno()
    quiet(handler, fd)
    os.mkdir(f"{place}/b.watch")
    assert select.select([fd], [], [], 60)[0]
    assert readable(fd)
    assert not handler.exists("a")
    assert readable(fd), "b was not told yet"
    assert handler.exists("b")
    quiet(handler, fd)
    os.mkdir(f"{place}/c.watch")
    assert readable(fd)
    assert changes.look() == [("b", True), (3, True)]
    quiet(handler, fd)
    handler.remove("b")
    quiet(handler, fd)  # nobody is told of his own doing


def test_what_came_before_the_descriptor_counts(handler: WatchpointHandler, place: str) -> None:
    os.mkdir(f"{place}/b.watch")
    assert readable(handler.fileno())
    assert handler.wait("b")
    quiet(handler, handler.fileno())


def test_ready_for_a_wait_over_many(handler: WatchpointHandler, place: str) -> None:
    assert not handler._is_ready()
    os.mkdir(f"{place}/b.watch")
    assert handler._is_ready()
    assert handler._is_ready(), "it consumes nothing"
    assert handler.wait_any() == ["b"]
    assert not handler._is_ready()


def test_a_thread_that_looks_robs_nobody(handler: WatchpointHandler, place: str) -> None:
    """An event can be read once; whoever reads it tells the others."""
    done = threading.Event()
    waits = [InThread(lambda: handler.wait("a")) for _ in range(4)]
    for wait in waits:
        wait.until_asleep()

    def look() -> None:
        changes = handler.changes()
        while not done.is_set():
            changes.look()

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(50):
            os.makedirs(f"{place}/x/y/a.watch")
            assert [wait.result() for wait in waits] == [True] * 4
            waits = [InThread(lambda: handler.wait_removed("a")) for _ in range(4)]
            shutil.rmtree(f"{place}/x")
            assert [wait.result() for wait in waits] == [True] * 4
            waits = [InThread(lambda: handler.wait("a")) for _ in range(4)]
        handler.create("a")
        assert [wait.result() for wait in waits] == [True] * 4
    finally:
        done.set()
        looker.join()


# -- life


@pytest.mark.parametrize("loop", LOOPS)
def test_a_cancelled_task_leaves_nothing(handler: WatchpointHandler, loop: str) -> None:
    async def asyncio_main() -> None:
        tasks = [asyncio.ensure_future(handler.wait_async("a")) for _ in range(20)]
        while handler.stats().waiting_here < 20:  # noqa: ASYNC110 - nothing tells that somebody waits
            await asyncio.sleep(0)  # a turn of the loop
        for task in tasks:
            task.cancel()
        assert all(isinstance(e, asyncio.CancelledError) for e in await asyncio.gather(*tasks, return_exceptions=True))

    async def trio_main() -> None:
        import trio

        with trio.move_on_after(0.01):
            await handler.wait_async("a")

    RUN[loop](trio_main if loop == "trio" else asyncio_main)
    assert handler.stats().waiting_here == 0
    handler.create("a")
    assert RUN[loop](lambda: handler.wait_async("a"))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_its_own_ears(handler: WatchpointHandler, place: str) -> None:
    changes = handler.changes()
    parents_fd = handler.fileno()
    wait = InThread(lambda: handler.wait("a"))
    wait.until_asleep()
    with Event("forked", at=place) as forked, Event("go", at=place) as go:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                sound = handler.stats().watches == 0 and handler.stats().waiting_here == 0
                sound = sound and not any("inotify" in target for target in descriptors())
                forked.set()
                go.wait()
                sound = sound and handler.wait("a", 60) and changes.look() == [("a", True)]
                code = 0 if sound else 2
            finally:
                os._exit(code)
        forked.wait()
        handler.create("a")
        assert wait.result() is True
        go.set()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert changes.look() == [("a", True)]
    os.mkdir(f"{place}/b.watch")
    assert readable(parents_fd)


def test_a_copy_opens_its_own(handler: WatchpointHandler) -> None:
    with pickle.loads(pickle.dumps(handler)) as copy:
        changes = handler.changes()
        assert copy.create("a")
        assert next(changes) == ("a", True)
        assert copy.watchpoints[2].name == "c"


CALLS = ("create", "remove", "exists", "wait", "wait_removed")


def test_after_close(handler: WatchpointHandler) -> None:
    changes = handler.changes()
    gc.collect()  # what earlier tests left
    before = len(os.listdir("/proc/self/fd"))
    handler.fileno()
    handler.close()
    handler.close()
    assert len(os.listdir("/proc/self/fd")) < before
    for what in CALLS:
        with pytest.raises(ValueError, match="was closed"):
            getattr(handler, what)("a")
    for what in ("wait_any", "wait_all", "fileno", "stats", "changes"):
        with pytest.raises(ValueError, match="was closed"):
            getattr(handler, what)()
    for step in (lambda: next(changes), changes.look):
        with pytest.raises(ValueError, match="was closed"):
            step()


def test_nothing_is_left_open(place: str) -> None:
    gc.collect()  # what earlier tests left
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        handler = WatchpointHandler([Watchpoint("a", place)])
        handler.fileno()
        handler.wait("a", 0.001)
        handler.changes().look()
        del handler
    assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.parametrize("loop", LOOPS)
def test_a_blocking_wait_in_a_loop_is_warned_of(handler: WatchpointHandler, loop: str) -> None:
    async def main() -> None:
        with pytest.warns(RuntimeWarning, match="wait_async") as caught:
            handler.wait("a", 0.001)
        assert caught[0].filename == __file__

    RUN[loop](main)


def test_a_look_over_many_leaves_the_descriptor_as_it_judges(handler: WatchpointHandler, place: str) -> None:
    """A loop that watches the descriptor by level must not spin on what is none of its business."""
    fd = handler.fileno()
    os.mkdir(f"{place}/noise")
    assert not handler._is_ready()
    quiet(handler, fd)
    os.mkdir(f"{place}/b.watch")
    assert handler._is_ready()
    assert readable(fd)


def test_among_others_in_a_wait_for_any(handler: WatchpointHandler, place: str) -> None:
    from tocsin import wait_any

    with Event("e", at=place) as event:
        wait = InThread(lambda: wait_any(event, handler))
        wait.until_asleep()
        os.mkdir(f"{place}/noise")
        wait.until_asleep()
        os.makedirs(f"{place}/x/y/a.watch")
        assert wait.result() == [handler]
        assert wait_any(handler, timeout=0) == [handler]
        assert handler.exists("a")
        assert wait_any(handler, event, timeout=0) == []
