"""jk_interprocesssync.fs: what its README and its code promise, of the original and of ours."""

from __future__ import annotations

import inspect
import itertools
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.until import until

if TYPE_CHECKING:
    from conftest import Side, Threads

CLASSES = {"Event": "eventfile", "JSONDataEvent": "eventfile", "JSONDataQueue": "queuedir"}
#: Every value that JSON has, but for those that the original takes for nothing.
VALUES = [1, -1.5, True, "text", "ü\n\0", [1, [2]], {"a": {"b": None}}, [None], "x" * 100_000]


def make(side: Side, cls: str, **more: Any) -> Any:
    """An object in the test's directory. The original looks every `sleepTime` seconds, so it gets none."""
    if cls == "JSONDataQueue":
        Path("queuedir").mkdir(exist_ok=True)
    return getattr(side.cls, cls)(CLASSES[cls], 0, **more)


@pytest.mark.parametrize("cls", CLASSES)
def test_the_names_and_signatures_are_the_seeds(both_fs: tuple[Any, Any], cls: str) -> None:
    original, ours = (getattr(module, cls) for module in both_fs)
    methods = [name for name, value in vars(original).items() if inspect.isfunction(value) and "__" not in name]
    assert len(methods) >= 6
    for method in ["__init__", *methods]:
        shapes = [
            [(p.name, p.default) for p in inspect.signature(getattr(side, method)).parameters.values()]
            for side in (original, ours)
        ]
        assert shapes[0] == shapes[1], method
    assert hasattr(original, "__len__") == hasattr(ours, "__len__")


@pytest.mark.parametrize("cls", CLASSES)
def test_what_was_given_can_be_asked(fs: Side, cls: str) -> None:
    made = make(fs, cls)
    assert made.sleepTime() == 0
    assert (made.dirPath if cls == "JSONDataQueue" else made.filePath)() == CLASSES[cls]


def test_a_signal_ends_a_wait_and_is_used_up(fs: Side, threads: Threads) -> None:
    sender, listener = make(fs, "Event"), make(fs, "Event")
    assert sender.signal() is None
    assert listener.wait() is True
    threads.start(listener.wait)
    assert threads.results == []
    if not fs.ours:  # which takes two signals at one time of the file system's clock for one
        until(lambda: time.time() > os.stat("eventfile").st_mtime + 0.05, "the clock has gone on")
    sender.signal()
    assert threads.join() == [True]


def test_every_listener_hears_it(fs: Side, threads: Threads) -> None:
    listeners = [make(fs, "Event") for _ in range(5)]
    for listener in listeners:
        threads.start(listener.wait)
    make(fs, "Event").signal()
    assert threads.join() == [True] * 5


def test_the_event_generator(fs: Side) -> None:
    event = make(fs, "Event")
    heard = event.waitG()
    assert inspect.isgenerator(heard)
    event.signal()
    assert next(heard) is True
    event.cancelWait()
    assert list(heard) == []


@pytest.mark.parametrize("cls", ["Event", "JSONDataEvent"])
def test_an_event_file_that_is_there_fires_once(fs: Side, cls: str, threads: Threads) -> None:
    """Empty, as an Event of the original leaves it; with the default the file itself counts as a signal."""
    Path("eventfile").touch()
    listener = make(fs, cls)
    assert listener.wait() == (True if cls == "Event" else (True, None))
    threads.start(listener.wait)
    assert threads.results == []
    listener.cancelWait()
    assert threads.join() == [False if cls == "Event" else (False, None)]


@pytest.mark.parametrize("cls", ["Event", "JSONDataEvent"])
def test_without_fire_on_init_only_what_comes_later_counts(fs: Side, cls: str, threads: Threads) -> None:
    Path("eventfile").touch()
    os.utime("eventfile", (1, 1))  # so that the original sees the change, however soon it comes
    early = make(fs, cls, bFireOnInit=False)
    sender = make(fs, cls, bFireOnInit=False)
    threads.start(early.wait)
    assert threads.results == []
    sender.signal(*([] if cls == "Event" else ["news"]))
    assert threads.join() == [True if cls == "Event" else (True, "news")]


def test_a_listener_that_comes_late_hears_the_last_signal(fs: Side) -> None:
    make(fs, "Event").signal()
    assert make(fs, "Event").wait() is True


def test_a_listener_that_comes_late_gets_the_last_value(fs: Side) -> None:
    make(fs, "JSONDataEvent").signal("first")
    make(fs, "JSONDataEvent").signal("last")
    assert make(fs, "JSONDataEvent").wait() == (True, "last")


@pytest.mark.parametrize("data", VALUES, ids=lambda v: repr(v)[:20])
def test_values_arrive(fs: Side, data: Any) -> None:
    sender, listener = make(fs, "JSONDataEvent"), make(fs, "JSONDataEvent")
    assert sender.signal(data) is None
    assert listener.wait() == (True, data)
    sender, listener = make(fs, "JSONDataQueue"), make(fs, "JSONDataQueue")
    assert sender.put(data) is None
    assert next(listener.getG()) == data


@pytest.mark.parametrize(("data", "arrives"), [((1, (2,)), [1, [2]]), ({1: 2, None: 3}, {"1": 2, "null": 3})])
def test_what_json_has_no_word_for_arrives_as_it_did(fs: Side, data: Any, arrives: Any) -> None:
    event, queue = make(fs, "JSONDataEvent"), make(fs, "JSONDataQueue")
    event.signal(data)
    queue.put(data)
    assert event.wait() == (True, arrives)
    assert next(queue.getG()) == arrives


