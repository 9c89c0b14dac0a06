"""Signals: handlers that set, Ctrl-C during a wait, and processes that are stopped and go on."""

from __future__ import annotations

import signal

import pytest
from harness.child import Child
from harness.prove import cases

from tocsin import Event

WAITS = ("wait", "wait_clear")


def unready(what: str) -> str:
    return "event.set()\n" if what == "wait_clear" else ""


@pytest.mark.parametrize("what", WAITS)
@pytest.mark.parametrize("timeout", ["None", "3600"])
def test_a_handler_that_changes_the_event_ends_the_wait(place: str, what: str, timeout: str) -> None:
    change = "clear" if what == "wait_clear" else "set"
    script = f"""
event = Event("x", at=sys.argv[1])
{unready(what)}
signal.signal(signal.SIGUSR1, lambda *_: event.{change}())
say("ready")
say(event.{what}({timeout}))
"""
    with Child(script, place) as child:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGUSR1)
        assert child.hear() == "True"
        child.check()


@pytest.mark.parametrize("what", WAITS)
def test_a_handler_that_pulses_ends_the_wait(place: str, what: str) -> None:
    script = f"""
event = Event("x", at=sys.argv[1])
{unready(what)}
def pulse(*_):
    if event.is_set(): event.clear(); event.set()
    else: event.set(); event.clear()
signal.signal(signal.SIGUSR1, pulse)
say("ready")
say(event.{what}())
"""
    with Child(script, place) as child:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGUSR1)
        assert child.hear() == "True"
        child.check()


@pytest.mark.parametrize("what", WAITS)
def test_a_handler_that_does_nothing_does_not_end_the_wait(place: str, what: str) -> None:
    script = f"""
event = Event("x", at=sys.argv[1])
{unready(what)}
signal.signal(signal.SIGUSR1, lambda *_: say("handled"))
say("ready")
say(event.{what}())
"""
    with Child(script, place) as child, Event("x", at=place) as event:
        child.hear()
        for _ in range(20):
            child.until_asleep()
            child.signal(signal.SIGUSR1)
            assert child.hear() == "handled"
        child.until_asleep()
        event.clear() if what == "wait_clear" else event.set()
        assert child.hear() == "True"


@pytest.mark.parametrize("what", WAITS)
def test_a_handlers_exception_leaves_the_wait(place: str, what: str) -> None:
    script = f"""
event = Event("x", at=sys.argv[1])
{unready(what)}
def throw(*_): raise KeyError("from the handler")
signal.signal(signal.SIGUSR1, throw)
say("ready")
try: event.{what}()
except KeyError as error: say(error)
assert event.stats().waiting_here == 0
"""
    with Child(script, place) as child:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGUSR1)
        assert child.hear() == "'from the handler'"
        child.check()


@pytest.mark.parametrize("what", WAITS)
@pytest.mark.parametrize("timeout", ["", "3600"])
@pytest.mark.parametrize("at", ["named", "anonymous"])
def test_ctrl_c_is_a_keyboard_interrupt(place: str, what: str, timeout: str, at: str) -> None:
    script = f"""
signal.signal(signal.SIGINT, signal.default_int_handler)
event = Event("x", at=sys.argv[1]) if sys.argv[2] == "named" else Event()
{unready(what)}
say("ready")
try: event.{what}({timeout})
except KeyboardInterrupt: say("interrupted", event.stats().waiting_here)
"""
    with Child(script, place, at) as child:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGINT)
        assert child.hear() == "interrupted 0"
        child.check()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "trio"])
def test_ctrl_c_ends_an_awaited_wait(place: str, loop: str) -> None:
    script = """
signal.signal(signal.SIGINT, signal.default_int_handler)
from harness.callers import RUN
event = Event("x", at=sys.argv[1])
say("ready")
try: RUN[sys.argv[2]](event.wait_async)
except KeyboardInterrupt: say("interrupted", event.stats().waiting_here)
"""
    with Child(script, place, loop) as child:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGINT)
        assert child.hear() == "interrupted 0"
        child.check()


def test_ctrl_c_while_another_thread_waits(place: str) -> None:
    script = """
signal.signal(signal.SIGINT, signal.default_int_handler)
import threading
event = Event("x", at=sys.argv[1])
thread = threading.Thread(target=event.wait)
thread.start()
say("ready")
try:
    Event("never", at=sys.argv[1]).wait()
except KeyboardInterrupt:
    say("interrupted")
event.set()
thread.join()
"""
    with Child(script, place) as child:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGINT)
        assert child.hear() == "interrupted"
        child.check()


@pytest.mark.prove
@pytest.mark.parametrize("listens", [False, True])
def test_a_handler_that_interrupts_a_busy_loop_of_the_same_calls(place: str, listens: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """set is reentrant: a handler meets its own thread in the middle of any call of ours."""
    script = """
event = Event("x", at=sys.argv[1])
if sys.argv[2] == "True": event.fileno()
handled = 0
def handler(*_):
    global handled
    handled += 1
    event.set(); event.clear(); event.wait(0); event.is_set(); event.generation
    if handled % 7 == 0:
        other = Event("x", at=sys.argv[1]); other.fileno(); other.set(); other.close()
    if event.is_far:  # which takes longer than the next signal does: handlers would pile up
        signal.setitimer(signal.ITIMER_REAL, 0.0002)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0002, 0 if event.is_far else 0.0002)
while handled < int(sys.argv[3]):
    event.set(); event.clear(); event.wait(0.0001); event.wait_clear(0.0001)
signal.setitimer(signal.ITIMER_REAL, 0)
event.set()
assert event.wait()
say(handled)
"""
    count = cases(2_000, 50_000)
    with Child(script, place, str(listens), str(count)) as child:
        assert int(child.hear()) >= count
        child.check()


@pytest.mark.parametrize("what", WAITS)
def test_stopped_in_a_wait_and_continued(place: str, what: str) -> None:
    script = f"""
event = Event("x", at=sys.argv[1])
{unready(what)}
say("ready")
say(event.{what}())
"""
    with Child(script, place) as child, Event("x", at=place) as event:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGSTOP)
        child.signal(signal.SIGCONT)
        child.until_asleep()
        child.signal(signal.SIGSTOP)
        if what == "wait_clear":
            event.clear()
            event.set()
        else:
            event.set()
            event.clear()
        child.signal(signal.SIGCONT)
        assert child.hear() == "True"


def test_a_stopped_waiter_holds_up_nobody(caller: object, place: str) -> None:
    script = "event = Event('x', at=sys.argv[1]); say('ready'); say(event.wait())"
    with Child(script, place) as child, Event("x", at=place) as event:
        child.hear()
        child.until_asleep()
        child.signal(signal.SIGSTOP)
        wait = caller.asleep(event, "wait")
        event.set()
        assert wait.result() is True
        event.clear()
        child.signal(signal.SIGCONT)
        assert child.hear() == "True"
