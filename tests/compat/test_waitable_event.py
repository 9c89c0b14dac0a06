"""WaitableEvent: what bacpypes documents of it, of the original and of ours."""

from __future__ import annotations

import inspect
import os
import select
import threading
import time
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("asyncore")


@pytest.fixture
def event(waitable_event: Any) -> Any:
    made = waitable_event.cls()
    yield made
    made.close()


def test_the_names_and_signatures_are_the_seeds(both_waitable_events: tuple[Any, Any]) -> None:
    original, ours = both_waitable_events
    documented = ["__init__", "__del__", "readable", "writable", "handle_read", "handle_write", "handle_close"]
    for method in [*documented, "wait", "isSet", "set", "clear"]:
        assert shape(getattr(ours, method)) == shape(getattr(original, method)), method


def test_the_dispatchers_methods_are_asyncores(both_waitable_events: tuple[Any, Any], asyncore: Any) -> None:
    _, ours = both_waitable_events
    for_sockets = {"accept", "bind", "connect", "create_socket", "listen", "set_file", "set_reuse_addr", "set_socket"}
    for_sockets |= {"handle_accept", "handle_accepted", "handle_connect", "handle_connect_event"}
    methods = dict(inspect.getmembers(asyncore.file_dispatcher, inspect.isfunction))
    for method in {name for name in methods if name[0] != "_"} - for_sockets:
        assert shape(getattr(ours, method)) == shape(getattr(asyncore.file_dispatcher, method)), method
    assert not any(hasattr(ours, method) for method in for_sockets)


def shape(call: Any) -> list[tuple[str, Any]]:
    return [(p.name, p.default) for p in inspect.signature(call).parameters.values()]


def test_it_is_clear_then_set_then_clear(event: Any) -> None:
    assert event.isSet() is False
    assert event.wait(0) is False
    event.set()
    event.set()
    for _ in range(3):
        assert event.isSet() is True
        assert event.wait() is True
    event.clear()
    event.clear()
    assert event.isSet() is False
    assert event.wait(timeout=0) is False


def test_a_wait_that_times_out_took_its_time(event: Any) -> None:
    before = time.monotonic()
    assert event.wait(0.05) is False
    assert time.monotonic() - before >= 0.05


def test_a_thread_that_waits_is_released(event: Any, threads: Any, asleep: Any) -> None:
    threads.start(event.wait, times=3)
    for thread in threads.threads:
        asleep(thread)
    event.set()
    assert threads.join() == [True] * 3


def test_what_a_loop_asks(event: Any) -> None:
    assert event.readable() is True
    assert event.writable() is False
    assert event.handle_read() is None
    assert event.handle_write() is None
    event.set()
    assert event.handle_read() is None
    assert event.isSet() is True  # handle_read performs no activity


def test_it_stands_in_the_map_until_it_is_closed(event: Any, asyncore: Any) -> None:
    assert event in asyncore.socket_map.values()
    event.handle_close()
    assert asyncore.socket_map == {}
    event.close()
    event.set()  # late threads may: the event itself goes on
    assert event.isSet() is True
    event.clear()
    assert event.isSet() is False


def test_a_map_of_ones_own(event: Any, asyncore: Any) -> None:
    mine: dict[int, Any] = {}
    event.add_channel(mine)
    assert list(mine) == list(asyncore.socket_map)
    assert event in mine.values()
    event.set()
    (fd,) = mine
    assert select.select([fd], [], [], 0)[0] == [fd]
    event.del_channel(mine)
    assert mine == {}


@pytest.mark.parametrize("use_poll", [False, True])
def test_set_by_a_thread_breaks_the_loop(
    waitable_event: Any,
    asyncore: Any,
    threads: Any,
    use_poll: bool,  # noqa: FBT001 - pytest gives it by name
) -> None:
    """What it is for: the main thread waits for IO in the loop, and a child thread schedules something."""
    turns = 100
    event = waitable_event.cls()
    seen: list[bool] = []

    def loop() -> None:
        for _ in range(turns):
            while not event.isSet():  # a turn for nothing is allowed: the ring of a set that was already cleared
                asyncore.loop(timeout=60, use_poll=use_poll, count=1)
            seen.append(event.isSet())
            event.clear()
            done.release()

    done = threading.Semaphore(0)
    threads.start(loop)
    for _ in range(turns):
        event.set()
        done.acquire()
    threads.join()
    assert seen == [True] * turns
    event.close()


