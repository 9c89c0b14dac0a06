"""Where bacpypes' WaitableEvent and ours differ: the table in docs/from-the-seeds/waitable_event.md, for both."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import resource
import select
import sys
import threading
import weakref
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("asyncore")


def descriptors() -> int:
    gc.collect()  # what other tests left in cycles
    return len(os.listdir("/proc/self/fd"))


def test_it_is_collected_while_it_stands_in_the_map(waitable_event: Any, asyncore: Any) -> None:
    before = descriptors()
    event = waitable_event.cls()
    gone = weakref.ref(event)
    del event
    gc.collect()
    if waitable_event.ours:
        assert (gone(), asyncore.socket_map, descriptors()) == (None, {}, before)
    else:
        assert descriptors() == before + 3
        gone().close()  # the map's was the last reference
        assert (gone(), descriptors()) == (None, before)


def test_one_in_a_cycle_is_collected_too(both_waitable_events: tuple[Any, Any], asyncore: Any) -> None:
    _, ours = both_waitable_events
    before = descriptors()
    event = ours()
    event.myself = event
    del event
    gc.collect()
    assert (asyncore.socket_map, descriptors()) == ({}, before)


def test_a_loop_that_meets_a_collected_one_goes_on(both_waitable_events: tuple[Any, Any], asyncore: Any) -> None:
    """A loop copies the map first, so what it asks may be gone."""
    _, ours = both_waitable_events
    event = ours()
    (channel,) = asyncore.socket_map.values()
    del event
    assert (channel.readable(), channel.writable()) == (False, False)
    for event_of in ("read_event", "write_event", "expt_event", "error", "close"):
        assert getattr(channel, f"handle_{event_of}")() is None
    assert channel.close() is None
    with pytest.raises(AttributeError, match="collected"):
        channel.anything  # noqa: B018 - the look is the test
    assert channel not in (None, 1)
    assert "None" in repr(channel)


def test_the_map_holds_a_stand_in(waitable_event: Any, asyncore: Any) -> None:
    event = waitable_event.cls()
    (stands,) = asyncore.socket_map.values()
    assert (stands is event) is not waitable_event.ours
    assert stands == event
    assert hash(stands) == hash(stands)
    assert stands.connected is True
    event.close()


def test_is_a_dispatcher_by_its_methods(waitable_event: Any, asyncore: Any) -> None:
    event = waitable_event.cls()
    assert isinstance(event, asyncore.dispatcher) is not waitable_event.ours
    assert (event.socket is None) is waitable_event.ours
    event.close()


def test_a_pulse_releases_who_waited(waitable_event: Any, hears_a_pulse: Any) -> None:
    """In the original who comes to look after the clear() finds an empty pipe and sleeps on."""
    event = waitable_event.cls()
    heard = hears_a_pulse(event, 60 if waitable_event.ours else 0.5)
    assert heard is waitable_event.ours
    event.close()


def test_it_can_come_back_to_a_map(waitable_event: Any) -> None:
    """The original forgets its number when it leaves, and stands under None afterwards."""
    event, mine = waitable_event.cls(), {}
    event.del_channel()
    event.add_channel(mine)
    assert list(mine) == [event.fileno() if waitable_event.ours else None]
    mine.clear()
    event.close()


def test_two_who_set_it_at_once(both_waitable_events: tuple[Any, Any]) -> None:
    """Both look, both find it clear, both write: one clear() isn't enough for the original."""
    original, ours = both_waitable_events

    class Slow(original):
        def isSet(self) -> bool:  # noqa: N802 - the seed's name
            found = super().isSet()
            if both_looked is not None:
                both_looked.wait()
            return found

    both_looked: threading.Barrier | None = threading.Barrier(2)
    for cls in (Slow, ours):
        event = cls()
        setters = [threading.Thread(target=event.set) for _ in range(2)]
        for setter in setters:
            setter.start()
        for setter in setters:
            setter.join()
        both_looked = None
        event.clear()
        assert event.isSet() is (cls is Slow)
        event.close()


def test_two_who_clear_it_at_once(both_waitable_events: tuple[Any, Any]) -> None:
    """Both look, both find it set, both read: one gets nothing, and the read that "would stall" raises."""
    original, ours = both_waitable_events

    class Slow(original):
        def isSet(self) -> bool:  # noqa: N802 - the seed's name
            found = super().isSet()
            if both_looked is not None:
                both_looked.wait()
            return found

    both_looked: threading.Barrier | None = None
    for cls in (Slow, ours):
        event = cls()
        event.set()
        raised = []
        if cls is Slow:
            both_looked = threading.Barrier(2)

        def clear(event: Any = event, raised: list[Any] = raised) -> None:
            try:
                event.clear()
            except OSError as error:
                raised.append(type(error))

        clearers = [threading.Thread(target=clear) for _ in range(2)]
        for clearer in clearers:
            clearer.start()
        for clearer in clearers:
            clearer.join()
        assert raised == ([BlockingIOError] if cls is Slow else [])
        both_looked = None
        event.close()


@pytest.mark.parametrize("timeout", [-1, -math.inf])
def test_a_negative_timeout_looks_once(both_waitable_events: tuple[Any, Any], timeout: float) -> None:
    original, ours = (cls() for cls in both_waitable_events)
    with pytest.raises((ValueError, OverflowError)):
        original.wait(timeout)
    assert ours.wait(timeout) is False
    ours.set()
    assert ours.wait(timeout) is True


