"""A lock in event loops, under signals, and where a wait would stop a loop."""

from __future__ import annotations

import asyncio
import signal
import warnings

import anyio
import anyio.lowlevel
import pytest
import trio
from harness.callers import LOOPS, RUN, InThread
from harness.child import Child
from harness.holder import Holder

from tocsin import Lock


@pytest.mark.parametrize("loop", LOOPS)
def test_tasks_take_turns_by_one_handle_and_by_two(loop: str, lock: Lock, place: str) -> None:
    other = Lock("x", at=place)
    inside = turns = 0

    async def work(handle: Lock) -> None:
        nonlocal inside, turns
        for _ in range(20):
            async with handle:
                inside += 1
                assert inside == 1
                await anyio.lowlevel.checkpoint()
                turns += 1
                inside -= 1

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for i in range(6):
                group.start_soon(work, (lock, other)[i % 2])

    RUN[loop](main)
    assert turns == 120
    other.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_task_and_a_thread_take_turns(loop: str, lock: Lock) -> None:
    inside = 0

    def enter() -> None:
        nonlocal inside
        inside += 1
        assert inside == 1
        inside -= 1

    def thread() -> None:
        for _ in range(100):
            with lock:
                enter()

    async def main() -> None:
        for _ in range(100):
            async with lock:
                enter()

    busy = InThread(thread)
    RUN[loop](main)
    busy.result()


@pytest.mark.parametrize("loop", LOOPS)
def test_who_is_cancelled_does_not_hold_it(loop: str, lock: Lock, place: str) -> None:
    other = Lock("x", at=place)

    async def main() -> None:
        for i in range(30):
            other.acquire()
            async with anyio.create_task_group() as group:
                group.start_soon(lock.acquire_async)
                for _ in range(i % 4):
                    await anyio.lowlevel.checkpoint()
                if i % 2:
                    other.release()
                    for _ in range(i % 3):
                        await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            if lock._mine():  # it had it before it was cancelled
                lock.release()
            elif not i % 2:
                other.release()
            assert lock.acquire(False), "nobody has it"
            lock.release()

    RUN[loop](main)
    other.close()


def test_wait_for_and_move_on_leave_nothing_behind(lock: Lock, place: str) -> None:
    with Holder(Lock("x", at=place)):

        async def on_asyncio() -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(lock.acquire_async(), 0.02)

        async def on_trio() -> None:
            with trio.move_on_after(0.02) as scope:
                await lock.acquire_async()
            assert scope.cancelled_caught

        asyncio.run(on_asyncio())
        trio.run(on_trio)
        assert lock.stats().waiting_here == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_many_tasks(loop: str, lock: Lock) -> None:
    had: list[int] = []

    async def one(i: int) -> None:
        async with lock:
            had.append(i)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            await lock.acquire_async()
            for i in range(300):
                group.start_soon(one, i)
            await anyio.lowlevel.checkpoint()
            lock.release()

    RUN[loop](main)
    assert sorted(had) == list(range(300))


@pytest.mark.parametrize("loop", LOOPS)
def test_a_wait_that_would_stop_the_loop_warns(loop: str, lock: Lock, place: str) -> None:
    other = Lock("x", at=place)

    async def main() -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert lock.acquire()
            lock.release()
            assert caught == [], "it did not wait"
            other.acquire()
            assert not lock.acquire(False)
            assert caught == []
            assert not lock.acquire(timeout=0.01)
        assert [w.category for w in caught] == [RuntimeWarning]
        assert "acquire_async" in str(caught[0].message)
        assert caught[0].filename == __file__
        other.release()

    RUN[loop](main)
    other.close()


@pytest.mark.parametrize("timeout", ["-1", "3600"])
def test_a_handler_runs_at_once_and_the_wait_goes_on(timeout: str, lock: Lock, place: str) -> None:
    script = f"""
lock = tocsin.Lock("x", at=sys.argv[1])
signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
say("ready")
say(lock.acquire(timeout={timeout}))
lock.release()
"""
    lock.acquire()
    with Child(script, place) as child:
        child.hear()
        for _ in range(3):
            child.until_asleep()
            child.signal(signal.SIGUSR1)
            assert child.hear() == "handled"
        child.until_asleep()
        lock.release()
        assert child.hear() == "True"
        child.check()


def test_ctrl_c_ends_a_wait(lock: Lock, place: str) -> None:
    script = """
lock = tocsin.Lock("x", at=sys.argv[1])
say("ready")
try:
    lock.acquire()
except KeyboardInterrupt:
    say(lock._mine())
"""
    lock.acquire()
    with Child(script, place) as child:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGINT)
        assert child.hear() == "0"
        child.check()
