"""What ours does better than jk_interprocesssync: lines of the tables in docs/from-the-seeds/interprocesssync.md."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from harness.asleep import until_all_asleep, until_asleep

CLASSES = {"Event": "eventfile", "JSONDataEvent": "eventfile", "JSONDataQueue": "queuedir"}
Both = tuple[Any, Any]
pytestmark = pytest.mark.usefixtures("queue_directory")


def test_a_json_data_event_takes_any_path(both_fs: Both, tmp_path: Path) -> None:
    original, ours = both_fs
    Path("sub").mkdir()
    for path in (f"{tmp_path}/absolute", "sub/relative"):
        with pytest.raises(FileNotFoundError):
            original.JSONDataEvent(path, 0).signal(1)
        ours.JSONDataEvent(path, 0).signal(1)
        assert ours.JSONDataEvent(path, 0).wait() == (True, 1)


@pytest.mark.parametrize("data", [0, 0.0, False, "", [], {}])
def test_falsy_values_arrive(both_fs: Both, data: Any) -> None:
    original, ours = both_fs
    for side, arrives in ((original, None), (ours, data)):
        event, queue = side.JSONDataEvent("eventfile", 0), side.JSONDataQueue("queuedir", 0)
        event.signal(data)
        queue.put(data)
        found = [event.wait()[1], next(queue.getG())]
        assert found == [arrives, arrives]
        assert [type(value) for value in found] == [type(arrives)] * 2


def test_two_signals_with_one_time_stamp(both_fs: Both) -> None:
    """The original compares the file's time, which moves in steps of milliseconds: a second signal can be nothing."""
    original, ours = both_fs
    listener, sender = original.Event("eventfile", 0), original.Event("eventfile", 0)
    sender.signal()
    stamp = os.stat("eventfile").st_mtime_ns
    assert listener.wait() is True
    sender.signal()
    os.utime("eventfile", ns=(stamp, stamp))  # as if the clock had not moved on
    never = listener.waitG()
    listener.cancelWait()
    assert list(never) == []
    listener = ours.Event("other", 0)
    for _ in range(1000):
        ours.Event("other", 0).native.signal()
        assert listener.wait() is True


DIES_IN_SIGNAL = """
import os, signal, jk_interprocesssync.fs as fs
event = fs.JSONDataEvent("eventfile")
os.rename = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)   # the instant between the two steps of its signal()
event.signal("second")
"""


def test_a_sender_that_is_killed_takes_the_value_along(both_fs: Both, python: Any) -> None:
    """The original removes the old file before it names the new one. Ours: every instruction, in tests/crash."""
    original, _ = both_fs
    original.JSONDataEvent("eventfile", 0).signal("first")
    child = python(DIES_IN_SIGNAL)
    assert child.wait() == -signal.SIGKILL
    assert sorted(os.listdir()) == ["queuedir", "tmp_eventfile.tmp"]


@pytest.mark.parametrize("cls", CLASSES)
def test_an_idle_listener_sleeps(both_fs: Both, cls: str, python: Any) -> None:
    """The original looks at the file again and again, and for queues without any pause."""
    code = (
        "import sys, tocsin.compat.interprocesssync.fs as fs\n"
        "made = getattr(fs, sys.argv[1])(sys.argv[2])\n"
        "print('listening', flush=True)\n"
        "for _ in getattr(made, 'getG' if hasattr(made, 'getG') else 'waitG')(): print('heard', flush=True)\n"
    )
    child = python(code, cls, CLASSES[cls])
    assert child.stdout.readline() == "listening\n"
    _, ours = both_fs
    made = getattr(ours, cls)(CLASSES[cls])
    for _ in range(2):
        until_asleep(child.pid)
        made.put(1) if cls == "JSONDataQueue" else made.signal(*([] if cls == "Event" else [1]))
        assert child.stdout.readline() == "heard\n"


def test_cancel_does_not_wait_for_the_next_look(both_fs: Both, threads: Any) -> None:
    _, ours = both_fs
    made = [ours.Event("eventfile", 10**9), ours.JSONDataEvent("other", 10**9), ours.JSONDataQueue("queuedir", 10**9)]
    for call in (made[0].wait, made[1].wait, lambda: list(made[2].getG())):
        threads.start(call)
    until_all_asleep(threads.threads)
    for each in made:
        each.cancelWait()
    assert sorted(map(str, threads.join())) == sorted(map(str, [False, (False, None), []]))


def test_length_and_hash_are_those_of_now(both_fs: Both) -> None:
    """The original's are those of the listener's last look, so a sender's never change."""
    original, ours = (side.JSONDataQueue("queuedir", 0) for side in both_fs)
    for queue, length in ((original, 0), (ours, 1)):
        before = queue.hash()
        for old in Path("queuedir").glob("q_*"):
            old.unlink()
        queue.put("item")
        assert (len(queue), queue.hash() != before) == (length, bool(length))


def test_an_item_that_is_no_json(both_fs: Both) -> None:
    """The original removes it, and its listener's generator ends with the error. Ours leaves it, and goes on."""
    original, ours = both_fs
    Path("queuedir/q_1_x").write_text("{")
    Path("queuedir/q_2_x").write_text('"sound"')
    items = ours.JSONDataQueue("queuedir").getG()
    assert next(items) == "sound"
    assert Path("queuedir/q_1_x").read_text() == "{"
    with pytest.raises(json.JSONDecodeError):
        next(original.JSONDataQueue("queuedir").getG())
    assert not Path("queuedir/q_1_x").exists()


def test_what_is_no_json_leaves_nothing_behind(both_fs: Both) -> None:
    for side, left in zip(both_fs, (2, 0), strict=True):
        before = len(os.listdir()) + len(os.listdir("queuedir"))
        event, queue = side.JSONDataEvent("eventfile", 0), side.JSONDataQueue("queuedir", 0)
        made = len(os.listdir()) + len(os.listdir("queuedir"))
        for call in (event.signal, queue.put):
            with pytest.raises(TypeError):
                call({"a": object()})
        assert len(os.listdir()) + len(os.listdir("queuedir")) - made == left, before
