"""A bus with a name: emits of one process reach the handlers of every process that has it open."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pickle
import signal
from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness.child import Child
from harness.loops import KINDS, LoopThread
from harness.until import until

from tocsin import Bus, InvalidMessage, ObjectRemoved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def bus(place: str) -> Iterator[Bus]:
    with Bus("bus", at=place) as made:
        yield made


def test_it_says_what_and_where_it_is(place: str) -> None:
    with Bus("bus", at=place) as bus:
        assert (bus.name, bus.at, bus.path) == ("bus", place, f"{place}/bus" if place.startswith("/") else None)
        assert repr(bus) == f"<tocsin.Bus 'bus' at {place!r}: 0 handlers, 0 queued>"
        assert isinstance(bus, Bus)
        assert bus.stats().subscribers == 0
        found = bus.subscribe("x")
        assert bus.stats().subscribers == 1
        found.close()
    assert bus.stats().closed
    with pytest.raises(FileNotFoundError):
        Bus("other", at=place, create=False)
    for argument in ("at", "mode", "max_bytes", "replay"):
        with pytest.raises(ValueError, match="with a name"):
            Bus(**{argument: 1})
    with pytest.raises(TypeError, match="subclass"):
        type("Mine", (Bus,), {})("bus", at=place)
    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match="replay"):
            Bus("bus", at=place, replay=wrong)


@pytest.mark.parametrize("kind", ["dispatcher", *KINDS])
def test_from_process_to_process(bus: Bus, place: str, kind: str) -> None:
    heard: list[Any] = []
    with LoopThread("asyncio" if kind == "dispatcher" else kind) as running:
        loop = None if kind == "dispatcher" else running.loop
        bus.register("job.*", lambda *args, **kwargs: heard.append((args, kwargs)), loop)
        if loop is not None:

            async def coroutine(*args: Any, **kwargs: Any) -> None:
                heard.append((args, kwargs))

            bus.register("job.done", coroutine, loop)
        with Child(f"""
            with tocsin.Bus("bus", at={place!r}) as bus:
                say(bus.emit("job.done", (1, [2, (3,)]), {{"four": None}}), bus.emit("other"))
        """) as child:
            assert child.check() == "0 0\n"  # of its own process; of others an emitter knows nothing
        until(lambda: len(heard) == (1 if loop is None else 2), "it is heard")
    assert heard == [((1, [2, [3]]), {"four": None})] * len(heard)


def test_an_emit_comes_to_its_own_process_like_to_every_other(bus: Bus) -> None:
    with bus.subscribe("**") as found:
        assert bus.emit("x", ((1, 2),)) == 1
        assert found.wait() == ("x", ([1, 2],), {})
        wait = bus.wait_async("y")
        bus.proxy.y(1, z=2)

        async def main() -> Any:
            return await wait

        assert asyncio.run(main()) == ("y", (1,), {"z": 2})


class Job(msgspec.Struct):
    id: int
    parts: tuple[str, ...]


def test_arguments_are_what_the_handler_is_annotated_with(bus: Bus) -> None:
    heard: list[Any] = []
    errors: list[Any] = []
    bus.on_error = lambda error, event, _handler: errors.append((error, event.args))

    @bus.on("job")
    def typed(job: Job, *more: tuple[int, int], anything: Any = None, untyped=7) -> None:
        heard.append((job, more, anything, untyped))

    bus.emit("job", ({"id": 1, "parts": ["a"]}, [1, 2]), {"anything": [1], "untyped": [2]})
    bus.emit("job", ({"id": "one", "parts": []},))
    bus.emit("job", ())
    until(lambda: len(errors) == 2, "both are refused")
    assert heard == [(Job(1, ("a",)), ((1, 2),), [1], [2])]
    assert isinstance(errors[0][0], InvalidMessage)
    assert "'job'" in str(errors[0][0])
    assert isinstance(errors[1][0], TypeError)


@pytest.mark.parametrize("wrong", [b"x", {1, 2}, float("nan"), {1: 2}, object(), Job(1, ())])
def test_what_is_no_json_is_an_error_at_the_call(bus: Bus, wrong: Any) -> None:
    for call in (
        lambda: bus.emit("x", (wrong,)),
        lambda: bus.emit("x", (), {"a": wrong}),
        lambda: bus.emit_after(0, "x", (wrong,)),
    ):
        with pytest.raises(InvalidMessage, match="'bus' at"):
            call()
    for bad in ("a..b", "*"):
        with pytest.raises(ValueError):
            bus.emit(bad)


def test_replay(bus: Bus, place: str) -> None:
    for n in range(10):
        bus.emit("x", (n,))
    with Bus("bus", at=place, replay=3) as late, late.subscribe("x") as found:
        bus.emit("x", (10,))
        assert [found.wait().args[0] for _ in range(4)] == [7, 8, 9, 10]
    with Bus("bus", at=place) as later, later.subscribe("x") as found:
        bus.emit("x", (11,))
        assert found.wait().args == (11,)


def test_who_is_overrun_is_told_how_much_he_missed(place: str) -> None:
    with Bus("bus", at=place, max_bytes=1 << 15) as bus, Child(f"""
        import threading
        bus = tocsin.Bus("bus", at={place!r})
        begun, gate = threading.Event(), threading.Event()
        heard, lags = [], []
        bus.on_error = lambda error, event, handler: lags.append(error)
        @bus.on("x", policy="wait", limit=1)
        def slow(n):
            heard.append(n)
            begun.set(); gate.wait()
        found = bus.subscribe("end")
        say("listening"); begun.wait(); say("begun")
        hear(); gate.set()
        mine = 0
        while True:
            try:
                found.wait(); break
            except tocsin.Lagged as lag:
                mine += lag.missed
        while bus.stats().queued: time.sleep(0)
        tocsin._bus.dispatcher.finish()
        say(mine, sum(lag.missed for lag in lags), all(isinstance(lag, tocsin.Lagged) for lag in lags), len(heard))
    """) as child:
        assert child.hear() == "listening"
        bus.emit("x", (0,))
        assert child.hear() == "begun"
        for n in range(1, 5000):
            bus.emit("x", (n,))
        bus.emit("end")
        child.say("go")
        missed, total, sound, heard = child.check().split()
    assert missed == total
    assert sound == "True"
    assert int(total) > 0
    assert int(total) + int(heard) == 5000


def test_an_emitter_waits_only_if_it_asks_to(place: str) -> None:
    with Bus("bus", at=place, max_bytes=1 << 15) as bus, Child(f"""
        bus = tocsin.Bus("bus", at={place!r})
        @bus.on("x", policy="wait", limit=1)
        def handler(n): pass
        found = bus.subscribe("x", policy="wait", limit=10)
        say("listening")
        heard = [found.wait().args[0] for _ in range(3000)]
        say(heard == list(range(3000)))
    """) as child:
        assert child.hear() == "listening"
        for n in range(3000):
            bus.emit("x", (n,), wait=None)
        assert child.hear() == "True"
    with Child(f"""
        bus = tocsin.Bus("bus", at={place!r})
        found = bus.subscribe("x", policy="wait", limit=1)
        say("listening"); hear()
    """) as child, Bus("bus", at=place) as bus:
        assert child.hear() == "listening"
        with pytest.raises(TimeoutError):  # noqa: PT012 - one of them
            for n in range(3000):
                bus.emit("x", (n,), wait=0.01)
        child.kill()
        for n in range(3000):  # who is dead costs nobody anything
            bus.emit("x", (n,), wait=None)


def test_it_is_pickled_by_name(bus: Bus) -> None:
    with pickle.loads(pickle.dumps(bus)) as copy, copy.subscribe("x") as found:
        assert copy.path == bus.path
        bus.emit("x", (1,))
        assert found.wait().args == (1,)


def test_a_forked_child_hears_with_its_own_cursor(bus: Bus) -> None:
    found = bus.subscribe("x")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(found.wait().args).encode())
        finally:
            os._exit(0)
    bus.emit("x", (1,))
    assert os.read(reading, 100) == b"(1,)"
    assert found.wait().args == (1,)
    assert os.waitpid(child, 0)[1] == 0
    os.close(reading)
    os.close(writing)


def test_when_it_is_removed(bus: Bus) -> None:
    errors: list[Any] = []
    bus.on_error = lambda error, *_: errors.append(error)
    found = bus.subscribe("x")
    bus.unlink()
    with pytest.raises(ObjectRemoved):
        found.wait()
    until(lambda: errors, "it is reported")
    assert isinstance(errors[0], ObjectRemoved)
    with pytest.raises(ObjectRemoved):
        bus.emit("x")
    with Bus() as another, pytest.raises(ValueError, match="no name"):
        another.unlink()


def test_nothing_is_left_behind(place: str) -> None:
    def hear_one(name: str) -> None:
        with Bus(name, at=place) as bus, bus.subscribe("x") as found:
            bus.emit("x")
            found.wait()

    def given_back() -> bool:
        gc.collect()  # the reader's thread may have had it in hand until now
        return len(os.listdir("/proc/self/fd")) <= before + 1

    with Bus("other", at=place) as other, other.subscribe("x"):
        other.emit("x")  # what a process has in common with a place, it has now
        hear_one("bus")
        gc.collect()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(10):
            hear_one("bus")
        until(given_back, "descriptors are given back")


def test_a_handler_that_refuses_is_left_out_and_reported(bus: Bus) -> None:
    errors: list[Any] = []
    bus.on_error = lambda error, event, _handler: errors.append((type(error).__name__, event.args))
    full, other = bus.subscribe("x", policy="error", limit=1), bus.subscribe("x")
    bus.emit("x", (1,))
    bus.emit("x", (2,))
    assert [other.wait().args for _ in range(2)] == [(1,), (2,)]
    assert full.wait().args == (1,)
    assert full.queued == 0
    assert errors == [("Full", (2,))]


LISTENER = """
import json, threading
bus = tocsin.Bus("bus", at={place!r}, max_bytes=64 << 20)
bus.on_error = lambda error, event, handler: say("wrong:", error)
seen = []
endless = {each} > 1 << 40
ahead = threading.Semaphore(1000)  # one that is endless may not be further ahead of its own ears
def heard(who, n):
    seen.append((who, n))
    if endless and who == {who}: ahead.release()
