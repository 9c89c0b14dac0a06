"""Items of a queue, in one process: putting many, and taking them all, each by itself and in batches."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.cases.redis import ITEM, OURS, by_hand, judge, key, place, us
from benchmarks.harness import Table, rounds
from tocsin import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

    Contest = tuple[str, tuple[str, ...], int, dict[str, "Way"]]
    Way = tuple[Callable[[], object], Callable[[], object]]  # fill or empty it, which isn't timed, and the call

BATCH = 50
LIST, GROUP = "LPUSH/BRPOP, msgspec", "XADD/XREADGROUP/XACK+XDEL, msgspec"
encode, decode = msgspec.json.encode, msgspec.json.decode


def timed(way: Way, calls: int, items: int) -> float:
    """us per item."""
    prepare, call = way
    prepare()
    return us(call, calls) / items


def putting(hand: Any) -> Iterator[Contest]:
    queue: Queue[Any] = Queue("put", at=place())
    row, stream = key(), key()

    def many() -> None:
        pipe = hand.pipeline(transaction=False)
        for _ in range(BATCH):
            pipe.xadd(stream, {"d": encode(ITEM)})
        pipe.execute()

    yield "put()", (GROUP, LIST), 1, {
        OURS: (queue.purge, partial(queue.put, ITEM)),
        LIST: (partial(hand.delete, row), lambda: hand.lpush(row, encode(ITEM))),
        GROUP: (partial(hand.delete, stream), lambda: hand.xadd(stream, {"d": encode(ITEM)})),
    }
    batch = [ITEM] * BATCH
    yield f"put_many() of {BATCH}, per item", (GROUP, LIST), BATCH, {
        OURS: (queue.purge, partial(queue.put_many, batch)),
        LIST: (partial(hand.delete, row), lambda: hand.lpush(row, *[encode(item) for item in batch])),
        GROUP: (partial(hand.delete, stream), many),
    }


def taking(hand: Any, calls: int, batches: int) -> Iterator[Contest]:
    queue: Queue[Any] = Queue("take", at=place())
    row, stream = key(), key()
    hand.xgroup_create(stream, "g", mkstream=True)
    read = partial(hand.xreadgroup, "g", "me", {stream: ">"})
    hand_put = encode(ITEM)

    def fill(count: int) -> None:
        queue.purge()
        queue.put_many([ITEM] * count)

    def fill_list(count: int) -> None:
        hand.delete(row)
        hand.lpush(row, *[hand_put] * count)

    def fill_stream(count: int) -> None:
        pipe = hand.pipeline(transaction=False)
        for _ in range(count):
            pipe.xadd(stream, {"d": hand_put})
        pipe.execute()

    def take(count: int) -> None:
        entries = read(count=count)[0][1]
        for _, fields in entries:
            decode(fields[b"d"])
        numbers = [number for number, _ in entries]
        pipe = hand.pipeline(transaction=False)
        pipe.xack(stream, "g", *numbers)
        pipe.xdel(stream, *numbers)
        pipe.execute()

    def receive() -> None:
        with queue.receive() as delivery:
            assert delivery.item

    def rpop() -> None:
        for item in hand.rpop(row, BATCH):
            decode(item)

    yield "get()", (GROUP, LIST), 1, {
        OURS: (partial(fill, calls), queue.get),
        LIST: (partial(fill_list, calls), lambda: decode(hand.brpop(row)[1])),
        GROUP: (partial(fill_stream, calls), partial(take, 1)),
    }
    yield "receive() and ack()", (GROUP,), 1, {
        OURS: (partial(fill, calls), receive), GROUP: (partial(fill_stream, calls), partial(take, 1)),
    }
    yield f"get_many({BATCH}), per item", (GROUP, "LPUSH/RPOP, msgspec"), BATCH, {
        OURS: (partial(fill, batches * BATCH), partial(queue.get_many, BATCH)),
        GROUP: (partial(fill_stream, batches * BATCH), partial(take, BATCH)),
        "LPUSH/RPOP, msgspec": (partial(fill_list, batches * BATCH), rpop),
    }


def run(effort: Effort) -> Iterator[Table]:
    hand = by_hand()
    calls, batches = effort.of(1_000, 500), effort.of(100, 60)
    for title, theirs, items, contestants in chain(putting(hand), taking(hand, calls, batches)):
        table = Table("items", f"Queue: {title}", "us", rate="items")
        turns = calls if items == 1 else batches
        measures = {name: partial(timed, way, turns, items) for name, way in contestants.items()}
        rounds(table, measures, effort.rounds())
        yield judge(table, f"Queue: {title}", *theirs)


CASES = {"items": run}
