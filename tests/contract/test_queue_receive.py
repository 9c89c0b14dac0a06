"""receive: an item in hand, until it is acked; what isn't comes back."""

from __future__ import annotations

import gc
import math
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN
from harness.child import Child
from harness.until import until

from tocsin import Delivery, Empty, LeaseLost, Queue

if TYPE_CHECKING:
    from harness.callers import Caller

HOLDER = "queue = tocsin.Queue('q', at=sys.argv[1])\nheld = queue.receive(60)\nsay(held.item, held.attempt)\n"


def test_success_acks(either_queue: Queue[Any]) -> None:
    either_queue.put({"id": 7})
    with either_queue.receive() as delivery:
        assert isinstance(delivery, Delivery)
        assert (delivery.item, delivery.attempt, delivery.sequence) == ({"id": 7}, 1, 1)
        assert either_queue.stats().held == 1
        assert either_queue.empty()
    assert either_queue.stats().held == 0
    assert either_queue.join(0)


def test_an_exception_gives_it_back(either_queue: Queue[Any]) -> None:
    either_queue.put("a")
    with pytest.raises(ZeroDivisionError), either_queue.receive():
        1 / 0  # noqa: B018
    with either_queue.receive(60) as again:
        assert (again.item, again.attempt, again.sequence) == ("a", 2, 1)


def test_it_goes_to_the_end_of_the_queue(either_queue: Queue[Any]) -> None:
    either_queue.put_many(["a", "b", "c"])
    either_queue.receive().nack()
    either_queue.put("d")
    assert [either_queue.get(timeout=60) for _ in range(4)] == ["b", "c", "a", "d"]


def test_receive_waits(here: Caller, either_queue: Queue[Any]) -> None:
    receive = here.asleep(either_queue, "receive")
    either_queue.put("x")
    delivery = receive.result()
    assert delivery.item == "x"
    delivery.ack()


def test_another_process_receives(queue: Queue[Any], place: str) -> None:
    script = "queue = tocsin.Queue('q', at=sys.argv[1])\nsay('waiting')\nwith queue.receive() as d: say(d.item)"
    with Child(script, place) as child:
        assert child.hear() == "waiting"
        child.until_asleep()
        queue.put("x")
        assert child.hear() == "x"
        child.check()
    assert queue.join(0)


def test_receive_times_out(either_queue: Queue[Any]) -> None:
    begin = time.monotonic()
    with pytest.raises(Empty):
        either_queue.receive(0.05)
    assert time.monotonic() - begin >= 0.05
    with pytest.raises(Empty):
        either_queue.receive(timeout=0)


def test_what_is_held_is_nobody_elses(either_queue: Queue[Any]) -> None:
    either_queue.put(1)
    delivery = either_queue.receive()
    assert either_queue.qsize() == 0
    for look in (either_queue.get_nowait, either_queue.peek, lambda: either_queue.receive(0)):
        with pytest.raises(Empty):
            look()
    delivery.ack()


def test_held_for_long_blocks_nobody(either_queue: Queue[Any]) -> None:
    """Nor does it keep more than its own segment on the disk."""
    either_queue.put("long")
    held = either_queue.receive()
    for _ in range(50):
        either_queue.put_many(["x" * 1_000] * 100)
        assert len(either_queue.get_many(100)) == 100
    assert either_queue.stats().segments <= 6
    held.ack()


def test_ended_twice(either_queue: Queue[Any]) -> None:
    either_queue.put_many([1, 2, 3])
    acked, back = either_queue.receive(), either_queue.receive()
    acked.ack()
    back.nack()
    for delivery in (acked, back):
        for end in (delivery.ack, delivery.nack):
            with pytest.raises(LeaseLost, match="queue"):
                end()
    with either_queue.receive(60) as third:
        third.ack()  # the block's end finds it acked
    with pytest.raises(KeyError), either_queue.receive(60) as again:  # noqa: PT012
        again.nack()
        raise KeyError
    with either_queue.receive(60) as last:
        assert last.attempt == 3
    assert either_queue.join(0)


