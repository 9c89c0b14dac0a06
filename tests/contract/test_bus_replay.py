"""Who hears what of a bus with a name is a matter of when it was emitted, not of how far its process has read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from harness.until import until

from tocsin import Bus, Lagged

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bus(place: str) -> Iterator[Bus]:
    """One with ten emits, by turns of `even` and of `odd`."""
    with Bus("bus", at=place) as made:
        for n in range(10):
            made.emit(("even", "odd")[n % 2], (n,))
        yield made


def numbers(subscription: Any, last: int) -> list[int]:
    found = []
    while last not in found:
        found.append(subscription.wait().args[0])
    return found


def test_what_was_emitted_before_somebody_came_is_not_for_him(bus: Any) -> None:
    with bus.subscribe("**") as found:
        heard: list[int] = []
        with bus._reader.books:  # the reader is held up: nothing of this has been read when they come
            for n in range(10, 15):
                bus.emit("x", (n,))
            bus.register("x", heard.append)
            bus.once("x", heard.append)
            late = bus.subscribe("x")
            wait = bus.wait_async("x")
            bus.emit("x", (15,))
        assert numbers(found, 15) == [*range(10, 16)]
        assert numbers(late, 15) == [15]
        until(lambda: len(heard) == 2, "they have heard")
        assert heard == [15, 15]
        bus.emit("x", (16,))
        assert numbers(late, 16) == [16]

        async def main() -> Any:
            return await wait

        assert asyncio.run(main()).args == (15,)


@pytest.mark.parametrize("held", [False, True])
def test_everyone_begins_with_the_last_emits_before_him(bus: Bus, place: str, loop: Any, *, held: bool) -> None:
    with Bus("bus", at=place, replay=4) as late:
        first: list[int] = []
        late.register("*", first.append, loop)
        if not held:
            until(lambda: len(first) == 4, "the first has heard them")
        second: list[int] = []
        late.register("odd", second.append, loop)
        with late.subscribe("even") as third:
            bus.emit("even", (10,))
            assert numbers(third, 10) == [6, 8, 10]
        until(lambda: (len(first), len(second)) == (5, 2), "all is heard")
        assert first == [6, 7, 8, 9, 10]
        assert second == [7, 9]
        fourth: list[int] = []
        late.register("*", fourth.append, loop)
        bus.emit("odd", (11,))
        until(lambda: (len(fourth), len(second)) == (5, 3), "all is heard")
        assert fourth == [7, 8, 9, 10, 11]


def test_a_wait_is_for_what_comes(bus: Bus, place: str) -> None:
    with Bus("bus", at=place, replay=4) as late:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                late.wait("odd", 0)
        once: list[int] = []
        late.once("even", once.append)  # a handler that hears the next one, of those before him, too
        until(lambda: once, "it has heard")
        assert once == [6]


@pytest.mark.parametrize("policy", ["wait", "error"])
def test_bounds_do_not_refuse_what_was_there(bus: Bus, place: str, policy: str) -> None:
    errors: list[Any] = []
    late = Bus("bus", at=place, replay=4, on_error=lambda *what: errors.append(what))
    with late, late.subscribe("*") as everything:
        assert numbers(everything, 9) == [6, 7, 8, 9]
        with late.subscribe("*", policy=policy, limit=1) as found:
            assert found.queued == 4
            assert numbers(found, 9) == [6, 7, 8, 9]
            bus.emit("even", (10,))
            assert numbers(found, 10) == [10]
        with late.subscribe("*", limit=3) as found:
            with pytest.raises(Lagged) as lag:
                found.wait()
            assert lag.value.missed == 1
            assert numbers(found, 10) == [8, 9, 10]
    assert errors == []


def test_it_reaches_as_far_back_as_there_is_anything(place: str) -> None:
    with Bus("bus", at=place, max_bytes=1 << 15) as bus, Bus("bus", at=place, replay=10**9) as late:
        for n in range(3000):
            bus.emit("x", (n,))
        with late.subscribe("x") as first, late.subscribe("x") as second:
            found = numbers(first, 2999)
            assert found == [*range(found[0], 3000)]
            assert 100 < len(found) < 3000
            assert numbers(second, 2999) == found
            with late.subscribe("x") as third:
                assert numbers(third, 2999) == found


def test_who_missed_some_is_told_only_of_his_own(place: str) -> None:
    with Bus("bus", at=place, max_bytes=1 << 15, on_error=lambda *_: None) as bus, bus.subscribe("x") as found:
        reader: Any = bus
        with reader._reader.books:  # held up until nearly all of this is overwritten
            for n in range(3000):
                bus.emit("x", (n,))
            late = bus.subscribe("x")
            for n in range(3000, 6000):
                bus.emit("x", (n,))
        for who, emits in ((found, 6000), (late, 3000)):
            missed, heard = 0, [-1]
            while heard[-1] != 5999:
                try:
                    heard.append(who.wait().args[0])
                except Lagged as lag:
                    missed += lag.missed
            assert missed > 0
            assert missed + len(heard) - 1 == emits