def test_a_subclass_handles_what_is_read(waitable_event: Any, asyncore: Any, threads: Any) -> None:
    handled = []

    class Trigger(waitable_event.cls):
        def handle_read(self) -> None:
            self.clear()
            handled.append(threading.get_ident())
            if len(handled) == 50:
                self.close()
            turn.release()

    turn = threading.Semaphore(0)
    trigger = Trigger()
    loop = threading.Thread(target=asyncore.loop, kwargs={"timeout": 60}, daemon=True)
    loop.start()
    for _ in range(50):
        trigger.set()
        turn.acquire()
    loop.join()  # closed: the map is empty, and the loop ends
    assert handled == [loop.ident] * 50


def test_recv_takes_what_set_it(event: Any) -> None:
    """bacpypes' own trigger clears it like this, in handle_read."""
    with pytest.raises(BlockingIOError):
        event.recv(1)
    event.set()
    assert event.recv(1) == b"1"
    assert event.isSet() is False


def test_nothing_can_be_sent(event: Any, asyncore: Any) -> None:
    assert event.send(b"x") == 0
    assert asyncore.socket_map == {}  # asyncore took the error for a hang-up


def test_a_clear_event_does_not_turn_the_loop(event: Any, asyncore: Any) -> None:
    """handle_read does nothing, so the loop would turn for ever if anything were left to read."""
    turned = []
    event.handle_read = lambda: turned.append(1)  # not ours to catch: both call the instance's
    for _ in range(3):
        event.set()
        event.set()
        event.clear()
        asyncore.loop(timeout=0, count=5)
    assert turned == []
    event.set()
    asyncore.loop(timeout=0, count=5)
    assert len(turned) == 5  # level: for as long as it is set


def test_a_handler_that_raises_closes_it(waitable_event: Any, asyncore: Any, capsys: Any) -> None:
    class Broken(waitable_event.cls):
        def handle_read(self) -> None:
            raise RuntimeError("what went wrong")

    broken = Broken()
    broken.set()
    asyncore.loop(timeout=60)  # ends, because nothing is left in the map
    said = capsys.readouterr().out
    assert "error: uncaptured python exception, closing channel" in said
    assert "what went wrong" in said
    assert broken.isSet() is True


def test_log_says_what_it_is_told(event: Any, capsys: Any) -> None:
    event.log("a hit")
    event.log_info("an error", "error")
    event.log_info("ignored", "warning")
    event.handle_expt_event()
    event.handle_write_event()
    said = capsys.readouterr()
    assert (said.out, said.err) == ("error: an error\n", "log: a hit\n")


def test_close_all_closes_it(event: Any, asyncore: Any) -> None:
    asyncore.close_all()
    assert asyncore.socket_map == {}
    assert event.connected is False


def test_a_child_after_fork_wakes_its_parents_loop(event: Any, asyncore: Any) -> None:
    child = os.fork()
    if child == 0:
        event.set()
        os._exit(0)
    asyncore.loop(timeout=60, count=1)
    assert event.wait(60) is True
    assert os.waitpid(child, 0)[1] == 0


def test_a_child_after_fork_has_a_loop_too(event: Any, asyncore: Any) -> None:
    """The map is copied by fork, and what stands in it must be good in the child."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            event.set()
            asyncore.loop(timeout=60, count=1)
            code = 0 if event.isSet() and event in asyncore.socket_map.values() else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


CORE = """
import sys, threading, warnings
warnings.simplefilter("ignore")
import {module} as chosen
sys.modules["bacpypes.event"] = chosen      # what the changed import amounts to
import bacpypes.core as core, bacpypes.task as task
assert issubclass(task._Trigger, chosen.WaitableEvent)
turns = []
def schedule():
    for turn in range(20):
        landed = threading.Event()
        core.deferred(lambda: (turns.append(turn), landed.set()))
        landed.wait()
    core.deferred(core.stop)
threading.Thread(target=schedule).start()
core.run(spin=3600)      # nothing but the event can end a turn of this loop
print(turns == list(range(20)))
"""


def test_bacpypes_own_core_runs_on_it(waitable_event: Any, python: Any) -> None:
    child = python(CORE.format(module=waitable_event.module))
    out, err = child.communicate()
    assert (out, child.returncode) == ("True\n", 0), err