@pytest.mark.parametrize("timeout", [math.inf, 1e20])
def test_a_timeout_longer_than_life_waits(both_waitable_events: tuple[Any, Any], timeout: float) -> None:
    original, ours = (cls() for cls in both_waitable_events)
    with pytest.raises(OverflowError):
        original.wait(timeout)
    threading.Timer(0.05, ours.set).start()
    assert ours.wait(timeout) is True
    for event in (original, ours):
        with pytest.raises(ValueError, match="NaN"):
            event.wait(math.nan)


def test_descriptors_beyond_1023(waitable_event: Any) -> None:
    """select.select can't look at them; the original's wait, isSet, set and clear all end there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip("this host allows no process more than 2,048 descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    held = []
    try:
        while not held or held[-1] < 1024:
            held.append(os.open("/dev/null", os.O_RDONLY))
        event = waitable_event.cls()
        if waitable_event.ours:
            event.set()
            assert event.wait(0) is True
            poll = select.poll()
            poll.register(event, select.POLLIN)
            assert poll.poll(0)
            event.clear()
            assert poll.poll(0) == []
        else:
            with pytest.raises(ValueError, match="out of range"):
                event.set()
        event.close()
    finally:
        for fd in held:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_it_can_do_besides(both_waitable_events: tuple[Any, Any], readable: Any) -> None:
    original, ours = (cls() for cls in both_waitable_events)
    for more in ("is_set", "fileno"):
        assert not hasattr(original, more)
    assert ours.is_set() is False
    assert readable(ours) is False  # anything with a fileno() can be selected
    ours.set()
    assert readable(ours) is True

    async def watch() -> bool:
        woken = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(ours.fileno(), lambda: woken.done() or woken.set_result(True))
        threading.Timer(0.02, ours.set).start()
        try:
            return await woken
        finally:
            asyncio.get_running_loop().remove_reader(ours.fileno())

    ours.clear()
    assert asyncio.run(watch()) is True


@pytest.mark.parametrize("kind", ["select", "poll"])
def test_the_descriptor_is_up_while_it_is_set_and_down_after_clear(
    both_waitable_events: tuple[Any, Any], kind: str
) -> None:
    _, ours = both_waitable_events
    event = ours()
    poll = select.poll()
    poll.register(event, select.POLLIN)

    def up() -> bool:
        return bool(poll.poll(0)) if kind == "poll" else bool(select.select([event], [], [], 0)[0])

    for _ in range(100):
        assert not up()
        event.set()
        assert [up(), up(), up()] == [True] * 3
        assert event.isSet()
        assert up()
        event.clear()
        assert [up(), up()] == [False] * 2


def test_a_clear_elsewhere_does_not_turn_the_loop(both_waitable_events: tuple[Any, Any], asyncore: Any) -> None:
    """The descriptor is a hint and stays up; the loop's look at the event takes it down, without handle_read."""
    _, ours = both_waitable_events
    handled = []

    class Watch(ours):
        def handle_read(self) -> None:
            handled.append(1)

    event = Watch()
    event.set()
    child = os.fork()
    if child == 0:
        event.clear()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    asyncore.loop(timeout=0, count=3)
    assert handled == []
    assert select.select([event], [], [], 0)[0] == []


def test_a_clear_of_what_another_process_cleared(both_waitable_events: tuple[Any, Any], readable: Any) -> None:
    _, ours = both_waitable_events
    event = ours()
    event.set()
    child = os.fork()
    if child == 0:
        event.clear()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    event.clear()
    assert readable(event) is False


def test_it_works_without_asyncore(python: Any) -> None:
    code = (
        "import sys; sys.modules['asyncore'] = None\n"  # what an interpreter without it does on import
        "from tocsin.compat.waitable_event import WaitableEvent\n"
        "import os, select, threading\n"
        "event = WaitableEvent(); mine = {}\n"
        "threading.Timer(0.02, event.set).start()\n"
        "assert select.select([event], [], [], 60)[0] == [event] and event.wait()\n"
        "event.add_channel(mine); (fd,) = mine; mine[fd].handle_read_event(); event.del_channel(mine)\n"
        "event.clear(); assert not event.isSet() and mine == {}; event.close(); print('done')\n"
    )
    out, err = python(code).communicate()
    assert out == "done\n", err


def test_importing_it_does_not_warn(python: Any) -> None:
    """Python 3.11's asyncore warns that it is deprecated, and a program may have made that an error."""
    ends = {"tocsin.compat.waitable_event": 0}
    if sys.version_info < (3, 12):  # pyasyncore, which later ones use, doesn't warn
        ends["bacpypes.event"] = 1
    for module, end in ends.items():
        child = python(f"import warnings; warnings.simplefilter('error'); import {module}")
        child.communicate()
        assert child.returncode == end


def test_repr(both_waitable_events: tuple[Any, Any]) -> None:
    original, ours = (cls() for cls in both_waitable_events)
    assert " connected at " in repr(original)
    assert " unset at " in repr(ours)
    ours.set()
    assert " set at " in repr(ours)
