"""Queues on a server: answers that are lost, takers that are left in the middle, a server that begins again."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.forks import FORKED
from harness.servers import RedisServer
from harness.until import until

from tocsin import Queue
from tocsin._redis.line import Line, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def queue(place: str) -> Iterator[Queue[Any]]:
    with Queue("q", at=place) as made:
        yield made


@pytest.fixture
def lasting() -> Iterator[RedisServer]:
    """A server that forgets nothing when it is killed."""
    with RedisServer("--appendonly", "yes", "--appendfsync", "always") as running:
        yield running


def lose_next(patch: pytest.MonkeyPatch, what: bytes) -> list[bool]:
    """The next answer to such a question is lost: the server has done what it was asked for."""
    lost: list[bool] = []
    real = Line.ask

    def ask(line: Line, packed: bytes, until: int) -> Any:
        answer = real(line, packed, until)
        if what in packed and not lost:
            lost.append(True)
            line.close()
            raise unreachable(line.address, "the answer is lost")
        return answer

    patch.setattr(Line, "ask", ask)
    return lost


def consumers(server: RedisServer, queue: Any) -> int:
    return len(server.ask("XINFO", "CONSUMERS", queue._items, "g"))  # type: ignore[arg-type]


def blocked(queue: Queue[Any]) -> Callable[[], bool]:
    return lambda: queue.stats().waiting_here > 0


def test_what_was_given_to_a_broken_connection_comes_as_it_was(
    queue: Any, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when there are sound takers that could go on without it."""
    takers = [queue._taker(-1) for _ in range(3)]
    for taker in takers:
        queue._keep(taker)
    queue.put("x")
    assert queue.peek() == "x"
    lost = lose_next(monkeypatch, b"XREADGROUP")
    with queue.receive(0) as delivery:
        assert (delivery.item, delivery.attempt) == ("x", 1)
    assert lost
    assert queue.stats().unfinished == 0
    assert consumers(server, queue) <= 3, "it goes on under the same name"


def test_a_lost_answer_to_a_put_or_an_ack_is_given_again(queue: Queue[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    queue.put("before")
    lost = lose_next(monkeypatch, b"EVALSHA")
    queue.put("x")
    assert lost
    assert queue.get_many(9) == ["before", "x"]
    queue.put("y")
    delivery = queue.receive(0)
    monkeypatch.undo()
    lost = lose_next(monkeypatch, b"EVALSHA")
    delivery.ack()
    assert lost
    assert queue.empty()


def test_who_is_blocked_goes_on_when_his_connection_is_cut(queue: Queue[Any], server: RedisServer) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(queue.get()))
    thread.start()
    until(blocked(queue), "it is blocked")
    server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    queue.put("x")
    thread.join()
    assert found == ["x"]


def test_what_a_cancelled_task_was_given_comes_as_it_was(place: str) -> None:
    """Tasks that are cancelled at any moment, while items come."""

    async def main() -> list[tuple[Any, int]]:
        found = []
        with Queue("q", at=place) as queue, Queue("q", at=place) as other:
            for number in range(60):
                task = asyncio.ensure_future(queue.receive_async())
                await asyncio.sleep(0.0005 * (number % 7))
                other.put(number)
                await asyncio.sleep(0.0001 * (number % 5))
                task.cancel()
                try:
                    delivery = await task
                except asyncio.CancelledError:
                    continue
                found.append((delivery.item, delivery.attempt))
                delivery.ack()
            while not other.empty():
                with await queue.receive_async(60) as delivery:
                    found.append((delivery.item, delivery.attempt))
            assert queue.stats().unfinished == 0
        return found

    assert sorted(asyncio.run(main())) == [(number, 1) for number in range(60)]


def test_the_server_is_killed_behind_a_get(lasting: RedisServer) -> None:
    """What was said to it behind the get is said again: nothing comes twice, and join ends."""
    with Queue("q", at=lasting.url()) as queue, Queue("q", at=queue._server.address.url) as other:
        other.put_many(["x", "y"])
        assert queue.get() == "x"
        lasting.kill()
        lasting.start()
        queue.task_done()
        assert queue.get() == "y"
        queue.task_done()
        assert other.join(60)


def test_who_is_blocked_goes_on_when_the_server_begins_again(lasting: RedisServer) -> None:
    with Queue("q", at=lasting.url()) as queue:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(queue.get()))
        thread.start()
        until(blocked(queue), "it is blocked")
        lasting.kill()
        lasting.start()
        queue.put("x")
        thread.join()
        assert found == ["x"]


def test_what_is_dropped_while_the_server_is_away_comes_back_later(lasting: RedisServer) -> None:
    with Queue("q", at=lasting.url()) as queue:
        queue.put("x")
        delivery = queue.receive(0)
        lasting.kill()
        with pytest.warns(ResourceWarning, match="dropped"):
            del delivery
        lasting.start()
        with queue.receive(60) as again:
            assert (again.item, again.attempt) == ("x", 2)


def test_a_server_that_forgot_the_scripts(queue: Queue[Any], server: RedisServer) -> None:
    queue.put_many([1, 2])
    assert queue.get() == 1
    server.ask("SCRIPT", "FLUSH")
    assert queue.get() == 2
    queue.task_done()
    server.ask("SCRIPT", "FLUSH")
    queue.task_done()
    assert queue.join(0)


def test_a_forked_child_leaves_its_parents_takers_alone(place: str) -> None:
    script = """
queue = tocsin.Queue("q", at=sys.argv[1])
queue.put_many(["mine", "the child's", "mine too"])
assert queue.get() == "mine"  # by now there is a taker that owes an answer

def child():
    assert queue.get() == "the child's"
    queue.task_done()
    queue.close()

reap(fork(child))
assert queue.get() == "mine too"
queue.task_done()
queue.task_done()
assert queue.join(60)
queue.close()
"""
    with Child(FORKED + script, place) as parent:
        parent.check()


def test_very_many_at_once(queue: Queue[Any]) -> None:
    """More than a script can take as arguments of one command."""
    assert queue.put_many(range(9_000)) == 9_000
    assert queue.get_many(9_000) == list(range(9_000))
    assert queue.stats().unfinished == 9_000
    queue.put("the next")
    assert queue.get_many(9) == ["the next"]


def test_a_nudge_in_hand_hides_no_item(queue: Any, server: RedisServer) -> None:
    """A consumer that was woken for the end has the nudge in hand, while another gives his item back."""
    queue.put("x")
    delivery = queue.receive(0)
    queue.shutdown()
    server.ask("XREADGROUP", "GROUP", "g", "somebody.1", "STREAMS", queue._items, ">")
    delivery.nack()
    assert queue.qsize() == 1
    assert queue.get_nowait() == "x"


def test_a_put_that_waits_for_room_is_not_woken_by_what_was_there(place: str) -> None:
    with Queue("q", at=place, maxsize=50) as full, Queue("q", at=place) as other:
        full.put_many(range(50))
        thread = threading.Thread(target=full.put, args=("last",))
        thread.start()
        until(blocked(full), "it waits")
        ring = full._ring
        other.put_many([], timeout=0)
        assert full._ring == ring
        assert other.get_many(50) == list(range(50))
        thread.join()
        assert other.get(timeout=60) == "last"