@pytest.mark.parametrize("delay", [-1, -0.001, math.nan, math.inf])
def test_bad_delays(queue: Queue[Any], delay: float) -> None:
    queue.put(1)
    with queue.receive() as delivery, pytest.raises(ValueError, match="delay"):
        delivery.nack(delay)
    assert queue.join(0)


def test_a_delay(caller: Caller, either_queue: Queue[Any]) -> None:
    either_queue.put("not today")
    either_queue.receive().nack(delay=3600)
    assert either_queue.stats().delayed == 1
    assert either_queue.qsize() == 0
    with pytest.raises(Empty):
        either_queue.get_nowait()
    either_queue.put("sooner")
    assert either_queue.get() == "sooner"
    either_queue.put("late")
    begin = time.monotonic()
    either_queue.receive().nack(delay=0.2)
    assert caller.do(either_queue, "get") == "late"
    assert time.monotonic() - begin >= 0.2
    assert either_queue.stats().delayed == 1


def test_delays_in_their_order(caller: Caller, either_queue: Queue[Any]) -> None:
    scale, in_time = 0.5, False
    while not in_time:  # those whose time has come are got in the order of their puts: so each before the next is due
        scale *= 2
        for name in ("a", "b", "c"):
            either_queue.put(name)
        held = [either_queue.receive() for _ in range(3)]
        due: dict[str, float] = {}
        for delivery, delay in zip(held, (1.2, 0.1, 0.6), strict=True):
            due[delivery.item] = time.monotonic() + delay * scale
            delivery.nack(delay * scale)
        found, in_time = [], True
        for others in ("ca", "a", ""):
            found.append(caller.do(either_queue, "get"))
            in_time = in_time and all(time.monotonic() < due[name] for name in others)
    assert found == ["b", "c", "a"]


def test_a_delay_wakes_who_sleeps_longer(thread: Caller, either_queue: Queue[Any]) -> None:
    either_queue.put("x")
    delivery = either_queue.receive()
    get = thread.asleep(either_queue, "get")
    delivery.nack(0.01)
    assert get.result() == "x"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_dropped_comes_back_and_says_so(either_queue: Queue[Any]) -> None:
    either_queue.put("x")
    delivery = either_queue.receive()
    with pytest.warns(ResourceWarning, match="dropped without"):  # noqa: PT031
        del delivery
        gc.collect()
    with either_queue.receive(60) as again:
        assert again.attempt == 2


def test_close_gives_back_what_it_holds(queue: Queue[Any], place: str) -> None:
    other = Queue("q", at=place)
    other.put_many([1, 2])
    held = [other.receive(), other.receive()]
    with pytest.warns(ResourceWarning, match="2 deliveries"):
        other.close()
    for item in (1, 2):
        with queue.receive(60) as again:
            assert (again.item, again.attempt) == (item, 2)
    for delivery in held:
        with pytest.raises((LeaseLost, ValueError)):
            delivery.ack()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_its_process_dies(queue: Queue[Any], place: str, caller: Caller, how: signal.Signals | None) -> None:
    """Back within 1.5 s is the promise; that it comes at all is the test."""
    queue.put("precious")
    with Child(HOLDER + "hear()", place) as child:
        assert child.hear() == "precious 1"
        get = caller.asleep(queue, "get")
        child.signal(how) if how else child.say()
        assert get.result() == "precious"
        child.end()


def test_many_die_and_each_counts(queue: Queue[Any], place: str) -> None:
    queue.put("x")
    for attempt in (1, 2, 3):
        with Child(HOLDER + "hear()", place) as child:
            assert child.hear() == f"x {attempt}"
            child.signal(signal.SIGKILL)
            child.end()
    with queue.receive(60) as delivery:
        assert delivery.attempt == 4


def test_never_for_being_slow(queue: Queue[Any], place: str) -> None:
    """Also while it is stopped: a holder is alive, and is never robbed."""
    queue.put("x")
    with Child(HOLDER + "hear()\nheld.ack()\nsay('acked')\nhear()", place) as child:
        assert child.hear() == "x 1"
        child.signal(signal.SIGSTOP)
        with pytest.raises(Empty):
            queue.receive(2.5)  # longer than it takes to look for the dead
        child.signal(signal.SIGCONT)
        child.say()
        assert child.hear() == "acked"
        assert queue.join(0)
        child.say()
        child.check()


