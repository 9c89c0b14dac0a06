"""Versions: values are whole, `if_version` lets one of many win, and killed writers leave no half."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN, Caller, InThread
from harness.child import Child
from harness.prove import cases
from harness.until import until

from tocsin import DataEvent, TocsinError, VersionConflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(params=["named", "anonymous"])
def data(request: pytest.FixtureRequest, place: str) -> Iterator[DataEvent[Any]]:
    with DataEvent("x", at=place) if request.param == "named" else DataEvent() as made:
        yield made


def test_versions_count_from_1(caller: Caller, data: DataEvent[Any]) -> None:
    assert data.version == 0
    for version in (1, 2, 3):
        assert caller.do(data, "signal", "v") == version
        assert data.version == version


def test_if_version(caller: Caller, data: DataEvent[Any]) -> None:
    assert caller.do(data, "signal", "first", if_version=0) == 1
    assert caller.do(data, "signal", "second", if_version=1) == 2
    for wrong in (0, 1, 3, 2**63, 2**64 - 1):
        with pytest.raises(VersionConflict, match=f"is at version 2, not {wrong}: read it again") as caught:
            caller.do(data, "signal", "third", if_version=wrong)
        assert isinstance(caught.value, TocsinError)
    assert (data.version, data.latest()) == (2, "second")


@pytest.mark.parametrize("bad", [-1, 2**64, 1.0, "1"])
def test_a_version_is_a_whole_number(data: DataEvent[Any], bad: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        data.signal("v", if_version=bad)
    assert data.version == 0


@pytest.mark.parametrize("kind", LOOPS)
def test_the_twin(kind: str, data: DataEvent[Any]) -> None:
    async def main() -> None:
        assert await data.signal_async("a", if_version=0) == 1
        with pytest.raises(VersionConflict):
            await data.signal_async("b", if_version=0)
        assert await data.wait_async() == "a"

    RUN[kind](main)


ADDER = """
from tocsin import DataEvent, VersionConflict
with DataEvent("x", at=sys.argv[1]) as data:
    say("ready")
    hear()
    for _ in range(int(sys.argv[2])):
        while True:
            version = data.version
            count = data.latest(0)
            if data.version != version: continue
            try: data.signal(count + 1, if_version=version)
            except VersionConflict: continue
            break
    say("done")
    hear()
"""


def test_many_writers_lose_no_update(place: str) -> None:
    """Processes that count up together: what was read at the version that it replaces is never overwritten unseen."""
    adders = [Child(ADDER, place, "200") for _ in range(4)]
    for adder in adders:
        assert adder.hear() == "ready"
    for adder in adders:
        adder.say()
    for adder in adders:
        assert adder.hear() == "done"
        adder.kill()
    with DataEvent("x", at=place) as data:
        assert (data.latest(), data.version) == (800, 800)


#: Values that tell whether they are whole: a number, written over and over, in sizes on both sides of every boundary.
WRITER = """
import random
from tocsin import DataEvent
with DataEvent("x", at=sys.argv[1]) as data:
    say("ready")
    choose = random.Random(int(sys.argv[2]))
    while True:
        number = choose.randrange(10)
        data.signal([number] * choose.choice((1, 10, 2040, 2047, 2048, 3000, 50_000)))
"""


def whole(value: list[int]) -> bool:
    return len(value) in (1, 10, 2040, 2047, 2048, 3000, 50_000) and len(set(value)) == 1


@pytest.mark.prove
def test_readers_see_whole_values_also_when_writers_are_killed(place: str, tally: Callable[[str], None]) -> None:
    """Writers that are killed at random instants of their writing, the one after the other, while others write."""
    kills, seen = cases(6, 1_000), 0
    choose = random.Random(7)
    with DataEvent("x", at=place) as data, DataEvent("x", at=place) as waiter, Child(WRITER, place, "1") as steady:
        assert steady.hear() == "ready"
        for kill in range(kills):
            with Child(WRITER, place, str(kill)) as victim:
                assert victim.hear() == "ready"
                for _ in range(choose.randrange(60)):
                    assert whole(data.latest())
                    assert whole(waiter.wait())
                    seen += 2
                victim.signal(signal.SIGKILL)
                victim.process.wait()
            assert whole(data.wait())
            before = data.version
            while data.version == before:  # the other one goes on
                assert whole(data.latest())
        steady.kill()
        assert data.signal([1]) > 0
        assert whole(data.latest())
    tally(f"{kills} writers killed, {seen} values whole")


def test_a_stopped_writer_holds_up_no_reader(place: str) -> None:
    """Readers have no lock; a writer that is stopped in its turn may hold up the next writer, but none who reads."""
    with DataEvent("x", at=place) as data, Child(WRITER, place, "3") as writer:
        assert writer.hear() == "ready"
        for _ in range(20):
            assert whole(data.wait())
            writer.signal(signal.SIGSTOP)
            for _ in range(20):
                assert whole(data.latest())
            writer.signal(signal.SIGCONT)


@pytest.mark.local("a server makes one change after the other: writers there take no turns")
def test_a_writer_that_is_stopped_in_its_turn_is_never_robbed(place: str) -> None:
    """The next writer waits until it goes on; in a loop that stops nothing else, and the task can be cancelled."""

    async def main(data: DataEvent[Any], writer: Child) -> None:
        for _ in range(1000):
            writer.signal(signal.SIGSTOP)
            until(lambda: Path(f"/proc/{writer.pid}/stat").read_text().rpartition(") ")[2][0] == "T", "it is stopped")
            before = data.version
            try:
                async with asyncio.timeout(0.2):
                    assert await data.signal_async([1]) == before + 1
            except TimeoutError:
                break
            finally:
                writer.signal(signal.SIGCONT)
        else:
            pytest.fail("it was never stopped in its turn")
        assert whole(data.latest())
        assert await data.signal_async([5]) > before

    with DataEvent("x", at=place) as data, Child(WRITER, place, "3") as writer:
        assert writer.hear() == "ready"
        asyncio.run(main(data, writer))


def test_a_dead_writers_turn_is_taken_over(place: str) -> None:
    """Killed while it wrote, again and again: the next writer never waits for it."""
    with DataEvent("x", at=place) as data:
        for turn in range(10):
            with Child(WRITER, place, str(turn)) as writer:
                assert writer.hear() == "ready"
                assert whole(data.wait())
            write = InThread(lambda: data.signal([5]))
            assert write.result() == data.version
            assert data.wait() == [5]
