"""Where the kernel can't tell: no instance, no watch, another file system; what it lost; trees that mean no good."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest
from harness.callers import Caller, InThread
from harness.child import Child
from harness.prove import cases
from harness.until import until
from harness.users import BECOME, needs_root

from tocsin import Watchpoint, WatchpointHandler, _watch_walk

LAST_INSTANCES = """
import ctypes, asyncio, warnings
from tocsin import Watchpoint, WatchpointHandler, _watchpoint, _core
libc = ctypes.CDLL(None)
"""
POLLING = """
held = []
while (fd := libc.inotify_init1(0)) >= 0: held.append(fd)
say(len(held) > 0)
h = WatchpointHandler([Watchpoint("a", sys.argv[1] + "/x"), Watchpoint("b", sys.argv[1])])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert not h.wait("a", 0.01)
    assert not h.wait("b", 0.01)
say(len(caught), caught[0].category.__name__, caught[0].filename, str(caught[0].message))
say(h.stats().how, "|", h.stats().why)
say("sync"); h.wait("a"); say("a")
say("async"); asyncio.run(h.wait_async("b")); say("b")
say("gone"); h.wait_removed("a"); say("not a")
import select
for c in [h.changes()]:
    fd = h.fileno()
    say("fd")
    while not (found := c.look()): select.select([fd], [], [])
    say(found)
"""


@needs_root
def test_no_instance_left_for_this_user(place: str) -> None:
    """All that fs.inotify.max_user_instances allows are taken, for real."""
    os.chmod(place, 0o777)
    with Child(LAST_INSTANCES + BECOME + POLLING, place) as child:
        assert child.hear() == "True"
        said = child.hear()
        assert said.startswith("1 RuntimeWarning <string> markers are looked at every 50 ms"), said
        assert "max_user_instances" in said
        said = child.hear()
        assert said.startswith("looks every 50 ms | there is no inotify instance left"), said
        assert child.hear() == "sync"
        os.makedirs(f"{place}/x/a.watch")
        assert child.hear() == "a"
        assert child.hear() == "async"
        os.makedirs(f"{place}/b.watch")
        assert child.hear() == "b"
        assert child.hear() == "gone"
        os.rmdir(f"{place}/x/a.watch")
        assert child.hear() == "not a"
        assert child.hear() == "fd"
        os.rmdir(f"{place}/b.watch")
        assert child.hear() == "[('b', False)]"
        child.check()


def test_a_file_system_that_tells_nothing(caller: Caller, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this one's kind were in the table: it is looked at besides being watched."""
    from tocsin import _core

    monkeypatch.setitem(_watch_walk.SILENT, _core.file_system(os.fsencode(place)), "a network")
    with WatchpointHandler([Watchpoint("a", place)]) as handler:
        if caller.kind != "process":  # which has a table of its own
            with pytest.warns(RuntimeWarning, match="is on a network, which does not tell"):
                handler.wait("a", 0.001)
            assert handler.stats().how == "looks every 50 ms"
        wait = caller.start(handler, "wait", "a")
        handler.create("a")
        assert wait.result() is True


def test_no_descriptor_at_all(place: str) -> None:
    script = """
import resource
from tocsin import Watchpoint, WatchpointHandler, _watchpoint, _core
h = WatchpointHandler([Watchpoint("a", sys.argv[1])])
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
for left in range(6):
    try:
        while True: held.append(os.dup(0))
    except OSError: pass
    for _ in range(left): os.close(held.pop())
    try: say(h.wait("a", 0.001))
    except OSError as error: say(error.strerror)
    except RuntimeWarning as warning: say("warned")
say(h.create("a"), h.wait("a", 60))
"""
    with Child("import warnings; warnings.simplefilter('error')\n" + script, place) as child:
        said = child.check().splitlines()
    assert all("no descriptor" in line for line in said[:3]), said  # a counter, a timer, an ear
    assert said[3:] == ["warned", "False", "False", "True True"], said  # and then an instance