@pytest.mark.parametrize("cls", ["JSONDataEvent", "JSONDataQueue"])
def test_what_is_no_json_is_a_type_error(fs: Side, cls: str) -> None:
    made = make(fs, cls)
    with pytest.raises(TypeError, match="not JSON serializable"):
        (made.put if cls == "JSONDataQueue" else made.signal)({"a": object()})


def test_the_data_generator(fs: Side) -> None:
    event = make(fs, "JSONDataEvent")
    values = event.waitG()
    assert inspect.isgenerator(values)
    event.signal({"n": 1})
    assert next(values) == {"n": 1}
    event.cancelWait()
    assert list(values) == []


def test_a_value_that_the_original_left(fs: Side) -> None:
    Path("eventfile").write_text('{"left": [1, 2]}')
    assert make(fs, "JSONDataEvent").wait() == (True, {"left": [1, 2]})


def test_a_queue_keeps_its_order(fs: Side) -> None:
    sender = make(fs, "JSONDataQueue")
    for n in range(1, 101):
        sender.put(n)
    assert list(itertools.islice(make(fs, "JSONDataQueue").getG(), 100)) == list(range(1, 101))


def test_a_listener_waits_for_the_next_item(fs: Side, threads: Threads) -> None:
    sender, items = make(fs, "JSONDataQueue"), make(fs, "JSONDataQueue").getG()
    assert inspect.isgenerator(items)
    for n in range(1, 6):
        threads.start(next, items)
        sender.put(n)
        threads.join()
    assert threads.results == [1, 2, 3, 4, 5]


def test_each_item_goes_to_one_listener(fs: Side, threads: Threads) -> None:
    listeners = [make(fs, "JSONDataQueue") for _ in range(3)]
    for listener in listeners:
        threads.start(lambda listener=listener: list(listener.getG()))
    senders = [make(fs, "JSONDataQueue") for _ in range(3)]
    for n in range(1, 151):
        senders[n % 3].put(n)
    probe = make(fs, "JSONDataQueue")
    while left(probe):
        os.sched_yield()
    for listener in listeners:
        listener.cancelWait()
    assert sorted(itertools.chain.from_iterable(threads.join())) == list(range(1, 151))


def left(queue: Any) -> int:
    """How many items are in the directory; the original's own `length` is that of its last look."""
    files = sum(name.startswith("q_") for name in os.listdir(queue.dirPath()))
    return files if files or not hasattr(queue, "native") else queue.length()


def test_length_and_hash(fs: Side) -> None:
    empty = make(fs, "JSONDataQueue")
    assert (len(empty), empty.length(), bool(empty)) == (0, 0, False)
    hashes = {empty.hash()}
    assert empty.hash() == make(fs, "JSONDataQueue").hash()
    for n in range(1, 4):
        empty.put(n)
        queue = make(fs, "JSONDataQueue")
        assert (len(queue), queue.length(), bool(queue)) == (n, n, True)
        hashes.add(queue.hash())
        assert len(queue.hash()) == 64
        assert queue.hash() == make(fs, "JSONDataQueue").hash()
    assert len(hashes) == 4
    list(itertools.islice(empty.getG(), 3))
    drained = make(fs, "JSONDataQueue")
    assert (len(drained), drained.hash()) == (0, min(hashes & {make(fs, "JSONDataQueue").hash()}))


def test_the_items_that_the_original_left_come_first_and_in_order(fs: Side, both_fs: tuple[Any, Any]) -> None:
    original, _ = both_fs
    Path("queuedir").mkdir()
    before = original.JSONDataQueue("queuedir")
    for n in range(1, 51):
        before.put({"n": n})
    before.put(None)
    Path("queuedir/tmp_q_1_x.tmp").write_text("[1")  # a sender died over this one
    Path("queuedir/notes").write_text("somebody's")
    queue = make(fs, "JSONDataQueue")
    assert len(queue) == 51
    queue.put("new")
    found = list(itertools.islice(queue.getG(), 52))
    assert found == [*({"n": n} for n in range(1, 51)), None, "new"]
    assert sorted(name for name in os.listdir("queuedir") if "queue.tocsin" not in name and name[0] != ".") == [
        "notes",
        "tmp_q_1_x.tmp",
    ]


def test_two_listeners_share_what_the_original_left(fs: Side, both_fs: tuple[Any, Any], threads: Threads) -> None:
    original, _ = both_fs
    Path("queuedir").mkdir()
    for n in range(1, 201):
        original.JSONDataQueue("queuedir").put(n)
    listeners = [make(fs, "JSONDataQueue") for _ in range(4)]
    for listener in listeners:
        threads.start(lambda listener=listener: list(listener.getG()))
    while left(listeners[0]):
        os.sched_yield()
    for listener in listeners:
        listener.cancelWait()
    assert sorted(itertools.chain.from_iterable(threads.join())) == list(range(1, 201))


@pytest.mark.parametrize("cls", CLASSES)
def test_cancel_ends_the_wait_that_blocks_and_all_later_ones(fs: Side, cls: str, threads: Threads) -> None:
    made = make(fs, cls)
    call = (lambda: list(made.getG())) if cls == "JSONDataQueue" else made.wait
    threads.start(call)
    made.cancelWait()
    cancelled = {"Event": False, "JSONDataEvent": (False, None), "JSONDataQueue": []}[cls]
    assert threads.join() == [cancelled]
    if cls == "JSONDataQueue":
        made.put("still works")
    else:
        made.signal(*([] if cls == "Event" else ["still works"]))
    assert call() == cancelled
    other = make(fs, cls)
    assert (next(other.getG()) if cls == "JSONDataQueue" else other.wait()) in (
        True,
        (True, "still works"),
        "still works",
    )
