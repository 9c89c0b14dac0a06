"""The holder dies, in each way there is: the next one gets the lock at once, and is told. Who is stopped keeps it."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path

import pytest
from harness.callers import KINDS, Caller, InThread
from harness.child import Child
from harness.holder import Holder
from harness.keeper import DEATHS
from harness.until import PATIENCE_S, until

from tocsin import Event, Lock, wait_any


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("death", DEATHS)
def test_a_death_lets_the_next_in(death: str, caller: Caller, either_lock: Lock) -> None:
    with Holder(either_lock) as holder:
        wait = caller.asleep(either_lock, "acquire")
        holder.end(death)
        assert wait.result() is True
    if caller.kind != "process":
        assert either_lock.abandoned
        either_lock.release()
        assert not either_lock.abandoned
        with either_lock:
            assert not either_lock.abandoned, "only the next one is told"


@pytest.mark.parametrize("death", DEATHS)
def test_who_comes_later_is_told_as_well(death: str, either_lock: Lock) -> None:
    with Holder(either_lock) as holder:
        assert either_lock.holder == (holder.pid, either_lock.holder.command, True)
        holder.end(death)
        until(lambda: not either_lock.locked(), "its death is seen")
        if death not in ("close", "drop"):
            assert either_lock.holder == (holder.pid, either_lock.holder.command, False)
            assert "left behind by process" in repr(either_lock)
        assert not either_lock.abandoned
        assert either_lock.acquire(False)
        assert either_lock.abandoned


def test_a_release_is_no_death(either_lock: Lock) -> None:
    with Holder(either_lock) as holder:
        holder.do("release")
        assert either_lock.acquire(False)
        assert not either_lock.abandoned
        either_lock.release()
        holder.do("acquire")
    assert either_lock.acquire()
    assert either_lock.abandoned


def test_who_is_stopped_is_not_robbed(caller: Caller, either_lock: Lock) -> None:
    with Holder(either_lock) as holder:
        os.kill(holder.pid, signal.SIGSTOP)
        until(lambda: state_of(holder.pid) == "T", "it is stopped")
        assert caller.do(either_lock, "acquire", timeout=0.2) is False
        assert either_lock.locked()
        wait = caller.asleep(either_lock, "acquire")
        os.kill(holder.pid, signal.SIGCONT)
        holder.do("release")
        assert wait.result() is True
    assert not either_lock.abandoned


def test_one_of_many_gets_it_and_then_the_others(either_lock: Lock) -> None:
    callers = [Caller(kind) for kind in KINDS if kind != "process"]
    try:
        with Holder(either_lock) as holder:
            waits = [caller.asleep(either_lock, "acquire") for caller in callers for _ in range(2)]
            holder.end("SIGKILL")
            left = len(waits)
            while left:
                until(either_lock._mine, "one has it")
                assert either_lock.abandoned == (left == len(waits))
                either_lock.release()
                left -= 1
            assert [wait.result() for wait in waits] == [True] * len(waits)
    finally:
        for caller in callers:
            caller.finish()


def test_a_waiter_that_dies_takes_nothing_along(either_lock: Lock) -> None:
    either_lock.acquire()
    dying, other = Caller("process"), Caller("process")
    try:
        first = dying.asleep(either_lock, "acquire")
        second = other.asleep(either_lock, "acquire")
        os.kill(first.pid, signal.SIGKILL)
        either_lock.release()
        assert second.result() is True
    finally:
        dying.finish()
        other.finish()


def test_a_forked_child_holds_nothing_and_frees_nothing(either_lock: Lock) -> None:
    either_lock.acquire()
    pid = os.fork()
    if pid == 0:
        try:
            assert not either_lock.abandoned
            assert either_lock.acquire(False) is False
            assert either_lock.acquire(timeout=0.01) is False
            with pytest.raises(RuntimeError, match="not held by this handle"):
                either_lock.release()
            either_lock.close()
            os._exit(0)
        except BaseException:  # pytest must not go on in the child
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert either_lock.locked()
    either_lock.release()
    assert either_lock.acquire(False)
    assert not either_lock.abandoned


def test_a_childs_life_does_not_put_off_the_holders_death(place: str) -> None:
    script = """
lock = tocsin.Lock("x", at=sys.argv[1])
lock.acquire()
pid = os.fork()
if pid == 0:
    signal.pause()
say(pid)
signal.pause()
"""
    with Child(script, place) as child:
        grandchild = int(child.hear())
        caller = Caller("thread")
        lock = Lock("x", at=place)
        wait = caller.asleep(lock, "acquire")
        os.kill(child.pid, signal.SIGKILL)
        assert wait.result() is True
        assert lock.abandoned
        os.kill(grandchild, signal.SIGKILL)
        lock.release()
        lock.close()


def test_close_while_held_warns_and_abandons(place: str) -> None:
    one, two = Lock("x", at=place), Lock("x", at=place)
    one.acquire()
    with pytest.warns(ResourceWarning, match="closed while it is held"):
        one.close()
    assert two.acquire(False)
    assert two.abandoned
    two.release()
    two.acquire()
    with pytest.warns(ResourceWarning, match="closed while it is held"):
        del two
    with Lock("x", at=place) as three:
        assert three.abandoned
    three.close()


def test_a_descriptor_tells_of_a_death(either_lock: Lock) -> None:
    poll = select.poll()
    poll.register(either_lock.fileno(), select.POLLIN)
    assert poll.poll(0), "it can be taken"
    with Holder(either_lock) as holder:
        assert either_lock.acquire(False) is False
        assert poll.poll(0) == [], "a look consumes"
        holder.end("SIGKILL")
        assert poll.poll(PATIENCE_S * 1000)
        assert either_lock.acquire(False)
        assert poll.poll(0) == []
        either_lock.release()
        assert poll.poll(0)


def test_a_wait_for_many_hears_of_a_release_and_of_a_death(either_lock: Lock, place: str) -> None:
    with Event("other", at=place) as other, Holder(either_lock) as holder:
        assert wait_any(other, either_lock, timeout=0) == []
        waits = InThread(lambda: wait_any(other, either_lock))
        waits.until_asleep()
        holder.do("release")
        assert waits.result() == [either_lock]
        assert either_lock.acquire(False), "it took nothing"
        either_lock.release()
        holder.do("acquire")
        waits = InThread(lambda: wait_any(other, either_lock))
        waits.until_asleep()
        holder.end("SIGKILL")
        assert waits.result() == [either_lock]
        assert either_lock.acquire(False)
        assert either_lock.abandoned
