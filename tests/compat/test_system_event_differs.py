"""Where SystemEvent and ours differ: each line of the table in docs/from-the-seeds/system_event.md, shown for both."""

from __future__ import annotations

import asyncio
import math
import os
import pickle
import signal
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tocsin import Event, ObjectRemoved


def test_a_pulse_releases_who_waited(system_event: Any, name: str, hears_a_pulse: Any) -> None:
    """The original's clear() takes the semaphore's unit back before the one whom set() woke has come to take it."""
    # A wait that misses the pulse must end for the original, and must not end early for ours.
    heard = hears_a_pulse(system_event.cls(name), 60 if system_event.ours else 0.5)
    assert heard is system_event.ours


DIES_IN_WAIT = """
import os, signal
from SystemEvent import SystemEvent
event = SystemEvent("{name}")
class Killed:
    def __init__(self, semaphore): self.acquire = semaphore.acquire
    def release(self): os.kill(os.getpid(), signal.SIGKILL)
event._sem = Killed(event._sem)      # the instant between the two steps of its wait()
event.wait()
"""
DIES_AFTER_WAIT = """
import os, signal
from tocsin.compat.system_event import SystemEvent
SystemEvent("{name}").wait()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_waiter_that_is_killed_takes_nothing_along(system_event: Any, name: str, python: Any) -> None:
    """The original's wait takes the unit and puts it back; killed in between, it has cleared the event for all."""
    event = system_event.cls(name)
    event.set()
    child = python((DIES_AFTER_WAIT if system_event.ours else DIES_IN_WAIT).format(name=name))
    assert child.wait() == -signal.SIGKILL
    assert event.isSet() is system_event.ours


def test_looking_does_not_disturb_others(both_system_events: tuple[Any, Any], name: str) -> None:
    """While another process is inside the original's wait() or isSet(), a set event looks clear."""
    original, ours = (cls(name) for cls in both_system_events)
    original.set()
    original._sem.acquire(0)  # as far as another's wait() has come
    assert original.isSet() is False
    original._sem.release()
    assert original.isSet() is True
    ours.set()  # ours only reads
    generation = ours.generation
    assert ours.isSet() is True
    assert ours.generation == generation


def test_sets_are_counted_and_can_overflow(both_system_events: tuple[Any, Any], name: str) -> None:
    original, ours = (cls(name) for cls in both_system_events)
    for event in (original, ours):
        event.set()
        event.set()
        event.set()
    assert original._sem.value == 3
    assert ours.generation == 1


@pytest.mark.parametrize("timeout", [-1, -0.001, -math.inf])
def test_a_negative_timeout_looks_once(both_system_events: tuple[Any, Any], name: str, timeout: float) -> None:
    original, ours = (cls(name) for cls in both_system_events)
    with pytest.raises(TypeError):
        original.wait(timeout)
    assert ours.wait(timeout) is False
    ours.set()
    assert ours.wait(timeout) is True


@pytest.mark.parametrize("timeout", [math.nan, math.inf, 1e20])
def test_a_timeout_that_is_no_time(both_system_events: tuple[Any, Any], name: str, timeout: float) -> None:
    """The original hands them to the kernel: for ever ends at once, in an error about the semaphore or in False."""
    original, ours = (cls(name) for cls in both_system_events)
    if timeout == 1e20:
        assert original.wait(timeout) is False
    else:
        with pytest.raises(Exception, match="semaphore does not exist"):
            original.wait(timeout)
    if math.isnan(timeout):
        with pytest.raises(ValueError, match="NaN"):
            ours.wait(timeout)
    else:
        threading.Timer(0.05, ours.set).start()
        assert ours.wait(timeout) is True


TAKEN_BY_THE_SEED_ONLY = ["a b", "für", "a*", "new\nline", "x" * 201, ".dot", "-dash", ""]


@pytest.mark.parametrize("wrong", TAKEN_BY_THE_SEED_ONLY)
def test_names_that_only_the_seed_takes(both_system_events: tuple[Any, Any], name: str, wrong: str) -> None:
    original, ours = both_system_events
    event = original(wrong, prefix=name + ".")  # a prefix of the test's own; the characters are what matters
    event.set()
    assert event.isSet() is True
    with pytest.raises(ValueError, match="name"):
        ours(wrong)


def test_a_prefix_is_part_of_the_name(both_system_events: tuple[Any, Any], name: str) -> None:
    original, ours = both_system_events
    original(name, prefix="my app ").clear()
    with pytest.raises(ValueError, match="my app "):
        ours(name, prefix="my app ")


def test_without_a_prefix_it_is_the_same_as_with_the_default(both_system_events: tuple[Any, Any], name: str) -> None:
    """The default prefix means no prefix; the seed's default is one like any other."""
    original, ours = both_system_events
    original(name).set()
    assert original(name, prefix="").isSet() is False
    assert original("SystemEvent." + name, prefix="").isSet() is True
    ours(name).set()
    assert ours(name, prefix="").isSet() is True
    assert ours("SystemEvent." + name, prefix="").isSet() is False


def test_a_slash_makes_a_folder_or_a_path(both_system_events: tuple[Any, Any], name: str, tmp_path: Path) -> None:
    original, ours = both_system_events
    for slashed in (f"{name}/part", f"{tmp_path}/elsewhere"):
        with pytest.raises(ValueError, match="Invalid"):
            original(slashed)
    assert ours(f"{name}/part").path == os.path.join(os.environ["TOCSIN_AT"], name, "part")
    assert ours(f"{tmp_path}/elsewhere").path == f"{tmp_path}/elsewhere"


