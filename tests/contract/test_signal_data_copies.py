"""Copies of a signal or data event: pickles, children of multiprocessing, forks."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from typing import Any

import pytest
from harness.child import Child
from harness.forks import FORKED
from harness.moments import TITLES, value_of

import tocsin
from tocsin import DataEvent, Signal


def test_a_pickle_is_a_new_listener(kind: type[Any], place: str) -> None:
    with kind("x", at=place, replay=False) as made:
        made.signal(*value_of(made))
        with pickle.loads(pickle.dumps(made)) as again, copy.copy(made) as third:
            assert type(again) is type(made)
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


FORK = FORKED + """
from tocsin import Signal, DataEvent
at, kind = sys.argv[1:3]
kind = {"signal": Signal, "data": DataEvent}[kind]
value = () if kind is Signal else ("value",)
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