def test_a_forked_child_can_not_end_it(queue: Queue[Any], place: str) -> None:
    script = """
queue = tocsin.Queue('q', at=sys.argv[1])
held = queue.receive(60)
pid = os.fork()
if pid == 0:
    code = 1
    try: held.ack()
    except tocsin.LeaseLost: code = 0
    finally: os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
pid = os.fork()
if pid == 0:
    del held
    queue.close()
    os._exit(0)
os.waitpid(pid, 0)
held.ack()
assert queue.join(0)
"""
    queue.put("x")
    with Child(script, place) as child:
        child.check()
    assert queue.empty()


@pytest.mark.parametrize("kind", LOOPS)
def test_in_loops(kind: str, either_queue: Queue[Any]) -> None:
    async def main() -> None:
        async with await either_queue.receive_async() as delivery:
            assert delivery.attempt == 1
        with pytest.raises(KeyError):
            async with await either_queue.receive_async():
                raise KeyError
        async with await either_queue.receive_async(60) as delivery:
            assert delivery.attempt == 2
        with pytest.raises(Empty):
            await either_queue.receive_async(0.01)

    either_queue.put_many([1, 2])
    RUN[kind](main)
    assert either_queue.join(0)


def test_what_is_held_counts_as_unfinished(either_queue: Queue[Any]) -> None:
    either_queue.put(1)
    delivery = either_queue.receive()
    assert not either_queue.join(0)
    delivery.ack()
    assert either_queue.join(0)


def test_get_takes_what_came_back(either_queue: Queue[Any]) -> None:
    either_queue.put(1)
    either_queue.receive().nack()
    assert either_queue.get(timeout=60) == 1
    assert either_queue.stats().held == 0
    either_queue.task_done()
    assert either_queue.join(0)


def test_its_repr(either_queue: Queue[Any]) -> None:
    either_queue.put(1)
    delivery = either_queue.receive()
    assert "in hand, attempt 1" in repr(delivery)
    delivery.ack()
    assert "ended" in repr(delivery)


def test_a_consumer_is_killed_while_it_waits(queue: Queue[Any], place: str) -> None:
    script = "queue = tocsin.Queue('q', at=sys.argv[1])\nsay('waiting')\nqueue.get()"
    with Child(script, place) as child:
        assert child.hear() == "waiting"
        child.until_asleep()
        child.signal(signal.SIGKILL)
        child.end()
    queue.put(1)
    assert queue.get(timeout=60) == 1
    assert queue.path is None or os.path.exists(queue.path)


def test_a_claim_that_nobody_came_to_hold_goes_back(either_queue: Queue[Any]) -> None:
    """As when Ctrl-C falls between the taking and the return."""
    either_queue.put("x")
    claim = either_queue._receive(0)
    assert either_queue.stats().held == 1
    del claim
    gc.collect()
    with either_queue.receive(60) as delivery:
        assert (delivery.item, delivery.attempt) == ("x", 2)


def test_claims_do_not_pile_up(either_queue: Queue[Any]) -> None:
    for number in range(3_000):
        either_queue.put(number)
        either_queue.receive().ack()
    stats = either_queue.stats()
    assert (stats.held, stats.unfinished, stats.ready) == (0, 0, 0)
    assert stats.segments <= 3
    until(lambda: not either_queue._claims, "the handle forgets what is ended")


@pytest.mark.parametrize("call", ["queue.receive()", "asyncio.run(queue.receive_async())"])
def test_what_decodes_is_loaded_before_the_sleep(place: str, call: str) -> None:
    """Else whoever waited for an item would wait for imports, too, with the item in hand."""
    script = f"""
        import asyncio, threading
        queue = tocsin.Queue("q", at={place!r})
        thread = threading.Thread(target=lambda: {call}.ack())
        thread.start()
        say(thread.native_id)
        hear()
        say("msgspec" in sys.modules)
    """
    with Child(script) as child, Queue("q", at=place) as queue:
        child.until_asleep(int(child.hear()))
        child.say()
        assert child.hear() == "True"
        queue.put(1)
        assert child.check() == ""
