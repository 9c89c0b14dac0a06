"""own, disown and owner: a promise to set an event, who made it, and how it ends while its maker lives."""

from __future__ import annotations

import gc
import os
import pickle
import sys
from typing import TYPE_CHECKING

import pytest
from harness.owner import Owner
from harness.places import descriptors, opened_since
from harness.until import until

import tocsin
from tocsin import Event, OwnerDied

if TYPE_CHECKING:
    from harness.callers import Caller


def test_nobody_owns_a_new_event(either: Event) -> None:
    assert either.owner is None
    assert either.stats().owner is None


def test_who_owns_is_told_to_everyone(caller: Caller, either: Event) -> None:
    assert either.own(command="make all") is None
    for owner in (either.owner, either.stats().owner, caller.do(either, "owner")):
        assert owner == (os.getpid(), "make all", True)
        assert (owner.pid, owner.command, owner.alive) == owner
        assert isinstance(owner, tocsin.Owner)
        assert str(owner) == f"process {os.getpid()} (make all)"


def test_another_process_is_seen_to_own(either: Event) -> None:
    with Owner(either) as owner:
        assert either.owner == (owner.pid, "make all", True)


def test_by_default_an_owner_is_called_by_its_command_line(either: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    for argv, said in (
        (["job.py", "--fast", "a b"], "job.py --fast a b"),
        (["-c"], " ".join(sys.orig_argv)),
        ([], " ".join(sys.orig_argv)),
    ):
        monkeypatch.setattr(sys, "argv", argv)
        either.own()
        assert either.owner.command == said[:200]
        either.disown()


@pytest.mark.parametrize(
    ("given", "said"),
    [("", ""), ("ä" * 150, "ä" * 100), ("x" + "ä" * 150, "x" + "ä" * 99), ("a\0b", "a b"), ("\udcff", "\\udcff")],
)
def test_a_command_is_cut_between_characters(either: Event, given: str, said: str) -> None:
    either.own(command=given)
    assert either.owner.command == said
    if not said:
        assert str(either.owner) == f"process {os.getpid()}"


def test_a_second_claim_is_refused_and_names_the_first(caller: Caller, either: Event) -> None:
    either.own(command="make all")
    with pytest.raises(RuntimeError, match=rf"is owned by process {os.getpid()} \(make all\)"):
        caller.do(either, "own")
    assert either.owner.alive


def test_another_handle_of_the_same_process_is_refused_as_well(event: Event, place: str) -> None:
    event.own()
    with Event("x", at=place) as other:
        with pytest.raises(RuntimeError, match="is owned by process"):
            other.own()
        other.disown()  # it isn't this handle's
        assert event.owner is not None
    assert event.owner is not None, "its close changes nothing"
    assert not event.wait(0)


def test_a_set_event_is_not_to_be_owned(caller: Caller, either: Event) -> None:
    either.set()
    with pytest.raises(RuntimeError, match="is set, so there is nothing to promise"):
        caller.do(either, "own")
    assert either.owner is None


def test_set_by_anyone_keeps_the_promise(caller: Caller, either: Event) -> None:
    either.own()
    wait = caller.asleep(either, "wait")
    caller.do(either, "set")
    assert wait.result() is True
    assert either.owner is None
    either.clear()
    assert either.owner is None, "the promise was for one set"
    assert not either.wait(0)
    either.own()
    assert either.owner.alive


def test_the_owner_itself_sets(caller: Caller, either: Event) -> None:
    wait = caller.asleep(either, "wait")
    with Owner(either) as owner:
        owner.do("set")
        assert wait.result() is True
        owner.end("SIGKILL")
        owner.reap()
        assert either.wait(0)
        assert caller.do(either, "wait") is True
        either.clear()
        assert not either.wait(0), "it kept its promise, so its death is nobody's business"
        assert either.owner is None


def test_disown_takes_it_back_and_waits_go_on(caller: Caller, either: Event) -> None:
    with Owner(either) as owner:
        wait = caller.asleep(either, "wait")
        owner.do("disown")
        assert either.owner is None
        owner.end("SIGKILL")
        owner.reap()
        wait.until_asleep()
        either.own()
        either.set()
        assert wait.result() is True


def test_disown_twice_and_of_what_is_nobodys(either: Event) -> None:
    either.disown()
    either.own()
    either.disown()
    either.disown()
    either.own()
    either.set()
    either.disown()
    assert either.is_set()


def test_clear_leaves_a_living_owner_his_claim(caller: Caller, either: Event) -> None:
    with Owner(either):
        caller.do(either, "clear")
        assert either.owner.alive
        assert either.generation == 0


def test_a_living_owner_changes_nothing_else(either: Event) -> None:
    with Owner(either):
        assert not either.is_set()
        assert not either.wait(0)
        assert not either.wait(0.01)
        assert either.wait_clear(0)
        assert "clear" in repr(either)


def test_a_pulse_ends_the_claim_and_releases_all(caller: Caller, either: Event) -> None:
    with Owner(either) as owner:
        waits = [caller.asleep(either, "wait") for _ in range(2)]
        either.set()
        either.clear()
        owner.end("SIGKILL")
        assert [wait.result() for wait in waits] == [True, True]
        owner.reap()
        assert not either.wait(0)


def test_a_claim_is_for_the_next_set_alone(either: Event) -> None:
    """Whoever waits for a later set is told, too: the next is never going to come from the dead."""
    either.own()
    either.set()
    generation = either.generation
    either.clear()
    with Owner(either) as owner:
        owner.end("SIGKILL")
        owner.reap()
        assert either.wait(0, since=generation - 1)
        with pytest.raises(OwnerDied):
            either.wait(since=generation + 5)
        with pytest.raises(OwnerDied):
            either.wait(0, since=generation)


@pytest.mark.local("an owner holds a FIFO of this host open; on a server his connection stays for the next time")
def test_nothing_is_left_open(either: Event) -> None:
    either.wait(0.001)
    either.own()
    either.disown()
    gc.collect()  # what earlier tests left
    before = descriptors()
    for _ in range(10):
        either.own()
        assert len(opened_since(before)) == 1
        either.set()
        assert opened_since(before) == []
        either.clear()
        either.own()
        either.disown()
        assert opened_since(before) == []


@pytest.mark.local("descriptors of this host's files; on a server the owner's connection goes in a moment of its own")
def test_a_handle_that_is_closed_gives_everything_back(place: str) -> None:
    gc.collect()  # what other tests have left
    before = descriptors()
    with Event("x", at=place) as event:
        event.own()
        assert not event.wait(0.001)
    del event
    gc.collect()
    assert opened_since(before) == []


def test_own_after_close_and_after_unlink(place: str) -> None:
    with Event("x", at=place) as event:
        event.unlink()
        for call in (event.own, event.disown):
            if call == event.own:
                with pytest.raises(tocsin.ObjectRemoved):
                    call()
            else:
                call()
        assert event.owner is None
    for call in (event.own, event.disown, lambda: event.owner):
        with pytest.raises(ValueError, match="was closed"):
            call()


@pytest.mark.local("what it leaves are files")
def test_an_owned_event_leaves_nothing_when_it_is_gone(place: str) -> None:
    with Event("x", at=place) as event:
        event.own()
        event.unlink()
    assert os.listdir(place) in ([], [".tocsin.owners"])


def test_unlink_of_an_owned_event(caller: Caller, either: Event) -> None:
    with Owner(either):
        wait = caller.asleep(either, "wait")
        either.unlink()
        with pytest.raises(tocsin.ObjectRemoved):
            wait.result()


def test_a_stranger_process_may_own_after_the_end(either: Event) -> None:
    with Owner(either) as first:
        with pytest.raises(RuntimeError, match=rf"process {first.pid} \(make all\)"):
            Owner(either)
        first.do("disown")
        with Owner(either, "second") as second:
            assert either.owner == (second.pid, "second", True)


def test_the_exception_survives_pickling(either: Event) -> None:
    with Owner(either) as owner:
        owner.end("SIGKILL")
        owner.reap()
        with pytest.raises(OwnerDied) as caught:
            either.wait()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is OwnerDied
    assert str(copy) == str(caught.value)
    assert copy.owner == caught.value.owner == (owner.pid, "make all", False)
    assert isinstance(copy, tocsin.TocsinError)
    assert OwnerDied("text").owner is None


def test_eight_processes_want_it_and_one_has_it(either: Event) -> None:
    with Owner(either) as first:
        for _ in range(7):
            with pytest.raises(RuntimeError, match=f"process {first.pid} "):
                Owner(either)
        assert either.owner.pid == first.pid


def test_own_by_two_threads_of_one_handle(thread: Caller, either: Event) -> None:
    for _ in range(50):
        claims = [thread.start(either, "own") for _ in range(3)]
        until(lambda c=claims: all(claim.done() for claim in c), "all have tried")
        refused = 0
        for claim in claims:
            try:
                claim.result()
            except RuntimeError:
                refused += 1
        assert refused == 2
        either.disown()
        assert either.owner is None
