"""What signals and data events share with every object: names, kinds, close, unlink, pickle, repr, bad input."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import gc
import multiprocessing
import os
import pickle
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN, Caller
from harness.child import Child
from harness.places import descriptors
from harness.until import age

import tocsin
from tocsin import DataEvent, Event, ObjectRemoved, Signal, WrongKind

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {"signal": Signal, "data": DataEvent}
TITLES = {Signal: "signal", DataEvent: "data event"}


def value_of(handle: Any) -> tuple[Any, ...]:
    return () if isinstance(handle, Signal) else ("value",)


def count_of(handle: Any) -> int:
    return handle.count if isinstance(handle, Signal) else handle.version


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> type[Any]:
    return KINDS[request.param]


@pytest.fixture(params=["named", "anonymous"])
def handle(request: pytest.FixtureRequest, kind: type[Any], place: str) -> Iterator[Any]:
    with kind("x", at=place) if request.param == "named" else kind() as made:
        yield made


# -- as a Python object


def test_truthy_hashable_weakly_referable(kind: type[Any], place: str) -> None:
    one, two = kind("x", at=place), kind("x", at=place)
    assert one
    assert len({one, two, one}) == 2
    ref = weakref.ref(one)
    one.close()
    assert one
    del one
    gc.collect()
    assert ref() is None
    two.close()


def test_repr(kind: type[Any], place: str) -> None:
    word = "count" if kind is Signal else "version"
    name = f"tocsin.{kind.__name__}"
    with kind("job/x", at=place) as named, kind() as anonymous:
        assert repr(named) == f"<{name} 'job/x' at {place!r}: {word} 0>"
        named.signal(*value_of(named))
        assert repr(named) == f"<{name} 'job/x' at {place!r}: {word} 1>"
        assert repr(anonymous) == f"<{name} anonymous: {word} 0>"
        named.unlink()
        assert repr(named) == f"<{name} 'job/x' at {place!r}: removed, {word} 1>"
    assert repr(named) == f"<{name} 'job/x' at {place!r}: closed>"
    assert "never opened" in repr(kind.__new__(kind))


def test_stats(handle: Any, kind: type[Any]) -> None:
    handle.signal(*value_of(handle))
    stats = handle.stats()
    assert isinstance(stats, tocsin.SignalStats if kind is Signal else tocsin.DataEventStats)
    assert (stats.kind, stats.removed, stats.writable, stats.mode) == (handle._kind, False, True, 0o600)
    assert (stats.name, stats.at, stats.path) == (handle.name, handle.at, handle.path)
    assert (stats.count if kind is Signal else stats.version) == 1
    assert stats.waiting_here == 0
    assert 1.6e9 < stats.created < 1e11
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.mode = 0


def test_stats_count_who_waits(caller: Caller, handle: Any) -> None:
    if caller.kind == "process":
        return  # waits on a handle of its own
    wait = caller.asleep(handle, "wait")
    assert handle.stats().waiting_here == 1
    assert handle.stats().listeners or isinstance(handle, DataEvent)
    handle.signal(*value_of(handle))
    wait.result()
    assert handle.stats().waiting_here == 0


def test_every_public_call_is_documented(kind: type[Any]) -> None:
    public = [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))]
    assert [name for name in public if not getattr(kind, name).__doc__] == []
    assert "race" in kind.__doc__


def test_not_initialised_twice(handle: Any) -> None:
    with pytest.raises(ValueError, match="initialised once"):
        handle.__init__()
    handle.signal(*value_of(handle))


# -- names, places, kinds


@pytest.mark.parametrize("name", ["", "/", "a//b", ".x", "-x", "x\0", "é", "a" * 201, "a/../b"])
def test_bad_names(kind: type[Any], place: str, name: str) -> None:
    with pytest.raises(ValueError, match="bad name"):
        kind(name, at=place)
    assert list(Path(place).iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"name": 5}, TypeError),
        ({"name": b"x"}, TypeError),
        ({"name": "x", "at": "nowhere"}, ValueError),
        ({"name": "x", "at": 5}, TypeError),
        ({"name": "x", "mode": 0o444}, ValueError),
        ({"name": "x", "mode": True}, ValueError),
        ({"name": "x", "mode": "0600"}, ValueError),
        ({"name": "x", "spin": 1}, TypeError),
    ],
)
def test_bad_arguments(kind: type[Any], place: str, arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        kind(**{"at": place, **arguments})
    assert list(Path(place).iterdir()) == []


def test_arguments_are_by_name(kind: type[Any], place: str) -> None:
    with pytest.raises(TypeError):
        kind("x", place)


def test_create_false_makes_nothing(kind: type[Any], place: str) -> None:
    with pytest.raises(FileNotFoundError, match="create=True"):
        kind("x", at=place, create=False)
    assert list(Path(place).iterdir()) == []
    with kind("x", at=place), kind("x", at=place, create=False) as found:
        found.signal(*value_of(found))


def test_a_path_is_a_name(kind: type[Any], place: str) -> None:
    with kind(f"{place}/x") as by_path, kind("x", at=place) as by_name:
        by_path.signal(*value_of(by_path))
        assert count_of(by_name) == 1


@pytest.mark.parametrize("other", [Event, Signal, DataEvent])
def test_the_wrong_kind(kind: type[Any], other: type[Any], place: str) -> None:
    if other is kind:
        return
    with other("x", at=place), pytest.raises(WrongKind, match="another kind"):
        kind("x", at=place)
    with pytest.raises(WrongKind):
        kind("x/y", at=place)


def test_another_mode_is_a_mismatch(kind: type[Any], place: str) -> None:
    with kind("x", at=place, mode=0o640) as made:
        assert made.stats().mode == 0o640
        with pytest.raises(tocsin.ConfigMismatch, match="another mode"):
            kind("x", at=place, mode=0o600)
        with kind("x", at=place):
            pass


def test_a_damaged_file(kind: type[Any], place: str) -> None:
    with kind("x", at=place) as made:
        path = made.path
    content = bytearray(Path(path).read_bytes())
    content[0] ^= 0xFF
    Path(path).write_bytes(content)
    with pytest.raises(tocsin.ObjectDamaged):
        kind("x", at=place)


# -- close


@pytest.mark.parametrize("caller_kind", ["thread", *LOOPS])
def test_close_ends_blocked_calls(caller_kind: str, handle: Any) -> None:
    local = Caller(caller_kind)
    waits = [local.asleep(handle, "wait") for _ in range(3)]
    handle.close()
    for wait in waits:
        with pytest.raises(ValueError, match="closed"):
            wait.result()


def test_every_call_after_close_is_a_value_error(handle: Any) -> None:
    handle.fileno()
    handle.close()
    handle.close()
    calls = [lambda: handle.signal(*value_of(handle)), handle.wait, lambda: handle.wait(0), handle.fileno, handle.stats]
    calls += [handle.unlink, lambda: count_of(handle), lambda: next(iter(handle))]
    if isinstance(handle, DataEvent):
        calls += [handle.latest, lambda: handle.latest(None)]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()
    for loop in LOOPS:
        for twin in (handle.wait_async, lambda: handle.signal_async(*value_of(handle))):
            with pytest.raises(ValueError, match="closed"):
                RUN[loop](twin)


def test_the_message_names_the_object(kind: type[Any], place: str) -> None:
    with kind() as anonymous:
        pass
    with pytest.raises(ValueError, match=f"the anonymous {TITLES[kind]} was closed: open a new handle"):
        anonymous.wait()


def test_a_dropped_handle_gives_everything_back(kind: type[Any], place: str) -> None:
    def use() -> None:
        for made in (kind("x", at=place), kind()):
            made.fileno()
            made.signal(*value_of(made))
            assert made.wait()
            RUN["asyncio"](lambda made=made: _wait_in_vain(made))

    use()
    gc.collect()  # what earlier tests left to the collector, too
    before = descriptors()
    for _ in range(20):
        use()
    gc.collect()
    assert descriptors() == before


async def _wait_in_vain(handle: Any) -> None:
    with contextlib.suppress(TimeoutError):
        await handle.wait_async(0.0001)


# -- unlink


def test_unlink_releases_all_who_wait(caller: Caller, handle: Any) -> None:
    waits = [caller.asleep(handle, "wait") for _ in range(3)]
    handle.unlink()
    for wait in waits:
        with pytest.raises(ObjectRemoved, match="was removed"):
            wait.result()


def test_nothing_is_left_behind(kind: type[Any], place: str) -> None:
    with kind("x", at=place) as made:
        made.fileno()
        for size in (1, 100_000, 10, 300_000):
            made.signal(*([] if kind is Signal else ["v" * size]))
        tocsin.unlink("x", at=place)
        left = [p.name for p in Path(place).iterdir() if not p.name.endswith(".owners")]  # the place's own
        assert left == []
        with pytest.raises(ObjectRemoved):
            made.signal(*value_of(made))
        with kind("x", at=place) as new:
            assert count_of(new) == 0


def test_a_deleted_file_is_noticed(kind: type[Any], place: str) -> None:
    with kind("x", at=place) as made:
        os.unlink(made.path)
        age(1.2)
        with pytest.raises(ObjectRemoved):
            made.signal(*value_of(made))
        with pytest.raises(ObjectRemoved):
            made.wait(0)


# -- pickle, copies, fork


def test_a_pickle_is_a_new_listener(kind: type[Any], place: str) -> None:
    with kind("x", at=place, replay=False) as made:
        made.signal(*value_of(made))
        with pickle.loads(pickle.dumps(made)) as again, copy.copy(made) as third:
            assert type(again) is kind
            made.signal(*value_of(made))
            assert again.wait(0)
            assert third.wait(0)
            assert made.wait(0)


def test_the_arguments_go_along(kind: type[Any], place: str) -> None:
    with kind("x", at=place) as made:
        made.signal(*value_of(made))
    for replay in (False, True):
        with kind("x", at=place, replay=replay) as made, pickle.loads(pickle.dumps(made)) as again:
            assert again._replay is replay
            found = again.wait(0) if kind is Signal else again.wait(0) if replay else None
            assert bool(found) is replay
    with DataEvent("y", at=place, type=dict[str, int]) as typed, pickle.loads(pickle.dumps(typed)) as again:
        with pytest.raises(tocsin.InvalidMessage):
            again.signal({"a": "b"})


def test_anonymous_ones_are_not_pickled_elsewhere(kind: type[Any]) -> None:
    with kind() as anonymous, pytest.raises(TypeError, match=f"the anonymous {TITLES[kind]} .*give it a name"):
        pickle.dumps(anonymous)


def _peer(handle: Any, back: Any) -> None:
    handle.signal(*value_of(handle))
    back.wait()


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a fork with threads, which others of this run may have left
def test_children_of_multiprocessing(method: str, handle: Any, kind: type[Any]) -> None:
    """Both directions, and what the child signals before the parent waits is not lost."""
    context = multiprocessing.get_context(method)
    with kind(replay=False) as back:
        child = context.Process(target=_peer, args=(handle, back))
        child.start()
        handle.wait()
        while child.is_alive():
            back.signal(*value_of(back))
            child.join(0.01)
        assert child.exitcode == 0
        child.close()


FORK = """
from tocsin import Signal, DataEvent
at, kind = sys.argv[1:3]
kind = {"signal": Signal, "data": DataEvent}[kind]
value = () if kind is Signal else ("value",)
def fork(function):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid
def reap(pid): assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
for made in (kind("x", at=at), kind()):
    made.signal(*value)
    made.fileno()
    def child():
        assert made.wait(0), "the cursor was copied"
        made.signal(*value)
        assert made.wait(0)
        made.fileno()
    reap(fork(child))
    got = made.wait(0)
    assert got == 2 or kind is DataEvent, got
    pid = fork(lambda: made.wait() or 1 / 0)
    from harness.asleep import until_asleep
    until_asleep(pid)
    made.signal(*value)
    reap(pid)
    assert made.wait(0)
    parent = os.getpid()
    pid = fork(lambda: (until_asleep(parent), made.signal(*value)))
    assert made.wait()
    reap(pid)
    import asyncio
    async def main():
        await made.signal_async(*value)
        assert await made.wait_async()
    asyncio.run(main())
    reap(fork(lambda: asyncio.run(main())))
    assert made.wait()
say("done")
"""


def test_fork_copies_the_cursor(kind: type[Any], place: str) -> None:
    with Child(FORK, place, "signal" if kind is Signal else "data") as child:
        assert child.check().strip() == "done"
