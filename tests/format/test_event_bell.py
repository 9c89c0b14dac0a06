"""The bell beside an event: deleted, or something else in its place."""

from __future__ import annotations

import os
import select
from pathlib import Path

import anyio.lowlevel
import pytest
from harness.callers import LOOPS, RUN, Caller

from tocsin import Event, ObjectDamaged


def bell_of(event: Event) -> Path:
    found = [p for p in Path(event.path).parent.iterdir() if p.name.endswith(".bell")]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def rung(place: str) -> Event:
    """An event whose bell was made by a handle that is closed again."""
    with Event("x", at=place) as first:
        first.fileno()
    with Event("x", at=place) as event:
        yield event


def replaced(event: Event, kind: str) -> Path:
    bell = bell_of(event)
    bell.unlink()
    if kind == "file":
        bell.write_bytes(b"precious")
    elif kind == "directory":
        bell.mkdir()
    elif kind == "link":
        target = bell.parent / "target"
        target.write_bytes(b"precious")
        bell.symlink_to(target)
    elif kind == "link to nowhere":
        bell.symlink_to(bell.parent / "nowhere")
    return bell


STRANGE = ("file", "directory", "link", "link to nowhere")


@pytest.mark.parametrize("kind", STRANGE)
def test_something_else_in_its_place_is_a_named_error_and_left_alone(rung: Event, kind: str, place: str) -> None:
    replaced(rung, kind)
    with pytest.raises((ObjectDamaged, PermissionError, IsADirectoryError), match="x"):
        rung.fileno()
    assert Event("x", at=place).is_set() is False
    for path in Path(place).iterdir():
        if path.is_file() and path.name != "x":
            assert path.read_bytes() == b"precious"
    assert not Path(place, "nowhere").exists()


@pytest.mark.parametrize("kind", STRANGE)
def test_a_set_that_cannot_ring_fails_before_it_changed_anything(rung: Event, kind: str) -> None:
    """HASBELL is on, and a thread sleeps: the setter needs the bell."""
    caller = Caller("thread")
    wait = caller.asleep(rung, "wait")
    replaced(rung, kind)
    with pytest.raises((ObjectDamaged, PermissionError, IsADirectoryError), match="x"):
        rung.set()
    assert not rung.is_set()
    assert rung.generation == 0
    wait.until_asleep()
    rung.close()
    with pytest.raises(ValueError, match="closed"):
        wait.result()


@pytest.mark.parametrize("kind", ["deleted"])
def test_a_deleted_bell_is_made_anew(rung: Event, kind: str, caller: Caller) -> None:
    replaced(rung, kind)
    fd = rung.fileno()
    caller.do(rung, "set")
    assert select.select([fd], [], [], 60)[0] == [fd]
    assert bell_of(rung).is_fifo()


def test_a_setter_makes_a_deleted_bell_anew(rung: Event, thread: Caller) -> None:
    wait = thread.asleep(rung, "wait")
    replaced(rung, "deleted")
    rung.set()
    assert wait.result()


@pytest.mark.parametrize("kind", LOOPS)
def test_a_loop_listens_at_the_new_bell(kind: str, rung: Event, place: str) -> None:
    """A handle that listened at a bell which a cleaner took looks for it when it waits again."""

    async def main() -> None:
        assert not await rung.wait_async(0.001)
        bell_of(rung).unlink()
        with Event("x", at=place) as other:
            assert not await other.wait_async(0.001)
            tasks = anyio.create_task_group()
            async with tasks:
                tasks.start_soon(rung.wait_async)
                while not rung.stats().waiting_here:
                    await anyio.lowlevel.checkpoint()
                other.set()

    RUN[kind](main)


def test_bells_of_two_incarnations_are_two(place: str) -> None:
    with Event("x", at=place) as old:
        old_fd = old.fileno()  # not later: a second from now a call would tell that it was removed
        first = bell_of(old)
        os.unlink(old.path)
        with Event("x", at=place) as new:
            new.fileno()
            names = {p.name for p in Path(place).iterdir() if p.name.endswith(".bell")}
            assert len(names) == 2
            assert first.name in names
            new.set()
            assert select.select([old_fd], [], [], 0)[0] == []


def test_a_maker_that_died_left_a_hidden_name(place: str) -> None:
    """The name under which a bell is prepared: whoever comes next uses it or takes it away."""
    with Event("x", at=place) as event:
        for kind in ("fifo", "file"):
            name = f"{place}/.x.{event.stats().id:016x}.bell.new"
            if kind == "fifo":
                os.mkfifo(name, 0o600)
                event.fileno()
                assert not os.path.exists(name)
            event.set()
            event.clear()
        event.unlink()
    assert os.listdir(place) == []
