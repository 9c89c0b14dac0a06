"""Who waits for a marker hears of it, whoever makes it and whatever happens to the directories above it."""

from __future__ import annotations

import gc
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.callers import Caller, InThread
from harness.child import Child
from harness.users import BECOME, needs_root

from tocsin import Watchpoint, WatchpointHandler

if TYPE_CHECKING:
    from collections.abc import Iterator

TOCSIN = str(Path(sys.executable).parent / "tocsin")


@pytest.fixture
def handler(place: str) -> Iterator[WatchpointHandler]:
    """The marker "DONE" is three directories below a place that is empty."""
    points = [Watchpoint("DONE", f"{place}/build/stage"), Watchpoint("other", place), Watchpoint(3, f"{place}/x", "y")]
    with WatchpointHandler(points) as made:
        yield made


def shell(command: str, place: str) -> None:
    subprocess.run(["sh", "-c", command], cwd=place, check=True)


# -- time


@pytest.mark.parametrize("timeout", [0, -1, -math.inf, 1e-9, 0.01])
def test_a_wait_that_ends_in_vain(caller: Caller, handler: WatchpointHandler, timeout: float) -> None:
    assert caller.do(handler, "wait", "DONE", timeout) is False
    assert caller.do(handler, "wait_removed", "DONE", timeout) is True
    assert caller.do(handler, "wait_any", "DONE", "other", timeout=timeout) == []
    assert caller.do(handler, "wait_all", timeout=timeout) is False
    handler.create("DONE")
    assert caller.do(handler, "wait_removed", "DONE", timeout) is False
    assert caller.do(handler, "wait", "DONE", timeout) is True


@pytest.mark.parametrize("timeout", [None, math.inf, 1e300, 3600])
def test_waits_for_ever(caller: Caller, handler: WatchpointHandler, timeout: float | None) -> None:
    wait = caller.asleep(handler, "wait", "DONE", timeout)
    handler.create("DONE")
    assert wait.result() is True
    wait = caller.asleep(handler, "wait_removed", "DONE", timeout)
    handler.remove("DONE")
    assert wait.result() is True


def test_nan_and_what_is_no_number(caller: Caller, handler: WatchpointHandler) -> None:
    with pytest.raises(ValueError, match="NaN"):
        caller.do(handler, "wait", "DONE", math.nan)
    with pytest.raises(TypeError):
        caller.do(handler, "wait", "DONE", "1")


# -- by whom, and how


COMING = {
    "mkdir -p": ("", "mkdir -p build/stage/DONE.watch"),
    "mkdir": ("mkdir -p build/stage", "mkdir build/stage/DONE.watch"),
    "step by step": ("mkdir build", "mkdir build/stage; mkdir build/stage/DONE.watch"),
    "renamed to it": ("mkdir -p build/stage/new", "mv build/stage/new build/stage/DONE.watch"),
    "moved in": ("mkdir -p build/stage new", "mv new build/stage/DONE.watch"),
    "parent moved in": ("mkdir -p new/stage/DONE.watch", "mv new build"),
    "parent replaced": ("mkdir -p build/stage new/DONE.watch", "mv build/stage old; mv new build/stage"),
    "grandparent replaced": ("mkdir -p build/stage new/stage/DONE.watch", "mv build old; mv new build"),
    "parents made anew": ("mkdir -p build/stage", "rm -r build; mkdir -p build/stage/DONE.watch"),
    "through a link": ("mkdir -p real; ln -s real build", "mkdir -p real/stage/DONE.watch"),
    "a link turned": ("mkdir -p old/stage new/stage/DONE.watch; ln -s old build", "ln -sfn new build"),
    "a link that comes": ("mkdir -p new/stage/DONE.watch", "ln -s new build"),
    "a link's end moved in": ("mkdir -p a new/stage/DONE.watch; ln -s $PWD/a/real build", "mv new a/real"),
    "behind two links": ("mkdir -p real; ln -s two build; ln -s real two", "mkdir -p real/stage/DONE.watch"),
    "a file made way": ("mkdir build; echo > build/DONE", "rm build/DONE; mkdir -p build/stage/DONE.watch"),
    "moved away and back": (
        "mkdir -p build/stage; mkdir -p keep",
        "mv build keep/b; mkdir keep/b/stage/DONE.watch; mv keep/b build",
    ),
}


@pytest.mark.parametrize("how", COMING)
def test_a_marker_that_comes(caller: Caller, handler: WatchpointHandler, place: str, how: str) -> None:
    before, then = COMING[how]
    shell(before, place)
    wait = caller.asleep(handler, "wait", "DONE")
    shell(then, place)
    assert wait.result() is True


GOING = {
    "rmdir": "rmdir build/stage/DONE.watch",
    "rm -r": "rm -r build",
    "moved out": "mv build/stage/DONE.watch away",
    "parent moved": "mv build/stage away",
    "grandparent moved": "mv build away",
    "replaced by a file": "rmdir build/stage/DONE.watch; echo > build/stage/DONE.watch",
    "parent replaced": "mkdir new; mv build/stage old; mv new build/stage",
    "a link turned": "mv build real; ln -s real build; mkdir none; ln -sfn none build",
}


@pytest.mark.parametrize("how", GOING)
def test_a_marker_that_goes(caller: Caller, handler: WatchpointHandler, place: str, how: str) -> None:
    handler.create("DONE")
    wait = caller.asleep(handler, "wait_removed", "DONE")
    shell(GOING[how], place)
    assert wait.result() is True


