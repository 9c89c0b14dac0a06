"""create and remove: who it was, what is made above it, and what is never touched."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.users import BECOME, needs_root

from tocsin import Watchpoint, WatchpointHandler

if TYPE_CHECKING:
    from harness.callers import Caller


def handler_of(place: str, *names: str) -> WatchpointHandler:
    return WatchpointHandler([Watchpoint(name, place) for name in names or ("a",)])


def test_who_it_was(caller: Caller, place: str) -> None:
    with handler_of(place) as handler:
        assert caller.do(handler, "create", "a") is True
        assert caller.do(handler, "create", "a") is False
        assert caller.do(handler, "exists", "a") is True
        assert caller.do(handler, "remove", "a") is True
        assert caller.do(handler, "remove", "a") is False
        assert caller.do(handler, "exists", "a") is False


def test_of_many_who_try_exactly_one_it_was(place: str) -> None:
    rounds, crowd = 200, 8
    made: list[int] = []
    removed: list[int] = []
    barrier = threading.Barrier(crowd)
    with WatchpointHandler([Watchpoint(i, f"{place}/d{i}/e", "x") for i in range(rounds)]) as handler:

        def compete() -> None:
            for i in range(rounds):
                barrier.wait()
                made.extend([i] * handler.create(i))
                barrier.wait()
                removed.extend([i] * handler.remove(i))

        threads = [threading.Thread(target=compete) for _ in range(crowd)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert made == removed == list(range(rounds))


def test_parents_are_made_and_stay(place: str) -> None:
    with handler_of(f"{place}/x/y/z") as handler:
        assert handler.create("a")
        assert handler.remove("a")
    assert os.path.isdir(f"{place}/x/y/z")


def test_parents_that_somebody_tears_down_at_the_same_time(place: str) -> None:
    with handler_of(f"{place}/x/y") as handler:
        done = threading.Event()

        def tear_down() -> None:
            while not done.is_set():
                for path in (f"{place}/x/y", f"{place}/x"):
                    with contextlib.suppress(OSError):
                        os.rmdir(path)

        thread = threading.Thread(target=tear_down)
        thread.start()
        try:
            for _ in range(300):
                assert handler.create("a")
                assert handler.exists("a")
                assert handler.remove("a")
        finally:
            done.set()
            thread.join()


def something(path: Path, what: str) -> None:
    if what == "file":
        path.write_text("keep")
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "link":
        (path.parent / "real").mkdir()
        path.symlink_to("real")
    else:
        path.symlink_to("nowhere")


@pytest.mark.parametrize("what", ["file", "fifo", "link", "dangling"])
def test_what_is_no_directory_is_left_alone(place: str, what: str) -> None:
    path = Path(place, "a.watch")
    something(path, what)
    before = path.lstat()
    with handler_of(place) as handler:
        with pytest.raises(FileExistsError, match=f"{path} is there, and is not a directory") as caught:
            handler.create("a")
        assert caught.value.filename == str(path)
        with pytest.raises(NotADirectoryError, match=f"{path} is not a directory.*stays"):
            handler.remove("a")
        assert not handler.exists("a")
        assert handler.wait_removed("a")
        for timeout in (0, 60):
            with pytest.raises(NotADirectoryError, match=f"{path} is not a directory, so it is no marker"):
                handler.wait("a", timeout)
    assert path.lstat().st_ino == before.st_ino


def test_what_is_not_empty_is_left_alone(place: str) -> None:
    inside = Path(place, "a.watch", "inside")
    inside.mkdir(parents=True)
    with handler_of(place) as handler:
        assert handler.exists("a")
        assert handler.create("a") is False
        with pytest.raises(OSError, match="is not empty, so it stays") as caught:
            handler.remove("a")
        assert caught.value.errno == errno.ENOTEMPTY
    assert inside.is_dir()


@pytest.mark.parametrize("what", ["file", "dangling"])
def test_a_parent_that_is_no_directory(place: str, what: str) -> None:
    wrong = Path(place, "wrong")
    something(wrong, what)
    with WatchpointHandler([Watchpoint("a", wrong / "deep")]) as handler:
        with pytest.raises(NotADirectoryError, match=f"{wrong} is not a directory"):
            handler.create("a")
        assert handler.remove("a") is False
        assert not handler.exists("a")
    assert wrong.is_symlink() or wrong.read_text() == "keep"


@needs_root
def test_no_permission(place: str) -> None:
    os.chmod(place, 0o755)
    os.mkdir(f"{place}/mine.watch")
    os.mkdir(f"{place}/closed", mode=0o700)
    script = (
        "from tocsin import Watchpoint, WatchpointHandler\nfrom tocsin import _watchpoint\n"
        + BECOME
        + """
h = WatchpointHandler([Watchpoint("mine", sys.argv[1]), Watchpoint("new", sys.argv[1] + "/deep"),
                       Watchpoint("hidden", sys.argv[1] + "/closed")])
for call, key in [(h.create, "new"), (h.remove, "mine"), (h.create, "hidden"), (h.remove, "hidden"),
                  (h.exists, "hidden"), (lambda key: h.wait(key, 60), "hidden"),
                  (lambda key: h.wait_removed(key, 60), "hidden")]:
    try:
        say("none", call(key))
    except PermissionError as error:
        say(error.strerror)
say(h.exists("mine"), h.wait("mine", 60), h.wait("new", 0))
"""
    )
    with Child(script, place) as child:
        said = child.check().splitlines()
    assert len(said) == 8, said
    assert all("ask the owner" in line for line in said[:7]), said
    assert place in said[0]
    assert said[7] == "True True False"
    assert os.path.isdir(f"{place}/mine.watch")
