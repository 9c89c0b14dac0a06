"""Handing an event to the children of multiprocessing, by every start method."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.places import objects_at
from harness.until import PATIENCE_S

from tocsin import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import BaseContext


def answer(ping: Event, pong: Event, twice: Event) -> None:
    """Runs in the child."""
    assert ping.wait(PATIENCE_S)
    assert twice.is_set()
    ping.clear()
    assert twice.wait_clear(PATIENCE_S)
    pong.set()


def by_fileno(ping: Event, pong: Event) -> None:
    import select

    ready = select.select([ping], [], [], PATIENCE_S)[0]
    assert ready == [ping]
    pong.set()


def in_loop(ping: Event, pong: Event) -> None:
    import asyncio

    assert asyncio.run(ping.wait_async())
    pong.set()


@pytest.fixture(params=["spawn", "forkserver", "fork"])
def context(request: pytest.FixtureRequest) -> BaseContext:
    return multiprocessing.get_context(request.param)


@pytest.fixture(params=["named", "anonymous"])
def pair(request: pytest.FixtureRequest, place: str) -> Iterator[tuple[Event, Event]]:
    named = request.param == "named"
    with Event("a", at=place) if named else Event() as one, Event("b", at=place) if named else Event() as two:
        yield one, two


def run(context: BaseContext, target: object, *events: Event) -> multiprocessing.Process:
    child = context.Process(target=target, args=events, daemon=True)
    child.start()
    return child


def joined(child: multiprocessing.Process) -> int | None:
    child.join(PATIENCE_S)
    code = child.exitcode
    child.kill()
    child.join()
    return code


def test_both_directions(context: BaseContext, pair: tuple[Event, Event]) -> None:
    ping, pong = pair
    child = run(context, answer, ping, pong, ping)
    ping.set()
    assert pong.wait(PATIENCE_S)
    assert not ping.is_set()
    assert joined(child) == 0


def test_the_childs_descriptor(context: BaseContext, pair: tuple[Event, Event]) -> None:
    ping, pong = pair
    ping.fileno()
    child = run(context, by_fileno, ping, pong)
    ping.set()
    assert pong.wait(PATIENCE_S)
    assert joined(child) == 0


def test_the_childs_loop(context: BaseContext, pair: tuple[Event, Event]) -> None:
    ping, pong = pair
    child = run(context, in_loop, ping, pong)
    ping.set()
    assert pong.wait(PATIENCE_S)
    assert joined(child) == 0


def test_a_pickled_event_is_the_same_object(place: str) -> None:
    with Event("job/x", at=place, spin=1e-6) as event, pickle.loads(pickle.dumps(event)) as other:
        other.set()
        assert event.is_set()
        assert (other.name, other.at, other.path) == (event.name, event.at, event.path)
        assert type(other) is type(event)
        assert other._spin == event._spin


class Named(Event):
    pass


def test_a_subclass_stays_one(place: str) -> None:
    with Named("x", at=place) as event, pickle.loads(pickle.dumps(event)) as other:
        assert isinstance(other, Named)
        assert type(other) is type(event)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_copies_are_handles_of_the_same_object(event: Event, make: object) -> None:
    with make(event) as other:
        other.set()
        assert event.is_set()


@pytest.mark.local("a working directory is this host's")
def test_the_place_is_the_senders_and_not_the_receivers(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment and the working directory of the receiver have no say."""
    monkeypatch.setenv("TOCSIN_AT", place)
    monkeypatch.chdir(place)
    with Event("x") as by_environment, Event("./y") as by_path:
        raw = pickle.dumps((by_environment, by_path))
        monkeypatch.setenv("TOCSIN_AT", "/nowhere/")
        monkeypatch.chdir("/")
        one, two = pickle.loads(raw)
        with one, two:
            one.set()
            two.set()
            assert by_environment.is_set()
            assert by_path.is_set()


def test_an_unrelated_process_gets_it_by_pickle(event: Event) -> None:
    script = "import pickle; e = pickle.loads(bytes.fromhex(sys.argv[1])); e.set(); say(e.name)"
    with Child(script, pickle.dumps(event).hex()) as child:
        assert child.hear() == "x"
        assert event.wait(PATIENCE_S)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_anonymous_events_are_not_pickled_elsewhere(protocol: int) -> None:
    with Event() as event, pytest.raises(TypeError, match="give it a name"):
        pickle.dumps(event, protocol)


def test_anonymous_events_are_not_copied() -> None:
    with Event() as event, pytest.raises(TypeError, match="give it a name"):
        copy.copy(event)


def test_a_pickle_of_a_removed_event_makes_or_finds_another(event: Event, place: str) -> None:
    raw = pickle.dumps(event)
    event.unlink()
    with pickle.loads(raw) as other:
        other.set()
        assert objects_at(place) == ["x"]
        assert other.stats().id != pickle.loads(raw).stats().id or other.is_set()
