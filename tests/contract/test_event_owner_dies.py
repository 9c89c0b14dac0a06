"""The owner of an event dies, in each way there is, and everyone who waits for it is told: those who are there, by
whatever kind of wait, and those who come later, until somebody sets, clears or owns it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import selectors
from typing import TYPE_CHECKING

import anyio
import pytest
import trio
from harness.callers import LOOPS, RUN, Caller
from harness.keeper import DEATHS
from harness.owner import Owner
from harness.until import PATIENCE_S

from tocsin import Event, OwnerDied

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.callers import Pending


def left_behind(wait: Pending, owner: Owner) -> None:
    with pytest.raises(OwnerDied, match=r"\(make all\)") as caught:
        wait.result()
    assert caught.value.owner == (owner.pid, "make all", False)


@pytest.mark.parametrize("death", DEATHS)
def test_those_who_wait_and_those_who_come(death: str, caller: Caller, either: Event) -> None:
    before = caller.asleep(either, "wait")  # in the futex, where no death would reach it
    with Owner(either) as owner:
        after = caller.asleep(either, "wait", 1000.0)
        before.until_asleep()
        owner.end(death)
        left_behind(before, owner)
        left_behind(after, owner)
        left_behind(caller.start(either, "wait"), owner)
        left_behind(caller.start(either, "wait", 0), owner)


@pytest.mark.parametrize("mend", ["set", "clear", "own"])
def test_set_clear_and_own_go_on(mend: str, caller: Caller, either: Event) -> None:
    with Owner(either) as owner:
        owner.end("SIGKILL")
        left_behind(caller.start(either, "wait"), owner)
        assert either.owner == (owner.pid, "make all", False)
        getattr(either, mend)()
        if mend == "set":
            assert caller.do(either, "wait") is True
            either.clear()
        assert caller.do(either, "wait", 0) is False
        wait = caller.asleep(either, "wait")
        either.set()
        assert wait.result() is True


def test_everyone_of_many_is_told(either: Event) -> None:
    callers = [Caller(kind) for kind in ("thread", "asyncio", "uvloop", "trio", "process")]
    try:
        with Owner(either) as owner:
            waits = [caller.asleep(either, "wait") for caller in callers for _ in range(2)]
            owner.end("SIGKILL")
            for wait in waits:
                left_behind(wait, owner)
    finally:
        for caller in callers:
            caller.finish()


@pytest.mark.parametrize("kind", LOOPS)
def test_each_task_of_a_loop_is_told(kind: str, either: Event) -> None:
    """Thousands share one descriptor, and so one edge."""

    async def main() -> None:
        told: list[OwnerDied] = []

        async def one() -> None:
            try:
                await either.wait_async()
            except OwnerDied as error:
                told.append(error)

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(one)
            while either.stats().waiting_here < 100:
                await anyio.lowlevel.checkpoint()
            owner.end("SIGKILL")
        assert len(told) == 100
        assert {error.owner.pid for error in told} == {owner.pid}

    with Owner(either) as owner:
        RUN[kind](main)


@pytest.mark.parametrize("kind", LOOPS)
def test_who_waits_for_a_clear_is_not_told(kind: str, either: Event) -> None:
    """On one loop, in one room of the hub, with one who is."""
    either.set()

    async def main() -> None:
        found: list[object] = []

        async def note(call: Callable[[], object]) -> None:
            try:
                found.append(await call())
            except OwnerDied:
                found.append("told")

        async with anyio.create_task_group() as group:
            group.start_soon(note, either.wait_clear_async)
            group.start_soon(note, lambda: either.wait_async(since=either.generation))
            while either.stats().waiting_here < 2:
                await anyio.lowlevel.checkpoint()
            die()
        assert sorted(map(str, found)) == ["True", "told"]

    def die() -> None:
        either.clear()
        with Owner(either) as owner:
            owner.end("SIGKILL")
            owner.reap()

    RUN[kind](main)


# -- the descriptor


def polled(event: Event, how: str) -> Callable[[float], bool]:
    fd = event.fileno()
    if how == "select":
        return lambda limit: bool(select.select([fd], [], [], limit)[0])
    if how == "poll":
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return lambda limit: bool(poll.poll(limit * 1000))
    selector = selectors.DefaultSelector()
    selector.register(event, selectors.EVENT_READ)
    return lambda limit: bool(selector.select(limit))


def told(event: Event, owner: Owner) -> bool:
    """Look, as one does whose select says that it is readable."""
    try:
        return event.wait(0)
    except OwnerDied as died:
        return died.owner.pid == owner.pid


@pytest.mark.parametrize("how", ["select", "poll", "selectors"])
@pytest.mark.parametrize("death", ["SIGKILL", "exit", "exec", "close"])
def test_the_descriptor_is_readable(how: str, death: str, either: Event) -> None:
    readable = polled(either, how)
    with Owner(either) as owner:
        while readable(0):  # a waiter's going, or a claim's end, is an edge, and no more
            assert not either.wait(0)
        assert either.owner.alive
        owner.end(death)
        while not told(either, owner):
            assert readable(PATIENCE_S)
        assert readable(0), "it stays readable: the next who selects must hear of it, too"
        assert not either.is_set()
        assert readable(0)
        either.clear()
        assert not either.wait(0)
        assert not readable(0)
        either.set()
        assert readable(0)


@pytest.mark.local("a server tells of a death within seconds, and this one looks at once")
def test_a_descriptor_that_is_asked_for_later(either: Event) -> None:
    with Owner(either) as owner:
        owner.end("SIGKILL")
        owner.reap()
        assert polled(either, "select")(0)


@pytest.mark.parametrize("kind", LOOPS)
def test_the_descriptor_in_loops(kind: str, either: Event) -> None:
    async def main() -> None:
        fd = either.fileno()
        told = False
        with Owner(either) as owner:
            owner.end("SIGKILL")
            while not told:
                if kind == "trio":
                    await trio.lowlevel.wait_readable(fd)
                else:
                    woken = asyncio.get_running_loop().create_future()
                    asyncio.get_running_loop().add_reader(fd, lambda w=woken: w.done() or w.set_result(None))
                    await woken
                    asyncio.get_running_loop().remove_reader(fd)
                try:
                    either.wait(0)
                except OwnerDied:
                    told = True

    RUN[kind](main)


# -- what is not a death, and what is over


@pytest.mark.parametrize("death", ["SIGKILL", "exit"])
def test_a_kept_promise_is_over(death: str, caller: Caller, either: Event) -> None:
    with Owner(either) as owner:
        owner.do("set")
        owner.end(death)
        owner.reap()
        assert caller.do(either, "wait") is True


def test_the_next_owner_dies_as_well(caller: Caller, either: Event) -> None:
    for _ in range(3):
        either.clear()
        wait = caller.asleep(either, "wait")
        with Owner(either) as owner:
            wait.until_asleep()
            owner.end("SIGKILL")
            left_behind(wait, owner)
            with Owner(either) as successor:  # takes over from the dead, without a clear between
                wait = caller.asleep(either, "wait")
                successor.end("SIGKILL")
                left_behind(wait, successor)


def test_a_handle_that_is_dropped_is_an_owner_that_is_gone(place: str) -> None:
    with Event("x", at=place) as event:
        other = Event("x", at=place)
        other.own()
        assert not event.wait(0)
        del other
        gc.collect()
        with pytest.raises(OwnerDied) as caught:
            event.wait()
        assert caught.value.owner.alive is False
        event.own()
        assert event.owner.alive


def test_an_owner_in_a_thread_of_this_process_is_this_process(thread: Caller, either: Event) -> None:
    thread.do(either, "own")
    assert either.owner.alive
    assert not either.wait(0.01)


def test_waits_time_out_while_the_owner_lives(caller: Caller, either: Event) -> None:
    with Owner(either):
        assert caller.do(either, "wait", 0.02) is False
        assert caller.do(either, "wait", 0) is False


def test_close_ends_a_wait_for_an_owned_event(thread: Caller, either: Event) -> None:
    with Owner(either):
        wait = thread.asleep(either, "wait")
        either.close()
        with pytest.raises(ValueError, match="was closed"):
            wait.result()


@pytest.mark.local("what is left are files")
def test_nothing_is_left_of_the_dead(place: str, event: Event) -> None:
    for _ in range(3):
        with Owner(event) as owner:
            owner.end("SIGKILL")
            with pytest.raises(OwnerDied):
                event.wait()
    bell = f".x.{event.stats().id:016x}.bell"
    assert sorted(os.listdir(place)) == [".tocsin.owners", bell, "x"]
    assert os.stat(f"{place}/.tocsin.owners").st_size == 0
