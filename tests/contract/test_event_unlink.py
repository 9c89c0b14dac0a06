"""unlink releases everyone with ObjectRemoved; a file that was deleted from outside is noticed as well."""

from __future__ import annotations

import os
import re
import select
from pathlib import Path

import pytest
from harness.callers import LOOPS, RUN, Caller
from harness.places import objects_at
from harness.prove import FULL
from harness.until import age

import tocsin
from tocsin import Event, ObjectRemoved


@pytest.mark.parametrize("what", ["wait", "wait_clear"])
def test_unlink_releases_all_who_sleep(caller: Caller, either: Event, what: str) -> None:
    if what == "wait_clear":
        either.set()
    waits = [caller.asleep(either, what) for _ in range(3)]
    either.unlink()
    for wait in waits:
        with pytest.raises(ObjectRemoved, match="was removed"):
            wait.result()


def test_the_function_releases_all_as_well(caller: Caller, event: Event, place: str) -> None:
    wait = caller.asleep(event, "wait")
    assert tocsin.unlink("x", at=place) is None
    with pytest.raises(ObjectRemoved):
        wait.result()


def test_the_caller_may_be_the_one_who_unlinks(caller: Caller, thread: Caller, either: Event) -> None:
    wait = thread.asleep(either, "wait")
    caller.do(either, "unlink")
    with pytest.raises(ObjectRemoved):
        wait.result()


@pytest.mark.parametrize("kind", ["thread", *LOOPS])
@pytest.mark.parametrize("call", ["set", "clear", "is_set", "wait", "wait_clear", "fileno", "generation"])
def test_calls_after_unlink(kind: str, either: Event, call: str, place: str) -> None:
    either.unlink()
    if call == "generation":  # a number that was true once is no promise that somebody will set it
        assert Caller(kind).do(either, call) == 0
        return
    with pytest.raises(ObjectRemoved, match="was removed: open it anew"):
        Caller(kind).do(either, call)
    assert objects_at(place) == [], "nothing is made anew for a dead event"


def test_removed_is_a_file_not_found_error_and_says_what(place: str) -> None:
    with Event("job/x", at=place) as event:
        event.unlink()
        with pytest.raises(FileNotFoundError, match=rf"'job/x' at '{re.escape(place)}'") as caught:
            event.set()
        assert isinstance(caught.value, tocsin.TocsinError)
        assert event.stats().removed
        assert "removed" in repr(event)


@pytest.mark.local("a bell is a file")
def test_unlink_leaves_no_file(place: str) -> None:
    with Event("x", at=place) as event:
        event.fileno()
        assert sorted(p.name.split(".")[-1] for p in Path(place).iterdir()) == ["bell", "x"]
        event.unlink()
    assert list(Path(place).iterdir()) == []


def test_the_descriptor_is_readable_after_unlink(place: str) -> None:
    with Event("x", at=place) as event:
        fd = event.fileno()
        tocsin.unlink("x", at=place)
        assert select.select([fd], [], [], 0)[0] == [fd]


def test_the_same_name_is_another_object_afterwards(caller: Caller, place: str) -> None:
    with Event("x", at=place) as old:
        old.set()
        old.unlink()
        with Event("x", at=place) as new:
            assert not new.is_set()
            assert new.stats().id != old.stats().id
            caller.do(new, "set")
            assert new.is_set()
            for call in (old.set, old.clear, old.is_set, old.unlink):
                with pytest.raises(ObjectRemoved):
                    call()
            assert new.is_set()


def test_unlink_of_nothing(place: str) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        tocsin.unlink("x", at=place)
    with Event("x", at=place) as event:
        event.unlink()
        with pytest.raises(FileNotFoundError):
            tocsin.unlink("x", at=place)


@pytest.mark.local("deletes the file")
@pytest.mark.parametrize("call", ["set", "clear", "wait"])
def test_a_deleted_file_is_noticed_when_the_last_look_is_over_a_second_old(event: Event, call: str) -> None:
    os.unlink(event.path)
    age(1.2)
    with pytest.raises(ObjectRemoved):
        event.wait(0) if call == "wait" else getattr(event, call)()
    with pytest.raises(ObjectRemoved):
        event.is_set()


@pytest.mark.local("deletes the file")
def test_a_replaced_file_is_noticed_as_well(event: Event, place: str) -> None:
    os.unlink(event.path)
    with Event("x", at=place) as new:
        age(1.2)
        with pytest.raises(ObjectRemoved):
            event.set()
        assert not new.is_set()
        new.set()


@pytest.mark.local("deletes the file")
def test_a_deleted_event_is_never_unlinked_under_its_successor(event: Event, place: str) -> None:
    os.unlink(event.path)
    with Event("x", at=place) as new:
        with pytest.raises(ObjectRemoved):
            event.unlink()
        new.set()
        assert Event("x", at=place, create=False).is_set()


@pytest.mark.local("deletes the file")
def test_a_moved_file_is_gone_too(event: Event) -> None:
    os.rename(event.path, event.path + "y")
    age(1.2)
    with pytest.raises(ObjectRemoved):
        event.set()


@pytest.mark.local("deletes the file")
@pytest.mark.prove
@pytest.mark.timeout(300)
@pytest.mark.skipif(not FULL, reason="waits for a real minute, which is what it tests: make prove")
@pytest.mark.parametrize("what", ["wait", "wait_clear"])
def test_waiters_notice_a_deleted_file_within_a_minute(place: str, what: str) -> None:
    callers = [Caller(kind) for kind in ("thread", *LOOPS, "process")]
    with Event("x", at=place) as event:
        if what == "wait_clear":
            event.set()
        waits = [caller.asleep(event, what) for caller in callers]
        os.unlink(event.path)
        for caller, wait in zip(callers, waits, strict=True):
            age(75 if wait is waits[0] else 0)
            assert wait.done(), f"{caller.kind} did not notice"
            with pytest.raises(ObjectRemoved):
                wait.result()


@pytest.mark.local("deletes the file")
@pytest.mark.parametrize("kind", LOOPS)
def test_tasks_notice_when_they_begin_to_wait(kind: str, event: Event) -> None:
    os.unlink(event.path)
    age(1.2)
    with pytest.raises(ObjectRemoved):
        RUN[kind](event.wait_async)