def test_a_directory_that_somebody_works_in_goes_without_a_word(handler: WatchpointHandler, place: str) -> None:
    """Its own event comes when the last one has left it; until then the name has long been somebody else's."""
    os.makedirs(f"{place}/build/stage")
    held = [os.open(f"{place}/{path}", os.O_RDONLY) for path in ("build", "build/stage")]
    wait = InThread(lambda: handler.wait("DONE"))
    wait.until_asleep()
    shutil.rmtree(f"{place}/build")
    os.mkdir(f"{place}/build")
    os.mkdir(f"{place}/build/stage")
    os.mkdir(f"{place}/build/stage/DONE.watch")
    assert wait.result() is True
    for fd in held:
        os.close(fd)


@needs_root
def test_another_user_makes_it(caller: Caller, handler: WatchpointHandler, place: str) -> None:
    os.chmod(place, 0o777)
    wait = caller.asleep(handler, "wait", "DONE")
    with Child(BECOME + "os.makedirs(sys.argv[1])", f"{place}/build/stage/DONE.watch") as child:
        child.check()
    assert wait.result() is True


def test_a_shell_releases_all_kinds_of_waiters(handler: WatchpointHandler, place: str) -> None:
    callers = [Caller(kind) for kind in ("thread", "asyncio", "uvloop", "trio", "process")]
    path = f"{place}/build/stage/DONE.watch"
    with Child.of([TOCSIN, "wait", "--watch", path]) as command:
        waits = [caller.asleep(handler, "wait", "DONE") for caller in callers]
        command.until_asleep()
        shell("mkdir -p build/stage/DONE.watch", place)
        assert [wait.result() for wait in waits] == [True] * 5
        assert command.end() == 0
    for caller in callers:
        caller.finish()


# -- many


def test_any_in_the_order_of_the_call(caller: Caller, handler: WatchpointHandler) -> None:
    wait = caller.asleep(handler, "wait_any", 3, "DONE")
    handler.create("other")
    handler.create("DONE")
    assert wait.result() == ["DONE"]
    handler.create(3)
    assert caller.do(handler, "wait_any", 3, "DONE") == [3, "DONE"]
    assert caller.do(handler, "wait_any") == ["DONE", "other", 3]


def test_all(caller: Caller, handler: WatchpointHandler) -> None:
    wait = caller.asleep(handler, "wait_all")
    for key in ("DONE", 3):
        handler.create(key)
        wait.until_asleep()
    handler.remove("DONE")
    handler.create("other")
    wait.until_asleep()
    handler.create("DONE")
    assert wait.result() is True


def test_many_on_one_handler_each_hear_their_own(place: str) -> None:
    crowd = 24
    with WatchpointHandler([Watchpoint(i, f"{place}/{i % 5}/{i % 3}", f"n{i}") for i in range(crowd)]) as handler:
        callers = [Caller(("thread", "thread", "asyncio", "trio")[i % 4]) for i in range(crowd)]
        waits = [caller.asleep(handler, "wait", i) for i, caller in enumerate(callers)]
        assert handler.stats().waiting_here == crowd
        for i in range(crowd):
            os.makedirs(f"{place}/{i % 5}/{i % 3}/n{i}.watch")
            assert waits[i].result() is True
            assert not any(wait.done() for wait in waits[i + 1 :])
        assert handler.stats().waiting_here == 0
        for caller in callers:
            caller.finish()


def test_one_instance_and_few_watches(place: str) -> None:
    gc.collect()  # what earlier tests left
    before = len(os.listdir("/proc/self/fd"))
    with WatchpointHandler([Watchpoint(i, f"{place}/{i % 7}", f"n{i}") for i in range(500)]) as handler:
        for i in range(7):
            os.mkdir(f"{place}/{i}")
        assert handler.wait_any(timeout=0.001) == []
        instances = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd.isdecimal()
                     and os.path.lexists(f"/proc/self/fd/{fd}")].count("anon_inode:inotify")  # fmt: skip
        assert instances == 1
        assert handler.stats().watches <= 7 + place.count("/")
    assert len(os.listdir("/proc/self/fd")) == before


# -- what stands in the way


def test_a_file_in_place_of_a_parent(caller: Caller, handler: WatchpointHandler, place: str) -> None:
    Path(place, "build").write_text("")
    with pytest.raises(NotADirectoryError, match=f"{place}/build is not a directory"):
        caller.do(handler, "wait", "DONE")
    assert caller.do(handler, "wait_removed", "DONE") is True


def test_a_file_that_comes_in_the_way_later(caller: Caller, handler: WatchpointHandler, place: str) -> None:
    wait = caller.asleep(handler, "wait", "DONE")
    Path(place, "build").write_text("")
    with pytest.raises(NotADirectoryError, match=f"{place}/build is not a directory") as caught:
        wait.result()
    assert caught.value.filename == f"{place}/build"


def test_links_in_a_circle(caller: Caller, handler: WatchpointHandler, place: str) -> None:
    os.symlink("build", f"{place}/build")
    assert not handler.exists("DONE")
    with pytest.raises(OSError, match="too many links"):
        caller.do(handler, "wait", "DONE")


def test_close_is_told_to_those_who_wait(handler: WatchpointHandler) -> None:
    callers = [Caller(kind) for kind in ("thread", "asyncio", "uvloop", "trio")]
    waits = [caller.asleep(handler, "wait", "DONE") for caller in callers]
    handler.close()
    for wait in waits:
        with pytest.raises(ValueError, match="closed"):
            wait.result()
    for caller in callers:
        caller.finish()
