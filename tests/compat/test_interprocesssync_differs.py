"""Where jk_interprocesssync and ours differ: lines of the tables in docs/from-the-seeds/interprocesssync.md."""

from __future__ import annotations

import math
import os
import pickle
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness.asleep import until_all_asleep

from tocsin import DataEvent, InvalidMessage, MessageTooLarge, Queue, Signal, WrongKind

CLASSES = {"Event": "eventfile", "JSONDataEvent": "eventfile", "JSONDataQueue": "queuedir"}
Both = tuple[Any, Any]
pytestmark = pytest.mark.usefixtures("queue_directory")


def test_where_the_objects_are(both_fs: Both, tmp_path: Path) -> None:
    """Beside the user's file, and in the user's directory; native programs name them there."""
    _, ours = both_fs
    event, data, queue = ours.Event("e"), ours.JSONDataEvent("d.json"), ours.JSONDataQueue("queuedir")
    assert sorted(name for name in os.listdir() if name[0] != ".") == ["d.json.tocsin", "e.tocsin", "queuedir"]
    assert Path("queuedir/queue.tocsin").is_file()
    with Signal(f"{tmp_path}/e.tocsin") as native:
        event.signal()
        assert native.wait(0) == 1
    with DataEvent(f"{tmp_path}/d.json.tocsin") as native:
        data.signal({"n": 1})
        assert native.wait(0) == {"n": 1}
    with Queue(f"{tmp_path}/queuedir/queue.tocsin") as native:
        queue.put([1])
        assert native.get(block=False) == [1]


def test_every_way_to_write_a_path_is_one_event(both_fs: Both, tmp_path: Path) -> None:
    _, ours = both_fs
    Path("link").symlink_to(tmp_path)
    Path("alias").symlink_to("eventfile")
    listeners = [
        ours.Event(path) for path in ("eventfile", "./eventfile", f"{tmp_path}/eventfile", "link/eventfile", "alias")
    ]
    ours.Event("queuedir/../eventfile").signal()
    assert [listener.wait() for listener in listeners] == [True] * 5


def test_names_that_begin_with_a_dot(both_fs: Both) -> None:
    _, ours = both_fs
    hidden, shown = ours.Event(".x"), ours.Event("x")
    hidden.signal()
    assert hidden.wait() is True
    assert shown.native.count == 0
    with pytest.raises(ValueError, match="begin with"):
        ours.Event("..x")


@pytest.mark.parametrize("cls", ["Event", "JSONDataEvent"])
def test_the_seeds_file_is_never_touched(both_fs: Both, cls: str) -> None:
    """So a sender of the original that was forgotten somewhere does no harm: it cuts or replaces that file."""
    original, ours = both_fs
    Path("eventfile").write_text('"left"')
    before = os.stat("eventfile")
    ours_made = getattr(ours, cls)("eventfile")
    more = [] if cls == "Event" else ["new"]
    ours_made.signal(*more)
    after = os.stat("eventfile")
    assert (before.st_ino, before.st_mtime_ns, before.st_size) == (after.st_ino, after.st_mtime_ns, after.st_size)
    getattr(original, cls)("eventfile", 0).signal(*more)
    assert ours_made.wait() == (True if cls == "Event" else (True, "new"))


def test_an_old_file_does_not_count_beside_a_signal(both_fs: Both) -> None:
    _, ours = both_fs
    Path("e").touch()
    Path("d").write_text('"old"')
    ours.Event("e").signal()
    ours.JSONDataEvent("d").signal("new")
    event, data = ours.Event("e"), ours.JSONDataEvent("d")
    assert event.wait() is True
    assert event.native.wait(0) == 0
    assert data.wait() == (True, "new")
    with pytest.raises(TimeoutError):
        data.native.wait(0)