bus.register("job.*", heard, policy="wait", limit=1 << 20)
bus.register("end", lambda: say(json.dumps(seen)), policy="wait")
def emit():
    for n in range({each}):
        if endless: ahead.acquire()
        bus.emit("job.done", ({who}, n), wait=None)
thread = threading.Thread(target=emit)
say("listening")
while (word := hear()):
    if word == "emit": thread.start()
    if word == "count": say(len(seen))
    if word == "join": thread.join(); say("emitted")
"""

#: The whole of it: 100,000 emits of those who live to the end, and what the killed ones had emitted.
EACH = 100_000 // 8
LONG_S = 600.0


@pytest.mark.timeout(1200)
def test_eight_processes_of_which_two_are_killed_and_come_back(place: str, tally: Callable[[str], None]) -> None:
    """The others hear each emit once, in each emitter's order; of a killed emitter what it had emitted."""
    with ExitStack() as stack, Bus("bus", at=place, max_bytes=64 << 20) as bus:

        def start(who: int) -> Child:
            each = 1 << 62 if who in killed else EACH  # who is to be killed is in the middle of it, however late
            child = stack.enter_context(Child(LISTENER.format(place=place, who=who, each=each)))
            assert child.hear() == "listening"
            return child

        def count() -> int:
            children[0].say("count")
            return int(children[0].hear(LONG_S))

        killed = (6, 7, 16)
        children = {who: start(who) for who in range(8)}
        for child in children.values():
            child.say("emit")
        for turn, victim in enumerate((6, 7, 6), 1):
            until(lambda so_far=EACH * turn: count() >= so_far, "some more are heard", LONG_S)
            children[victim].signal(signal.SIGKILL)
            children[victim].kill()
            children[victim] = start(victim + 10 * turn)
            children[victim].say("emit")
        for child in children.values():
            child.say("join")
            assert child.hear(LONG_S) == "emitted"
        bus.emit("end")
        found = [json.loads(children[who].hear(LONG_S)) for who in range(6)]
    by_emitter = defaultdict(list)
    for emitter, n in found[0]:
        by_emitter[emitter].append(n)
    for emitter, numbers in by_emitter.items():
        assert numbers == [*range(len(numbers))], f"of {emitter}: in order, once, without a gap"
    assert [len(by_emitter[emitter]) for emitter in (*range(6), 27, 36)] == [EACH] * 8
    assert all(by_emitter[emitter] for emitter in killed)
    assert all(heard == found[0] for heard in found), "all of them, in one order"
    tally(f"{sum(map(len, found)):,} emits heard by six processes, in one order, once, around three kills")