def test_an_overflow_is_a_look_at_everything(place: str) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    points = [Watchpoint(i, f"{place}/d{i}", "x") for i in range(3)]
    with WatchpointHandler(points) as handler:
        changes = handler.changes()
        for point in points:
            os.mkdir(point.path)
        assert changes.look() == []
        for _ in range(limit // 2 + 10):  # four events a round, and nobody reads
            os.mkdir(f"{place}/d0/noise")
            os.rmdir(f"{place}/d0/noise")
        for point in points:
            os.mkdir(point.directory)
        assert sorted(changes.look()) == [(0, True), (1, True), (2, True)]
        assert handler.stats().overflows == 1


def test_events_lost_while_somebody_sleeps(place: str) -> None:
    """The waiter is on its way between two reads again and again, and the flood goes on behind its back."""
    with WatchpointHandler([Watchpoint("a", place), Watchpoint("b", f"{place}/x")]) as handler:
        waits = [InThread(lambda key=key: handler.wait(key)) for key in ("a", "b", "a", "b")]
        for wait in waits:
            wait.until_asleep()
        command = "for i in $(seq 3000); do :> n$i; done; rm -f n*; mkdir -p a.watch x/b.watch"
        subprocess.run(["sh", "-c", command], cwd=place, check=True)
        assert [wait.result() for wait in waits] == [True] * 4


@needs_root
def test_directories_that_may_not_be_read(place: str) -> None:
    """One that may only be searched can't be watched: an error where that matters, a remark where it doesn't."""
    os.chmod(place, 0o711)
    os.makedirs(f"{place}/open/deep", mode=0o777)
    os.chmod(f"{place}/open", 0o777)
    os.chmod(f"{place}/open/deep", 0o777)
    script = (
        "from tocsin import Watchpoint, WatchpointHandler, _watchpoint\n"
        + BECOME
        + """
h = WatchpointHandler([Watchpoint("here", sys.argv[1]), Watchpoint("below", sys.argv[1] + "/open/deep")])
try: h.wait("here", 60)
except PermissionError as error: say(error.strerror)
try: h.changes()
except PermissionError as error: say(error.filename)
h = WatchpointHandler(h.watchpoints[1:])
say("waits"); say(h.wait("below")); say(h.stats().unwatched, h.stats().how)
"""
    )
    with Child(script, place) as child:
        said = child.hear()
        assert f"{place} may not be read (r)" in said
        assert "ask its owner" in said
        assert child.hear() == place
        assert child.hear() == "waits"
        child.until_asleep()
        os.mkdir(f"{place}/open/deep/below.watch")
        assert child.hear() == "True"
        assert child.hear() == f"('{place}',) inotify"
        child.check()


# -- trees that mean no good


def test_deep_paths_and_long_names(place: str) -> None:
    long = "n" * 200
    deep = "/".join([long] * 18)
    with WatchpointHandler([Watchpoint("x" * 249, f"{place}/{deep}")]) as handler:
        wait = InThread(lambda: handler.wait("x" * 249))
        wait.until_asleep()
        subprocess.run(["mkdir", "-p", handler.watchpoints[0].directory], check=True)
        assert wait.result() is True
    too_deep = "/".join([long] * 30)
    with WatchpointHandler([Watchpoint("a", f"{place}/{too_deep}")]) as handler:
        assert not handler.exists("a")
        for call in (lambda: handler.create("a"), lambda: handler.wait("a", 60)):
            with pytest.raises(OSError, match="too long"):
                call()


def test_links_in_a_circle_and_links_without_end(place: str) -> None:
    os.symlink("b", f"{place}/a")
    os.symlink("a", f"{place}/b")
    for i in range(60):
        os.symlink(f"l{i + 1}", f"{place}/l{i}")
    os.mkdir(f"{place}/l60")
    with WatchpointHandler([Watchpoint("c", f"{place}/a/x"), Watchpoint("l", f"{place}/l0")]) as handler:
        for key in ("c", "l"):
            assert not handler.exists(key)
            with pytest.raises(OSError, match="too many links"):
                handler.wait(key, 60)
        os.unlink(f"{place}/a")
        wait = InThread(lambda: handler.wait("c"))
        wait.until_asleep()
        os.makedirs(f"{place}/a/x/c.watch")
        assert wait.result() is True


def test_a_path_that_never_stands_still(place: str) -> None:
    """Two links turned as fast as they can be; whoever waits goes on waiting, and sees the end."""
    for name in ("one", "two"):
        os.mkdir(f"{place}/{name}")
    done = threading.Event()

    def turn() -> None:
        i = 0
        while not done.is_set():
            i += 1
            os.symlink(("one", "two")[i % 2], f"{place}/new")
            os.rename(f"{place}/new", f"{place}/link")

    with WatchpointHandler([Watchpoint("a", f"{place}/link/x")]) as handler:
        thread = threading.Thread(target=turn)
        thread.start()
        waits = [InThread(lambda: handler.wait("a")) for _ in range(2)]
        try:
            assert not handler.wait("a", 0.3)
        finally:
            done.set()
            thread.join()
        os.makedirs(f"{place}/link/x/a.watch")
        assert [wait.result() for wait in waits] == [True] * 2


BUSY = """
from tocsin import Watchpoint, WatchpointHandler
import random
h = WatchpointHandler([Watchpoint(i, f"{sys.argv[1]}/d{i % 3}", f"n{i}") for i in range(8)])
rng, made, removed = random.Random(int(sys.argv[2])), 0, 0
for _ in range(int(sys.argv[3])):
    i = rng.randrange(8)
    made += h.create(i)
    removed += h.remove(i)
say(made, removed)
"""


def test_four_processes_make_and_remove(place: str) -> None:
    """Whoever waits ends up with the truth, and nobody hangs."""
    pairs = cases(2500, 25_000)
    with WatchpointHandler([Watchpoint(i, f"{place}/d{i % 3}", f"n{i}") for i in range(8)]) as handler:
        belief: dict[object, bool] = {}
        changes = handler.changes()

        def follow() -> None:
            for change in changes:
                belief.update([change])

        follower = InThread(follow)
        last = [InThread(lambda i=i: handler.wait_all(*range(i, 8))) for i in range(4)]
        children = [Child(BUSY, place, str(seed), str(pairs)) for seed in range(4)]
        counts = [[int(n) for n in child.check().split()] for child in children]
        assert sum(made for made, _ in counts) == sum(removed for _, removed in counts)
        assert os.listdir(f"{place}/d0") == []
        for i in range(8):
            handler.create(i)
        assert [wait.result() for wait in last] == [True] * 4
        gone = InThread(lambda: handler.wait_removed(0))
        handler.remove(0)
        assert gone.result() is True
        until(lambda: belief.get(0, False) is False and all(belief.get(i) for i in range(1, 8)), "all is told")
        changes.cancel()
        follower.result()
