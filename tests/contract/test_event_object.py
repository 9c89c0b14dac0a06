"""What an Event is as a Python object: truthy, hashable, weakly referable, talkative, and not initialised twice."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import inspect
import pickle
import sys
import threading
import warnings
import weakref

import pytest
import trio
from harness.callers import RUN, Caller

import tocsin
from tocsin import Event


def test_truthy_whatever_its_state(either: Event) -> None:
    assert either
    either.set()
    assert either
    either.close()
    assert either


def test_hashable_and_equal_only_to_itself(place: str) -> None:
    with Event("x", at=place) as one, Event("x", at=place) as two:
        assert one == one  # noqa: PLR0124 - that is the question
        assert one != two
        assert len({one, two, one}) == 2
        with pytest.raises(TypeError):
            _ = one < two


def test_weakly_referable(place: str) -> None:
    event = Event("x", at=place)
    ref = weakref.ref(event)
    assert ref() is event
    del event
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("kind", ["thread", "asyncio", "uvloop", "trio"])
def test_no_wait_keeps_it_alive(kind: str) -> None:
    event = Event()
    Caller(kind).do(event, "wait", 0.001)
    ref = weakref.ref(event)
    del event
    gc.collect()
    assert ref() is None


def test_repr_shows_name_place_and_state(place: str) -> None:
    with Event("job/x", at=place) as event, Event() as anonymous:
        assert repr(event) == f"<tocsin.Event 'job/x' at {place!r}: clear, generation 0>"
        event.set()
        assert repr(event) == f"<tocsin.Event 'job/x' at {place!r}: set, generation 1>"
        assert repr(anonymous) == "<tocsin.Event anonymous: clear, generation 0>"
        event.unlink()
        assert repr(event) == f"<tocsin.Event 'job/x' at {place!r}: removed, generation 1>"
    assert repr(event) == f"<tocsin.Event 'job/x' at {place!r}: closed>"
    assert repr(anonymous) == "<tocsin.Event anonymous: closed>"


def test_attributes_of_named_and_anonymous(place: str) -> None:
    with Event("x", at=place) as event, Event() as anonymous:
        assert (event.name, event.at) == ("x", place)
        assert event.path == (None if event.is_far else f"{place}/x")
        assert (anonymous.name, anonymous.at, anonymous.path) == (None, None, None)


def test_stats_are_a_frozen_dataclass_with_these_fields(either: Event) -> None:
    either.set()
    stats = either.stats()
    assert isinstance(stats, tocsin.EventStats)
    names = "name at path kind listeners waiting_here removed writable mode id created is_set generation sleepers owner"
    assert [field.name for field in dataclasses.fields(stats)] == names.split()
    assert (stats.kind, stats.is_set, stats.generation, stats.waiting_here) == ("event", True, 1, 0)
    assert (stats.removed, stats.writable, stats.mode) == (False, True, 0o600)
    assert 1.6e9 < stats.created < 1e11
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.is_set = False


def test_stats_tell_of_listeners(thread: Caller, either: Event) -> None:
    assert not either.stats().listeners
    either.fileno()
    assert either.stats().listeners


@pytest.mark.parametrize("what", ["wait", "wait_clear"])
@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_blocking_in_a_running_loop_warns_and_names_the_twin(either: Event, what: str, loop: str) -> None:
    if what == "wait_clear":
        either.set()

    async def main() -> None:
        with pytest.warns(RuntimeWarning, match=rf"{what}_async") as caught:
            assert getattr(either, what)(0.001) is False
        assert caught[0].filename == __file__

    asyncio.run(main()) if loop == "asyncio" else trio.run(main)


def test_no_warning_when_it_does_not_block(either: Event) -> None:
    async def main() -> None:
        either.wait_clear()
        either.wait(0)
        either.set()
        either.wait()
        thread = threading.Thread(target=either.wait)
        thread.start()
        await asyncio.to_thread(either.wait)
        thread.join()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("asyncio", "uvloop"):
            either.clear()
            RUN[kind](main)


def test_the_warning_as_an_error_leaves_the_event_sound(either: Event) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeWarning):
            either.wait(1)

    asyncio.run(main())
    assert either.stats().waiting_here == 0
    either.set()
    assert either.wait()


@pytest.mark.parametrize("spin", [0, 1e-6, 0.001, 1])
def test_spin_changes_no_result(thread: Caller, place: str, spin: float) -> None:
    with Event("x", at=place, spin=spin) as event:
        assert event.wait(0) is False
        assert event.wait(0.002) is False
        wait = thread.start(event, "wait")
        event.set()
        assert wait.result() is True
        assert event.wait() is True


@pytest.mark.parametrize("spin", [-1, -1e-9, 1.1, float("nan"), float("inf")])
def test_a_bad_spin_is_refused(place: str, spin: float) -> None:
    with pytest.raises(ValueError, match=r"bad spin .*: give seconds"):
        Event("x", at=place, spin=spin)


@pytest.mark.parametrize("spin", ["1", None, []], ids=repr)
def test_a_spin_that_is_no_number_is_refused(place: str, spin: object) -> None:
    with pytest.raises(TypeError):
        Event("x", at=place, spin=spin)


def test_arguments_after_the_name_are_keywords(place: str) -> None:
    with pytest.raises(TypeError):
        Event("x", place)


def test_init_twice_is_refused_and_harms_nothing(event: Event, place: str) -> None:
    event.set()
    with pytest.raises(ValueError, match="once"):
        event.__init__("y", at=place)
    assert event.is_set()


def test_an_event_that_was_never_opened_says_so() -> None:
    event = Event.__new__(Event)
    for call in (event.set, event.is_set, event.wait, event.fileno, event.stats, event.unlink):
        with pytest.raises(ValueError, match="never opened"):
            call()
    event.close()
    del event


def test_a_subclass_that_forgets_its_parent_is_told(place: str) -> None:
    class Careless(Event):
        def __init__(self) -> None:
            pass

    with pytest.raises(ValueError, match="never opened"):
        Careless().set()
    assert "never opened" in repr(Careless()) or "closed" in repr(Careless())


@pytest.mark.parametrize("error", [getattr(tocsin, name) for name in tocsin.__all__ if name[0].isupper()])
def test_exceptions_have_builtin_parents_and_cross_processes(error: type) -> None:
    standard = ("Empty", "Full", "ShutDown")  # the standard library's own
    if not issubclass(error, Exception) or error.__name__ in standard:
        return
    parents = {"WrongKind": TypeError, "ConfigMismatch": ValueError, "ObjectRemoved": FileNotFoundError}
    assert issubclass(error, tocsin.TocsinError)
    assert issubclass(error, parents.get(error.__name__, Exception))
    again = pickle.loads(pickle.dumps(error("what", "else")))
    assert (type(again), again.args) == (error, ("what", "else"))


def test_every_public_name_is_documented() -> None:
    for name in tocsin.__all__:
        assert inspect.getdoc(getattr(tocsin, name)), name
    public = [name for name in dir(Event) if not name.startswith("_") and callable(getattr(Event, name))]
    missing = [name for name in public if not inspect.getdoc(getattr(Event, name))]
    assert missing == []
    assert sys.getrefcount(Event) > 1