def test_who_loses_the_race_for_an_item_goes_on(both_fs: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """One has read the item, and before it removes the file another one takes it: the losing order, every time."""
    original, ours = both_fs
    for number in (1, 2):
        original.JSONDataQueue("queuedir").put(number)
    slow, quick = (ours.JSONDataQueue("queuedir").getG() for _ in range(2))
    taken = []
    remove = os.unlink

    def too_late(path: str) -> None:
        monkeypatch.setattr(os, "unlink", remove)
        taken.append(next(quick))
        remove(path)

    monkeypatch.setattr(os, "unlink", too_late)
    assert next(slow) == 2
    assert taken == [1]


def test_a_touch_is_no_signal(both_fs: Both) -> None:
    original, ours = both_fs
    listeners = [original.Event("eventfile", 0), ours.Event("eventfile")]
    Path("eventfile").touch()
    assert [listener.wait() for listener in listeners] == [True, True]  # the file is there: once, for either
    os.utime("eventfile", (1, 1))
    assert listeners[0].wait() is True
    assert listeners[1].native.wait(0) == 0


def test_a_file_that_is_removed_does_not_undo_the_signal(both_fs: Both) -> None:
    for side, heard in zip(both_fs, (False, True), strict=True):
        side.Event("eventfile", 0).signal()
        Path("eventfile").unlink(missing_ok=True)
        late = side.Event("eventfile", 0)
        if side is both_fs[1]:
            assert late.wait() is heard
        else:
            assert not os.path.exists(late.filePath())


@pytest.mark.parametrize("cls", CLASSES)
def test_a_swept_directory_is_begun_anew(both_fs: Both, cls: str) -> None:
    _, ours = both_fs
    made = getattr(ours, cls)(CLASSES[cls])
    made.native.unlink()
    other = getattr(ours, cls)(CLASSES[cls])
    if cls == "JSONDataQueue":
        made.put("item")
        assert next(other.getG()) == "item"
    else:
        made.signal(*([] if cls == "Event" else ["item"]))
        assert other.wait() in (True, (True, "item"))


def test_a_listener_goes_on_after_a_sweep(both_fs: Both, threads: Any) -> None:
    _, ours = both_fs
    made = ours.Event("e"), ours.JSONDataEvent("d"), ours.JSONDataQueue("queuedir")
    for call in (made[0].wait, made[1].wait, lambda: next(made[2].getG())):
        threads.start(call)
    until_all_asleep(threads.threads)
    for each in made:
        each.native.unlink()
    ours.Event("e").signal()
    ours.JSONDataEvent("d").signal("value")
    ours.JSONDataQueue("queuedir").put("item")
    assert sorted(map(str, threads.join())) == sorted(map(str, [True, (True, "value"), "item"]))


def test_items_that_the_original_puts_later(both_fs: Both) -> None:
    """Once a listener has seen the end of the original's items it looks for no more; a new listener does."""
    original, ours = both_fs
    listener = ours.JSONDataQueue("queuedir")
    original.JSONDataQueue("queuedir").put("late")
    ours.JSONDataQueue("queuedir").put("ours")
    assert next(listener.getG()) == "ours"
    assert next(ours.JSONDataQueue("queuedir").getG()) == "late"


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_that_json_has_not(both_fs: Both, number: float) -> None:
    original, ours = both_fs
    original.JSONDataEvent("eventfile", 0).signal({"n": number})
    assert str(original.JSONDataEvent("eventfile", 0).wait()[1]["n"]) == str(number)
    for call in (ours.JSONDataEvent("other").signal, ours.JSONDataQueue("queuedir").put):
        with pytest.raises(InvalidMessage):
            call({"n": number})


def test_text_that_is_no_unicode(both_fs: Both) -> None:
    original, ours = both_fs
    original.JSONDataQueue("queuedir").put("\ud800")
    assert next(original.JSONDataQueue("queuedir").getG()) == "\ud800"
    with pytest.raises(InvalidMessage):
        ours.JSONDataQueue("queuedir").put("\ud800")


def test_numbers_of_any_size(both_fs: Both) -> None:
    for side in both_fs:
        queue = side.JSONDataQueue("queuedir")
        queue.put(10**30)
        assert next(side.JSONDataQueue("queuedir").getG()) == 10**30


def test_what_is_too_large(both_fs: Both) -> None:
    _, ours = both_fs
    large = "x" * (65 << 20)
    for call in (ours.JSONDataEvent("eventfile").signal, ours.JSONDataQueue("queuedir").put):
        with pytest.raises(MessageTooLarge):
            call(large)


def test_who_may_use_it(both_fs: Both, tmp_path: Path) -> None:
    _, ours = both_fs
    ours.Event("mine")
    assert stat.S_IMODE(os.stat("mine.tocsin").st_mode) == 0o600
    Signal(f"{tmp_path}/everybodys.tocsin", mode=0o660)
    ours.Event("everybodys").signal()
    assert stat.S_IMODE(os.stat("everybodys.tocsin").st_mode) == 0o660


WRONG = {"no text": 3, "bytes": b"x", "empty": "", "blank": " x", "newline": "x\n"}


@pytest.mark.parametrize("cls", ["Event", "JSONDataEvent"])
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_paths(both_fs: Both, cls: str, wrong: str) -> None:
    original, ours = both_fs
    with pytest.raises(AssertionError):
        getattr(original, cls)(WRONG[wrong])
    with pytest.raises(TypeError if wrong in ("no text", "bytes") else ValueError, match="filePath"):
        getattr(ours, cls)(WRONG[wrong])


def test_a_directory_that_is_not_there(both_fs: Both) -> None:
    original, ours = both_fs
    with pytest.raises(AssertionError):
        original.JSONDataQueue("none")
    with pytest.raises(NotADirectoryError):
        ours.JSONDataQueue("none")
    with pytest.raises(AssertionError):
        original.JSONDataQueue("queuedir", 0.5)
    assert ours.JSONDataQueue("queuedir", 0.5).sleepTime() == 0.5
    with pytest.raises(TypeError):
        ours.JSONDataQueue(3)
    late = original.Event("none/eventfile", 0)
    with pytest.raises(FileNotFoundError):
        late.signal()
    with pytest.raises(FileNotFoundError):
        ours.Event("none/eventfile")


def test_the_sleep_time_of_a_queue(both_fs: Both) -> None:
    """The original takes the smaller of it and 0, so that it never sleeps."""
    assert [side.JSONDataQueue("queuedir", 5).sleepTime() for side in both_fs] == [0, 5]


def test_two_kinds_at_one_path(both_fs: Both) -> None:
    original, ours = both_fs
    listener = original.Event("eventfile", 0)
    original.JSONDataEvent("eventfile", 0).signal(1)
    assert listener.wait() is True
    ours.Event("eventfile")
    with pytest.raises(WrongKind):
        ours.JSONDataEvent("eventfile")


def test_a_program_that_changes_its_directory(both_fs: Both) -> None:
    """A relative path is looked up once, when the object is made."""
    original, ours = (side.Event("eventfile", 0) for side in both_fs)
    os.chdir("queuedir")
    original.signal()
    ours.signal()
    assert os.path.exists("eventfile")
    os.chdir("..")
    assert ours.wait() is True
    assert not os.path.exists("eventfile")


@pytest.mark.parametrize("cls", CLASSES)
def test_pickling_makes_a_listener(both_fs: Both, cls: str) -> None:
    original, ours = both_fs
    if cls == "Event":
        seen = original.Event("other", 0)
        seen.signal()
        assert seen.wait() is True
        assert vars(pickle.loads(pickle.dumps(seen))) == vars(seen)
    made = getattr(ours, cls)(CLASSES[cls], 7)
    copy = pickle.loads(pickle.dumps(made))
    assert copy.sleepTime() == 7
    if cls == "JSONDataQueue":
        made.put(1)
        assert next(copy.getG()) == 1
        return
    made.signal(*([] if cls == "Event" else [1]))
    assert copy.wait() in (True, (True, 1))
    assert made.wait() in (True, (True, 1))
    made.cancelWait()
    assert pickle.loads(pickle.dumps(made)).wait() in (False, (False, None))


def test_the_package_as_a_name(tmp_path: Path) -> None:
    """`import jk_interprocesssync.fs` becomes one import that gives the same dotted names."""
    from tocsin.compat import interprocesssync as jk_interprocesssync

    event = jk_interprocesssync.fs.Event(f"{tmp_path}/eventfile")
    event.signal()
    assert event.wait() is True


def test_a_shell_signals_it(both_fs: Both, tmp_path: Path) -> None:
    _, ours = both_fs
    event, queue = ours.Event("eventfile"), ours.JSONDataQueue("queuedir")
    subprocess.run(["tocsin", "signal", f"{tmp_path}/eventfile.tocsin"], check=True)
    subprocess.run(["tocsin", "put", f"{tmp_path}/queuedir/queue.tocsin", "{}"], check=True)
    assert event.wait() is True
    assert next(queue.getG()) == {}
