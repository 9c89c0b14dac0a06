"""The end of signals and data events: close, drop, unlink."""

from __future__ import annotations

import contextlib
import gc
import os
from typing import Any

import pytest
from harness.callers import LOOPS, RUN, Caller
from harness.moments import TITLES, count_of, value_of
from harness.places import descriptors, objects_at
from harness.until import age

import tocsin
from tocsin import DataEvent, ObjectRemoved, Signal


@pytest.mark.parametrize("caller_kind", ["thread", *LOOPS])
def test_close_ends_blocked_calls(caller_kind: str, handle: Any) -> None:
    local = Caller(caller_kind)
    waits = [local.asleep(handle, "wait") for _ in range(3)]
    handle.close()
    for wait in waits:
        with pytest.raises(ValueError, match="closed"):
            wait.result()


def test_every_call_after_close_is_a_value_error(handle: Any) -> None:
    handle.fileno()
    handle.close()
    handle.close()
    calls = [lambda: handle.signal(*value_of(handle)), handle.wait, lambda: handle.wait(0), handle.fileno, handle.stats]
    calls += [handle.unlink, lambda: count_of(handle), lambda: next(iter(handle))]
    if isinstance(handle, DataEvent):
        calls += [handle.latest, lambda: handle.latest(None)]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()
    for loop in LOOPS:
        for twin in (handle.wait_async, lambda: handle.signal_async(*value_of(handle))):
            with pytest.raises(ValueError, match="closed"):
                RUN[loop](twin)


def test_the_message_names_the_object(kind: type[Any], place: str) -> None:
    with kind() as anonymous:
        pass
    with pytest.raises(ValueError, match=f"the anonymous {TITLES[kind]} was closed: open a new handle"):
        anonymous.wait()


def test_a_dropped_handle_gives_everything_back(kind: type[Any], place: str) -> None:
    def use() -> None:
        for made in (kind("x", at=place), kind()):
            made.fileno()
            made.signal(*value_of(made))
            assert made.wait()
            RUN["asyncio"](lambda made=made: _wait_in_vain(made))

    use()
    gc.collect()  # what earlier tests left to the collector, too
    before = [target for target in descriptors() if not target.startswith("socket:")]
    for _ in range(20):
        use()
    gc.collect()
    assert [target for target in descriptors() if not target.startswith("socket:")] == before


async def _wait_in_vain(handle: Any) -> None:
    with contextlib.suppress(TimeoutError):
        await handle.wait_async(0.0001)


def test_unlink_releases_all_who_wait(caller: Caller, handle: Any) -> None:
    waits = [caller.asleep(handle, "wait") for _ in range(3)]
    handle.unlink()
    for wait in waits:
        with pytest.raises(ObjectRemoved, match="was removed"):
            wait.result()


def test_nothing_is_left_behind(kind: type[Any], place: str) -> None:
    with kind("x", at=place) as made:
        made.fileno()
        for size in (1, 100_000, 10, 300_000):
            made.signal(*([] if kind is Signal else ["v" * size]))
        tocsin.unlink("x", at=place)
        left = [name for name in objects_at(place) if not name.endswith(".owners")]  # the place's own
        assert left == []
        with pytest.raises(ObjectRemoved):
            made.signal(*value_of(made))
        with kind("x", at=place) as new:
            assert count_of(new) == 0


@pytest.mark.local("a server has no files")
def test_a_deleted_file_is_noticed(kind: type[Any], place: str) -> None:
    with kind("x", at=place) as made:
        os.unlink(made.path)
        age(1.2)
        with pytest.raises(ObjectRemoved):
            made.signal(*value_of(made))
        with pytest.raises(ObjectRemoved):
            made.wait(0)