def test_a_zero_byte_is_refused(both_system_events: tuple[Any, Any], name: str, python: Any) -> None:
    _, ours = both_system_events
    child = python(f"import SystemEvent; SystemEvent.SystemEvent('{name}' + chr(0) + 'x')")
    assert child.wait() != 0  # posix_ipc 1.3.2 dies of a segmentation fault
    with pytest.raises(ValueError, match="NUL"):
        ours("a\0b")


@pytest.mark.parametrize("mode", [0, 0o400, 0o222])
def test_modes_that_only_the_seed_takes(both_system_events: tuple[Any, Any], name: str, mode: int) -> None:
    original, ours = both_system_events
    original(name, mode=mode)
    assert stat.S_IMODE(Path("/dev/shm", f"sem.SystemEvent.{name}").stat().st_mode) == mode
    with pytest.raises(ValueError, match="mode"):
        ours(name, mode=mode)
    assert not Path(os.environ["TOCSIN_AT"], name).exists()


def test_the_umask_is_left_alone(system_event: Any, name: str) -> None:
    """The original sets the process's umask to 0 for a moment, and a file that another thread makes then is open."""
    seen = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            with open("/proc/self/status") as status:  # os.umask() itself would disturb what it looks at
                seen.add(next(line for line in status if line.startswith("Umask")).split()[1])

    before = os.umask(0o027)
    thread = threading.Thread(target=look)
    thread.start()
    try:
        until = time.monotonic() + 30
        for turn in range(2_000 if system_event.ours else 10_000_000):
            system_event.cls(f"{name}-{turn % 4}")
            if "0000" in seen or time.monotonic() > until:
                break
    finally:
        done.set()
        thread.join()
        os.umask(before)
    assert ("0000" in seen) is not system_event.ours


def test_it_can_be_sent_to_another_process(system_event: Any, name: str) -> None:
    event = system_event.cls(name)
    event.set()
    if not system_event.ours:
        with pytest.raises(TypeError):
            pickle.dumps(event)
        return
    copy = pickle.loads(pickle.dumps(event))
    assert type(copy) is system_event.cls
    assert copy.isSet() is True
    copy.clear()
    assert event.isSet() is False


def test_removing_it_releases_those_who_wait(
    both_system_events: tuple[Any, Any], name: str, threads: Any, asleep: Any
) -> None:
    """An unlinked semaphore goes on for those who have it: they wait for a set that can't reach them any more."""
    original, ours = both_system_events
    import posix_ipc

    waits = original(name)
    posix_ipc.unlink_semaphore(f"/SystemEvent.{name}")
    original(name).set()
    assert waits.wait(0.05) is False
    event = ours(name)

    def wait() -> str:
        with pytest.raises(ObjectRemoved) as caught:
            event.wait()
        return str(caught.value)

    threads.start(wait)
    asleep(threads.threads[0])
    event.unlink()
    assert name in threads.join()[0]


def test_what_it_can_do_besides(both_system_events: tuple[Any, Any], name: str, readable: Any) -> None:
    original, ours = (cls(name) for cls in both_system_events)
    for more in ("is_set", "fileno", "wait_clear", "wait_async", "generation", "stats", "close", "unlink"):
        assert not hasattr(original, more)
        assert hasattr(ours, more)
    assert ours.is_set() is False
    assert readable(ours.fileno()) is False
    ours.set()
    assert readable(ours.fileno()) is True
    assert asyncio.run(ours.wait_async(60)) is True


def test_it_is_the_object_that_event_sees(both_system_events: tuple[Any, Any], name: str) -> None:
    _, ours = both_system_events
    made = ours(name)
    Event(name, mode=0o666).set()
    assert made.isSet() is True
    assert made.path == os.path.join(os.environ["TOCSIN_AT"], name)
    ours(name, prefix="mine.").set()
    assert Event("mine." + name, mode=0o666).is_set() is True


def test_without_tocsin_at_it_is_in_the_users_place(
    both_system_events: tuple[Any, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ours = both_system_events
    monkeypatch.delenv("TOCSIN_AT")
    event = ours(name)
    try:
        assert event.path == f"/dev/shm/tocsin-{os.getuid()}/{name}"
        Event(name).set()
        assert event.isSet() is True
    finally:
        event.unlink()


def test_root_is_asked_before_it_trusts_what_others_can_write(
    both_system_events: tuple[Any, Any], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others come in, only a mode that lets them write says that root accepts that: the seed's default does."""
    original, ours = both_system_events
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o755)
    monkeypatch.setenv("TOCSIN_AT", f"{public}/")
    original(name, mode=0o666).set()
    assert original(name, mode=0o600).isSet() is True
    ours(name, mode=0o666).set()
    assert ours(name).isSet() is True
    assert pickle.loads(pickle.dumps(ours(name))).isSet() is True
    if os.getuid() == 0:
        with pytest.raises(PermissionError, match="mode"):
            ours(name, mode=0o600)
    else:
        assert ours(name, mode=0o600).isSet() is True


def test_the_system_place_has_the_seeds_reach(
    both_system_events: tuple[Any, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One namespace for every user of the host, and a mode that lets them all in."""
    original, ours = both_system_events
    monkeypatch.setenv("TOCSIN_AT", "system")
    original(name)
    event = ours(name)
    try:
        seeds, mine = Path("/dev/shm", f"sem.SystemEvent.{name}").stat(), Path("/dev/shm", f"tocsin.{name}").stat()
        assert stat.S_IMODE(seeds.st_mode) == stat.S_IMODE(mine.st_mode) == 0o666
        assert ours(name).isSet() is False
        event.set()
        assert ours(name).isSet() is True
    finally:
        event.unlink()


def test_repr(both_system_events: tuple[Any, Any], name: str) -> None:
    original, ours = (cls(name) for cls in both_system_events)
    assert name not in repr(original)
    assert repr(name) in repr(ours)
    assert "clear" in repr(ours)
