"""acquire, release, locked: threading.Lock's rules, between callers of every kind."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from harness.callers import LOOPS, RUN, Caller, InThread
from harness.child import Child
from harness.holder import Holder
from harness.until import until

from tocsin import Lock, ObjectRemoved

if TYPE_CHECKING:
    from pathlib import Path


def test_one_takes_it_and_others_do_not(caller: Caller, either_lock: Lock) -> None:
    assert not either_lock.locked()
    assert either_lock.acquire() is True
    assert either_lock.locked()
    assert caller.do(either_lock, "acquire", False) is False
    assert caller.do(either_lock, "acquire", timeout=0.01) is False
    assert caller.do(either_lock, "acquire", timeout=0) is False
    assert caller.do(either_lock, "locked") is True
    assert either_lock.release() is None
    assert not either_lock.locked()


def test_with(either_lock: Lock) -> None:
    with either_lock as held:
        assert held is either_lock
        assert either_lock.locked()
    assert not either_lock.locked()
    with pytest.raises(KeyError), either_lock:
        raise KeyError
    assert not either_lock.locked()
    assert either_lock.acquire(False), "it is not closed"


def test_a_release_lets_the_next_in(caller: Caller, either_lock: Lock) -> None:
    either_lock.acquire()
    wait = caller.asleep(either_lock, "acquire")
    either_lock.release()
    assert wait.result() is True


@pytest.mark.parametrize("timeout", [None, -1, -1.0, math.inf, 3600, 10**9])
def test_waits_for_ever(caller: Caller, lock: Lock, timeout: float | None) -> None:
    with Holder(lock) as holder:
        wait = caller.asleep(lock, "acquire", timeout=timeout)
        holder.do("release")
        assert wait.result() is True


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ((False, 1), "can't specify a timeout"),
        ((False, 0), "can't specify a timeout"),
        ((True, -2), "non-negative"),
        ((True, -math.inf), "non-negative"),
        ((True, math.nan), "NaN"),
    ],
)
@pytest.mark.parametrize("held", [False, True])
def test_arguments_as_threadings(args: tuple[object, ...], error: str, held: bool, lock: Lock) -> None:  # noqa: FBT001 - a parameter of the test
    if held:
        lock.acquire()
    with pytest.raises(ValueError, match=error):
        lock.acquire(*args)
    with pytest.raises(TypeError, match="a timeout is a number of seconds, or None, not str"):
        lock.acquire(timeout="5")
    for run in RUN.values():
        with pytest.raises(ValueError, match=error):
            run(lambda: lock.acquire_async(*args))
    assert lock.locked() is held
    if held:
        lock.release()


def test_without_waiting(either_lock: Lock) -> None:
    assert either_lock.acquire(False, -1)
    assert not either_lock.acquire(blocking=False)
    assert not either_lock.acquire(timeout=0)
    either_lock.release()
    assert either_lock.acquire(timeout=0)


def test_a_release_of_what_one_does_not_hold(caller: Caller, lock: Lock, place: str) -> None:
    with pytest.raises(RuntimeError, match="not held by this handle"):
        lock.release()
    other = Lock("x", at=place)
    lock.acquire()
    for handle in (other, caller):
        with pytest.raises(RuntimeError, match="not held by this handle"):
            other.release() if handle is other else caller.do(other, "release")
    assert lock.locked()
    lock.release()
    with pytest.raises(RuntimeError):
        lock.release()


def test_it_is_not_recursive_and_says_so(either_lock: Lock) -> None:
    either_lock.acquire()
    for timeout in (-1, None, 10):
        with pytest.raises(RuntimeError, match="not recursive"):
            either_lock.acquire(timeout=timeout)
    with pytest.raises(RuntimeError, match="not recursive"), either_lock:
        pass
    assert either_lock.acquire(False) is False
    assert either_lock.locked(), "what it holds it holds"
    either_lock.release()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_task_that_takes_it_twice_is_told(loop: str, either_lock: Lock) -> None:
    async def main() -> None:
        async with either_lock:
            with pytest.raises(RuntimeError, match="not recursive"):
                await either_lock.acquire_async()
            with pytest.raises(RuntimeError, match="not recursive"):
                either_lock.acquire()
        assert await either_lock.acquire_async()
        either_lock.release()

    RUN[loop](main)


def test_another_thread_waits_by_the_same_handle(either_lock: Lock) -> None:
    either_lock.acquire()
    wait = InThread(either_lock.acquire)
    wait.until_asleep()
    either_lock.release()
    assert wait.result() is True
    assert not either_lock.acquire(False)
    either_lock.release()  # whoever took it: this handle holds it


def test_another_thread_may_give_it_back(either_lock: Lock) -> None:
    either_lock.acquire()
    InThread(either_lock.release).result()
    assert either_lock.acquire(timeout=0), "and this one knows that it doesn't hold it"


def test_who_holds_it(caller: Caller, either_lock: Lock) -> None:
    import os

    assert either_lock.holder is None
    either_lock.acquire()
    for holder in (either_lock.holder, either_lock.stats().holder, caller.do(either_lock, "holder")):
        assert holder.pid == os.getpid()
        assert holder.alive
        assert holder.command
    either_lock.release()
    assert either_lock.holder is None
    with Holder(either_lock) as other:
        assert either_lock.holder.pid == other.pid


def test_those_who_wait_hear_of_unlink_and_the_holder_finishes(caller: Caller, lock: Lock, place: str) -> None:
    lock.acquire()
    other = Lock("x", at=place)
    wait = caller.asleep(other, "acquire")
    other.unlink()
    with pytest.raises(ObjectRemoved):
        wait.result()
    assert lock.release() is None
    with pytest.raises(ObjectRemoved):
        lock.acquire(False)
    with Lock("x", at=place) as anew:
        assert anew.locked()
    other.close()


def test_close_ends_those_who_wait(place: str) -> None:
    for kind in ("thread", *LOOPS):
        with Holder(Lock("x", at=place)):
            lock = Lock("x", at=place)
            caller = Caller(kind)
            waits = [caller.asleep(lock, "acquire") for _ in range(2)]
            lock.close()
            for wait in waits:
                with pytest.raises(ValueError, match="closed"):
                    wait.result()
            for call in (lock.acquire, lock.release, lock.locked, lock.stats):
                with pytest.raises(ValueError, match="closed"):
                    call()
            lock.close()
            caller.finish()


def test_nobody_is_inside_with_another(either_lock: Lock) -> None:
    inside = 0
    total = 0

    def work() -> None:
        nonlocal inside, total
        for _ in range(200):
            with either_lock:
                inside += 1
                assert inside == 1
                total += 1
                inside -= 1

    threads = [InThread(work) for _ in range(6)]
    for thread in threads:
        thread.result()
    assert total == 1200


def test_a_loop_that_locks_again_at_once_starves_nobody(lock: Lock, place: str) -> None:
    stop = threading.Event()

    def greedy() -> int:
        turns = 0
        while not stop.is_set():
            with lock:
                turns += 1
        return turns

    busy = InThread(greedy)
    until(lambda: lock.holder is not None, "it is taken")
    other = Lock("x", at=place)
    for _ in range(50):
        with other:
            pass
    stop.set()
    assert busy.result() > 0
    other.close()


def test_unrelated_processes_count_by_plain_additions(place: str, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_bytes(bytes(8))
    script = """
import mmap, struct
lock = tocsin.Lock("x", at=sys.argv[1])
with open(sys.argv[2], "r+b") as file:
    page = mmap.mmap(file.fileno(), 8)
say("ready")
hear()
for i in range(500):
    with lock:
        count = struct.unpack("q", page[:])[0]
        if i % 50 == 0:
            os.sched_yield()
        page[:] = struct.pack("q", count + 1)
"""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(Child(script, place, str(counter))) for _ in range(4)]
        for child in children:
            child.hear()
        for child in children:
            child.say()
        for child in children:
            child.check()
    assert int.from_bytes(counter.read_bytes(), sys.byteorder) == 4 * 500
