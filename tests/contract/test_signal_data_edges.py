"""At the edges: handlers and Ctrl-C in a wait, no descriptor and no space left, users who may only read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from harness.child import _PREAMBLE, TESTS, Child
from harness.places import fresh_place
from harness.users import BECOME, needs_root

from tocsin import DataEvent, Signal

BEGIN = """
import contextlib, errno, gc, resource, select, msgspec, tocsin._plain  # before a user without rights is taken on
from tocsin import DataEvent, Signal
place, kind = sys.argv[1:3]
kind = Signal if kind == "signal" else DataEvent
value = () if kind is Signal else ("v" * 10_000,)
"""


@pytest.fixture(params=["signal", "data"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def child(script: str, place: str, kind: str) -> Child:
    return Child(BEGIN + script, place, kind)


# -- signals of the system


def test_a_handler_that_signals_ends_the_wait(place: str, kind: str) -> None:
    script = """
made = kind("x", at=place)
signal.signal(signal.SIGUSR1, lambda *_: made.signal(*value))
say("ready")
say(bool(made.wait()))
"""
    with child(script, place, kind) as waiter:
        assert waiter.hear() == "ready"
        waiter.until_asleep()
        waiter.signal(signal.SIGUSR1)
        assert waiter.hear() == "True"
        waiter.check()


def test_a_handler_that_cancels_ends_the_wait(place: str, kind: str) -> None:
    script = """
made = kind("x", at=place)
signal.signal(signal.SIGUSR1, lambda *_: made.cancel())
say("ready")
say(list(made))
"""
    with child(script, place, kind) as waiter:
        assert waiter.hear() == "ready"
        waiter.until_asleep()
        waiter.signal(signal.SIGUSR1)
        assert waiter.hear() == "[]"
        waiter.check()


def test_a_handler_that_does_nothing_does_not(place: str, kind: str) -> None:
    script = """
made = kind("x", at=place)
signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
say("ready")
say(bool(made.wait(3600)))
"""
    with child(script, place, kind) as waiter:
        assert waiter.hear() == "ready"
        for _ in range(3):
            waiter.until_asleep()
            waiter.signal(signal.SIGUSR1)
            assert waiter.hear() == "handled"
        waiter.until_asleep()
        with Signal("x", at=place) if kind == "signal" else DataEvent("x", at=place) as made:
            made.signal(*([] if kind == "signal" else [1]))
        assert waiter.hear() == "True"
        waiter.check()


def test_ctrl_c_leaves_it_sound(place: str, kind: str) -> None:
    script = """
made = kind("x", at=place)
say("ready")
try: made.wait()
except KeyboardInterrupt: say("interrupted", made.stats().waiting_here)
made.signal(*value)
say(bool(made.wait()))
"""
    with child(script, place, kind) as waiter:
        assert waiter.hear() == "ready"
        waiter.until_asleep()
        waiter.signal(signal.SIGINT)
        assert waiter.hear() == "interrupted 0"
        assert waiter.hear() == "True"
        waiter.check()


# -- nothing left


STARVE = """
@contextlib.contextmanager
def starved(spare):
    gc.collect()
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    fill = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, old[1]))
    try:
        while True: fill.append(os.open("/dev/null", os.O_RDONLY))
    except OSError: pass
    for _ in range(spare): os.close(fill.pop())
    try: yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, old)
        for fd in fill: os.close(fd)
def count(made): return made.count if kind is Signal else made.version
def take(made):
    try: return made.wait(0)
    except TimeoutError: return 0
"""


@pytest.mark.local("a server is told by the connection that the handle came with")
@pytest.mark.parametrize("name", ["x", ""])
def test_no_descriptor_left(place: str, kind: str, name: str) -> None:
    """With 0, 1, 2 ... to spare, a signal to somebody who listens fails and changes nothing, until it succeeds."""
    script = f"""
import tocsin._stats
failed = 0
for spare in range(20):
    made = kind({name!r} or None, at=place) if {name!r} else kind()
    made.fileno()
    with starved(spare):
        try:
            made.signal(*value)
            done = True
        except OSError as error:
            assert error.errno == errno.EMFILE, error
            done = False
    assert count(made) == done and bool(take(made)) == done
    made.signal(*value)
    assert select.select([made], [], [], 60)[0] and take(made)
    made.unlink(); made.close(); del made
    if done: break
    failed += 1
else: raise AssertionError("never succeeded")
say(failed)
"""
    with child(STARVE + script, place, kind) as starving:
        assert int(starving.check()) > 0


def private_mounts() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


FULL = """
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1048576", "none", place], check=True)
data, other = DataEvent("x", at=place), DataEvent("x", at=place)
for turn in range(20):
    assert data.signal(turn) == 2 * turn + 1
    for size in (2_000_000, 1_040_000):
        try: data.signal("v" * size)
        except OSError as error: assert error.errno == errno.ENOSPC, error
        else: raise AssertionError(size)
        assert data.latest() == turn and data.version == 2 * turn + 1
    assert other.wait() == turn
    large = str(turn) * 400_000
    if len(large) > 400_000: large = large[:400_000]
    assert data.signal(large) == 2 * turn + 2
    assert other.wait() == large
say("sound")
"""


@pytest.mark.local("a server has no tmpfs")
@needs_root
def test_a_full_tmpfs(place: str) -> None:
    """A value for which there is no room is refused, the value that is there stays, and no room leaks away."""
    if not private_mounts():
        pytest.skip("this container may not mount: run as root with CAP_SYS_ADMIN")
    code = _PREAMBLE.format(tests=str(TESTS)) + BEGIN + "import subprocess\n" + FULL
    with Child.of(["unshare", "--mount", sys.executable, "-c", code, place, "data"]) as full:
        assert full.check().strip() == "sound"


# -- other users


READER = (
    BECOME
    + """
made = kind("x", at=place)
say(made.stats().writable, repr(made).rpartition(" ")[2])
if kind is DataEvent: say(made.latest("none"))
import asyncio
for call in (made.wait, lambda: made.wait(0), lambda: made.signal(*value), made.fileno, made.unlink,
             lambda: asyncio.run(made.wait_async())):
    try: say("no error", call())
    except PermissionError as error: say("'x' at" in str(error))
"""
)


@needs_root
def test_a_reader_may_look_and_not_wait(kind: str) -> None:
    with fresh_place(0o755) as place:
        made: Any = (Signal if kind == "signal" else DataEvent)("x", at=place, mode=0o644)
        with made:
            made.signal(*([] if kind == "signal" else ["v" * 5000]))
            with child(READER, place, kind) as reader:
                assert reader.hear() == "False 1>"
                if kind == "data":
                    assert reader.hear() == "v" * 5000
                assert reader.check().split("\n")[:-1] == ["True"] * 6
            assert (made.count if kind == "signal" else made.version) == 1


@needs_root
def test_another_user_may_use_what_its_mode_allows(kind: str) -> None:
    script = (
        BECOME
        + """
made = kind("x", at=place)
say("ready")
say(bool(made.wait()))
made.signal(*value)
"""
    )
    with fresh_place(0o777) as place:
        os.chmod(place, 0o1777)
        made: Any = (Signal if kind == "signal" else DataEvent)("x", at=place, mode=0o666)
        with made, child(script, place, kind) as user:
            assert user.hear() == "ready"
            user.until_asleep()
            made.signal(*([] if kind == "signal" else ["v" * 20_000]))
            assert user.hear() == "True"
            user.check()
            assert made.wait(0)
            made.signal(*([] if kind == "signal" else ["v" * 20_000]))
            assert made.wait(0)
