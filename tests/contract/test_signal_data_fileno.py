"""The descriptor of a signal and of a data event: readable while there is something that this handle has not had."""

from __future__ import annotations

import asyncio
import os
import select
import selectors
from typing import Any

import pytest
import trio
from harness.callers import RUN, Caller

from tocsin import Signal


def send(handle: Any) -> None:
    handle.signal() if isinstance(handle, Signal) else handle.signal("value")


def take(handle: Any) -> object:
    """A look: what a wait finds now, falsy if nothing."""
    if isinstance(handle, Signal):
        return handle.wait(0)
    try:
        return handle.wait(0)
    except TimeoutError:
        return None


def readable(fd: int, timeout: float = 0) -> bool:
    return bool(select.select([fd], [], [], timeout)[0])


def test_readable_while_there_is_something_to_take(handle: Any) -> None:
    fd = handle.fileno()
    assert handle.fileno() == fd
    assert not readable(fd)
    for _ in range(3):
        send(handle)
        send(handle)
        assert readable(fd)
        assert readable(fd), "looking at the descriptor alone takes nothing away"
        assert take(handle)
        assert not take(handle)
        assert not readable(fd)


def test_a_descriptor_that_comes_after_the_signal(handle: Any) -> None:
    send(handle)
    assert readable(handle.fileno())
    assert take(handle)
    assert not readable(handle.fileno())


def test_each_handle_has_its_own(kind: type[Any], place: str) -> None:
    with kind("x", at=place) as one, kind("x", at=place) as two:
        fds = one.fileno(), two.fileno()
        send(one)
        assert readable(fds[0])
        assert readable(fds[1])
        assert take(one)
        assert not readable(fds[0])
        assert readable(fds[1])
        assert take(two)
        assert not readable(fds[1])


def test_somebody_sleeps_in_poll(handle: Any, caller: Caller, thread: Caller) -> None:
    """Whoever signals, of whatever kind, wakes who sleeps in a selector."""
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        send_by = caller.start(handle, "signal", *([] if isinstance(handle, Signal) else ["value"]))
        assert selector.select(60)
        send_by.result()
        assert take(handle)
        assert not selector.select(0)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_add_reader(loop: str, handle: Any, caller: Caller) -> None:
    async def main() -> None:
        running = asyncio.get_running_loop()
        for _ in range(3):
            woken = running.create_future()
            running.add_reader(handle, lambda w=woken: w.done() or w.set_result(None))
            sender = caller.start(handle, "signal", *([] if isinstance(handle, Signal) else ["value"]))
            await woken
            running.remove_reader(handle)
            sender.result()
            assert take(handle)

    RUN[loop](main)


def test_trio_wait_readable(handle: Any, caller: Caller) -> None:
    async def main() -> None:
        for _ in range(3):
            sender = caller.start(handle, "signal", *([] if isinstance(handle, Signal) else ["value"]))
            await trio.lowlevel.wait_readable(handle.fileno())
            sender.result()
            assert take(handle)
            assert not readable(handle.fileno())

    trio.run(main)


def test_who_polls_and_takes_in_turn_hears_all(kind: type[Any], place: str) -> None:
    """A loop that selects and takes until there is nothing misses nothing, however the others come in between."""
    with kind("x", at=place) as mine, kind("x", at=place) as theirs:
        fd, got = mine.fileno(), 0
        for index in range(300):
            send(theirs)
            if index % 3 == 0:
                assert readable(fd)
                found = take(mine)
                got += found if kind is Signal else 1
        if kind is Signal:
            while readable(fd):
                got += take(mine)
            assert got == 300
        else:
            assert readable(fd)
            assert take(mine) == "value"
            assert mine.version == 300


def test_unlink_makes_it_readable_and_close_gives_it_back(handle: Any) -> None:
    fd = handle.fileno()
    handle.unlink()
    assert readable(fd)
    handle.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
