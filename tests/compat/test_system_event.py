"""SystemEvent: what its README and docstrings promise, of the original and of ours. Its usage: test_documents.py."""

from __future__ import annotations

import inspect
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest


def test_the_names_and_signatures_are_the_seeds(both_system_events: tuple[Any, Any]) -> None:
    original, ours = both_system_events
    assert shape(ours.__init__) == shape(original.__init__)
    methods = [name for name, value in vars(original).items() if inspect.isfunction(value) and name[0] != "_"]
    assert sorted(methods) == ["clear", "isSet", "set", "wait"]
    assert ours(f"signature-{os.getpid()}").wait(timeout=0) is False
    for method in methods:
        assert callable(getattr(ours, method))


def shape(call: Any) -> list[tuple[str, Any]]:
    return [(p.name, p.default) for p in inspect.signature(call).parameters.values()]


def test_it_starts_clear_and_stays_set_until_it_is_cleared(system_event: Any, name: str) -> None:
    event = system_event.cls(name)
    assert event.isSet() is False
    event.set()
    for _ in range(3):
        assert event.isSet() is True
        assert event.wait() is True
    event.clear()
    assert event.isSet() is False
    assert event.wait(0) is False


def test_one_clear_undoes_many_sets(system_event: Any, name: str) -> None:
    event = system_event.cls(name)
    for _ in range(5):
        event.set()
    event.clear()
    assert event.isSet() is False
    event.clear()
    assert event.isSet() is False


def test_set_and_clear_return_nothing(system_event: Any, name: str) -> None:
    event = system_event.cls(name)
    assert (event.set(), event.clear()) == (None, None)


def test_a_wait_that_times_out_says_false_and_took_its_time(system_event: Any, name: str) -> None:
    event = system_event.cls(name)
    before = time.monotonic()
    assert event.wait(0.05) is False
    assert time.monotonic() - before >= 0.05
    assert event.wait(timeout=0) is False


def test_the_name_is_the_event(system_event: Any, name: str) -> None:
    one, same, other = system_event.cls(name), system_event.cls(name), system_event.cls(name + "-other")
    one.set()
    assert same.isSet() is True
    assert other.isSet() is False


def test_prefix_and_name_make_the_event(system_event: Any, name: str) -> None:
    plain, mine, also = (
        system_event.cls(name),
        system_event.cls(name, "mine."),
        system_event.cls("e." + name, prefix="min"),
    )
    mine.set()
    assert plain.isSet() is False
    assert also.isSet() is True


def test_a_thread_that_waits_is_released(system_event: Any, name: str, threads: Any, asleep: Any) -> None:
    event = system_event.cls(name)
    threads.start(event.wait, times=3)
    for thread in threads.threads:
        asleep(thread)
    event.set()
    assert threads.join() == [True] * 3


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_mode_is_the_makers_whatever_the_umask(system_event: Any, name: str, umask: int) -> None:
    before = os.umask(umask)
    try:
        wide, narrow = system_event.cls(name), system_event.cls(name + "-n", mode=0o640)
        assert os.umask(umask) == umask  # it is as it was
    finally:
        os.umask(before)
    assert wide is not narrow
    assert mode_of(system_event, name) == 0o666
    assert mode_of(system_event, name + "-n") == 0o640


def mode_of(side: Any, name: str) -> int:
    return stat.S_IMODE(file_of(side, name).stat().st_mode)


def file_of(side: Any, name: str) -> Path:
    return Path(os.environ["TOCSIN_AT"], name) if side.ours else Path("/dev/shm", f"sem.SystemEvent.{name}")


@pytest.mark.parametrize("asked", [0o666, 0o622, 0o660])
def test_one_that_exists_is_taken_with_the_mode_that_it_has(system_event: Any, name: str, asked: int) -> None:
    first = system_event.cls(name, mode=0o662)
    second = system_event.cls(name, mode=asked)
    first.set()
    assert second.isSet() is True
    assert mode_of(system_event, name) == 0o662


@pytest.mark.parametrize("wrong", [None, 3, b"bytes"])
def test_a_name_that_is_not_text_is_a_type_error(system_event: Any, wrong: Any) -> None:
    with pytest.raises(TypeError):
        system_event.cls(wrong)


def test_a_child_after_fork_shares_it(system_event: Any, name: str) -> None:
    event, answer = system_event.cls(name), system_event.cls(name + "-answer")
    child = os.fork()
    if child == 0:
        answer.set() if event.wait(60) else None
        os._exit(0)
    event.set()
    assert os.waitpid(child, 0)[1] == 0
    assert answer.isSet() is True
