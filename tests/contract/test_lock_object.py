"""What a lock shares with every object: names, kinds, pickling, repr, stats, and what it costs in descriptors."""

from __future__ import annotations

import dataclasses
import gc
import multiprocessing
import pickle
import weakref
from typing import TYPE_CHECKING

import pytest
from harness.callers import Caller
from harness.places import descriptors, opened_since
from harness.until import until

import tocsin
from tocsin import Event, Lock, WrongKind

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def test_truthy_hashable_weakly_referable(place: str) -> None:
    one, two = Lock("x", at=place), Lock("x", at=place)
    assert one
    assert len({one, two, one}) == 2
    assert weakref.ref(one)() is one
    one.close()
    two.close()


def test_repr(place: str) -> None:
    lock, anonymous = Lock("job/x", at=place), Lock()
    assert repr(lock) == f"<tocsin.Lock 'job/x' at {place!r}: free>"
    assert repr(anonymous) == "<tocsin.Lock anonymous: free>"
    other = Lock("job/x", at=place)
    with lock:
        assert repr(lock).endswith(": held by this handle>")
        assert "held by process" in repr(other)
    lock.unlink()
    assert repr(lock) == f"<tocsin.Lock 'job/x' at {place!r}: removed, free>"
    lock.close()
    assert repr(lock) == f"<tocsin.Lock 'job/x' at {place!r}: closed>"
    other.close()
    assert "never opened" in repr(Lock.__new__(Lock))


def test_stats(place: str) -> None:
    lock = Lock("x", at=place)
    stats = lock.stats()
    assert isinstance(stats, tocsin.LockStats)
    assert (stats.kind, stats.removed, stats.writable, stats.mode) == ("lock", False, True, 0o600)
    assert (stats.name, stats.at, stats.path) == (lock.name, lock.at, lock.path)
    assert (stats.locked, stats.holder, stats.held_here, stats.waiting_here) == (False, None, False, 0)
    with lock:
        assert (lock.stats().locked, lock.stats().held_here) == (True, True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.mode = 0
    lock.close()


def test_stats_count_who_waits(place: str) -> None:
    holder = Lock("x", at=place)
    for kind in ("thread", "asyncio", "uvloop", "trio"):
        caller = Caller(kind)
        lock = Lock("x", at=place)
        holder.acquire()
        wait = caller.asleep(lock, "acquire")
        assert lock.stats().waiting_here == 1
        until(lambda lock=lock: lock.stats().listeners, "it listens")
        holder.release()
        assert wait.result()
        lock.release()
        caller.finish()
        assert lock.stats().waiting_here == 0
        lock.close()
    holder.close()


def test_every_public_call_is_documented() -> None:
    public = [name for name in dir(Lock) if not name.startswith("_") and callable(getattr(Lock, name))]
    assert [name for name in public if not getattr(Lock, name).__doc__] == []
    assert "race" in Lock.__doc__


def test_it_is_no_other_kind(place: str) -> None:
    with Event("event", at=place), pytest.raises(WrongKind):
        Lock("event", at=place)
    Lock("lock", at=place).close()
    with pytest.raises(WrongKind):
        Event("lock", at=place)


def test_looking_makes_nothing(place: str) -> None:
    with pytest.raises(FileNotFoundError):
        Lock("x", at=place, create=False)


def test_not_initialised_twice(place: str) -> None:
    lock = Lock("x", at=place)
    with pytest.raises(ValueError, match="initialised once"):
        lock.__init__("x", at=place)  # type: ignore[misc]
    lock.close()


def test_a_pickled_lock_is_another_handle_that_holds_nothing(place: str) -> None:
    lock = Lock("x", at=place)
    lock.acquire()
    copy = pickle.loads(pickle.dumps(lock))
    assert copy.locked()
    with pytest.raises(RuntimeError, match="not held by this handle"):
        copy.release()
    lock.release()
    assert copy.acquire(False)
    copy.release()
    for handle in (lock, copy):
        handle.close()


def _take(lock: Lock, line: Connection) -> None:
    with lock:
        line.send(lock.stats().held_here)


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_an_anonymous_one_reaches_children(method: str) -> None:
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    lock = Lock()
    lock.acquire()
    child = context.Process(target=_take, args=(lock, theirs))
    child.start()
    assert not ours.poll(0.05)
    lock.release()
    assert ours.poll(60)
    assert ours.recv() is True
    child.join(60)
    assert child.exitcode == 0
    assert not lock.locked()
    lock.close()


@pytest.mark.local("the descriptors of this host's files; on a server the holder's connection stays for the next time")
def test_a_closed_handle_gives_all_descriptors_back(place: str) -> None:
    gc.collect()
    before = descriptors()
    lock, other = Lock("x", at=place), Lock("x", at=place)
    with lock:
        assert not other.acquire(timeout=0.01)
    other.fileno()
    lock.close()
    other.close()
    assert [path for path in descriptors() if path not in before] == [f"{place}/.tocsin.owners"], "until they are gone"
    del lock, other
    gc.collect()
    assert opened_since(before) == []


def test_is_ready_for_waits_of_many(place: str) -> None:
    lock, other = Lock("x", at=place), Lock("x", at=place)
    assert lock._is_ready(0)
    with other:
        assert not lock._is_ready(0)
    assert lock._is_ready(0)
    other.acquire()
    lock.unlink()
    assert lock._is_ready(0), "a call then tells"
    other.release()
    lock.close()
    assert lock._is_ready(0)
    other.close()
