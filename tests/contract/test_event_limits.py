"""At the limits: no descriptor left, no space left, no directory. A clear error, and nothing has changed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from harness.child import Child
from harness.users import needs_root

pytestmark = pytest.mark.local("what runs out is this host's: descriptors, space, directories")

#: `starved(n)`: n descriptors are left, then none. `leaves(f)`: an OSError, and the same descriptors as before.
STARVE = """
import asyncio, contextlib, errno, resource, select, threading, tocsin._aio, tocsin._stats, gc
def numbers(): return sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1]
@contextlib.contextmanager
def starved(spare):
    gc.collect()
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.open("/dev/null", os.O_RDONLY)
    os.close(free)
    fill = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, old[1]))
    try:
        while True: fill.append(os.open("/dev/null", os.O_RDONLY))
    except OSError: pass
    for fd in fill[len(fill) - spare:] if spare else []: os.close(fd)
    try: yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, old)
        for fd in fill[: len(fill) - spare]: os.close(fd)
def attempt(call):
    try: call()
    except OSError as error:
        assert error.errno == errno.EMFILE, error
        assert "x" in str(error) or "anonymous" in str(error) or "Too many" in str(error), error
        return False
    return True
def climbs(make, call, check=lambda e, done: None):
    "With 0, 1, 2 ... spare descriptors: fails without leaking or changing anything, until it succeeds."
    failed = 0
    for spare in range(20):
        e = make()
        before, word = numbers(), e and e.stats().generation
        with starved(spare): done = attempt(lambda: call(e))
        gc.collect()
        if not done:
            assert numbers() == before, (spare, before, numbers())
            if e: assert e.stats().generation == word
        check(e, done)
        if e:
            e.set(); e.clear(); e.unlink(); e.close()
        if done: return failed
        failed += 1
    raise AssertionError("never succeeded")
at = sys.argv[1]
named = lambda: Event("x", at=at)
"""


def runs(script: str, *args: str) -> str:
    with Child(STARVE + script, *args) as child:
        return child.check()


def test_open(place: str) -> None:
    assert int(runs("say(climbs(lambda: None, lambda e: Event('x', at=at).close()))", place)) > 0
    assert os.listdir(place) == ["x"]


def test_open_anonymous(place: str) -> None:
    assert int(runs("say(climbs(lambda: None, lambda e: Event().close()))", place)) > 0


@pytest.mark.parametrize("make", ["named", "Event"])
def test_fileno(place: str, make: str) -> None:
    check = "lambda e, done: done and e.set() or done and select.select([e], [], [], 60)[0]"
    assert int(runs(f"say(climbs({make}, Event.fileno, {check}))", place)) > 0


@pytest.mark.parametrize("make", ["named", "Event"])
def test_wait_clear(place: str, make: str) -> None:
    script = f"""
def made():
    e = {make}()
    e.set()
    return e
say(climbs(made, lambda e: e.wait_clear(0.001), lambda e, done: e.stats().waiting_here == 0 or 1 / 0))
"""
    assert int(runs(script, place)) > 0


@pytest.mark.parametrize("make", ["named", "Event"])
def test_set_with_listeners_changes_nothing_when_it_fails(place: str, make: str) -> None:
    script = f"""
def made():
    e = {make}()
    e.fileno()
    return e
def check(e, done):
    assert e.is_set() is done
    assert bool(select.select([e], [], [], 0)[0]) is done
say(climbs(made, Event.set, check))
"""
    assert int(runs(script, place)) > 0


def test_set_with_nobody_there_needs_no_descriptor(place: str) -> None:
    assert runs("say(climbs(named, lambda e: (e.set(), e.clear(), e.wait(0), e.is_set())))", place) == "0\n"


def test_set_with_sleepers_alone_needs_no_descriptor(place: str) -> None:
    script = """
from harness.asleep import until_all_asleep
e = named()
t = threading.Thread(target=e.wait); t.start(); until_all_asleep([t])
with starved(0): e.set()
t.join()
say("released")
"""
    assert runs(script, place) == "released\n"


def test_clear_with_listeners_changes_nothing_when_it_fails(place: str) -> None:
    script = """
from harness.asleep import until_all_asleep
def made():
    e = named(); e.set()
    t = threading.Thread(target=e.wait_clear, daemon=True); t.start(); until_all_asleep([t])
    return e
say(climbs(made, Event.clear, lambda e, done: e.is_set() is not done or 1 / 0))
"""
    assert int(runs(script, place)) > 0


@pytest.mark.parametrize("twin", ["wait_async", "wait_clear_async"])
@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_awaiting(place: str, twin: str, loop: str) -> None:
    """A loop that runs already, and no descriptor is left for its hub or for the bell."""
    script = f"""
import trio
async def main():
    failed = 0
    for spare in range(20):
        e = named()
        if {twin!r} == "wait_clear_async": e.set()
        before = numbers()
        with starved(spare):
            try:
                await e.{twin}(0)
                await e.{twin}(0.001)
                done = True
            except OSError as error:
                assert error.errno == errno.EMFILE, error
                done = False
        assert e.stats().waiting_here == 0
        if done:
            say(failed)
            return
        failed += 1
        e.close(); del e; gc.collect()
        assert len(numbers()) <= len(before) + 2, (before, numbers())  # the loop's hub may be there to stay
    raise AssertionError("never succeeded")
asyncio.run(main()) if {loop!r} == "asyncio" else trio.run(main)
"""
    assert int(runs(script, place)) > 0


FULL_TMPFS = """
import errno, subprocess
place = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", sys.argv[2], "none", place], check=True)
with Event("old", at=place) as old:
    made, error = [], None
    try:
        for n in range(1000): made.append(Event(f"new/e{n}", at=place))
    except OSError as caught: error = caught
    assert error is not None and error.errno == errno.ENOSPC, error
    assert f"'new/e{len(made)}' at" in str(error), error
    assert not os.path.exists(f"{place}/new/e{len(made)}")
    for e in (old, *made):
        e.set(); assert e.is_set() and e.wait(); e.clear(); assert e.wait_clear(0)
    with Event("old", at=place) as again: again.set()
    assert old.is_set()
    old.clear()
    try: old.fileno()
    except OSError as caught: assert caught.errno == errno.ENOSPC, caught
    old.set()
    for n in range(4): made.pop().unlink()
    old.fileno()
    with Event("after", at=place) as e: e.set()
    say(len(made))
"""


def private_mounts() -> bool:
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@needs_root
@pytest.mark.parametrize("options", ["size=65536", "nr_inodes=20"])
def test_a_full_tmpfs(place: str, options: str) -> None:
    """Space or inodes run out: ENOSPC at open, nothing half made, and all that exists goes on."""
    if not private_mounts():
        pytest.skip("this container may not mount: run as root with CAP_SYS_ADMIN")
    from harness.child import _PREAMBLE, TESTS

    code = _PREAMBLE.format(tests=str(TESTS)) + FULL_TMPFS
    with Child.of(["unshare", "--mount", sys.executable, "-c", code, place, options]) as child:
        assert int(child.check()) > 3


def test_a_directory_that_is_not_there_any_more(place: str) -> None:
    os.mkdir(f"{place}/d")
    script = """
e = Event("x", at=at + "/d")
os.unlink(at + "/d/x"); os.rmdir(at + "/d")
for call in (e.fileno, lambda: Event("x", at=at + "/d"), lambda: asyncio.run(e.wait_async(0))):
    before = numbers()
    try: call()
    except OSError as error: say(error.errno == errno.ENOENT)
    gc.collect()
    assert numbers() == before
e.set()
"""
    assert runs(script, place) == "True\n" * 3
