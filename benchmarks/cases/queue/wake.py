"""From just before put() until the idle consumer has the item: median, and the 99th percentile of all samples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.queue import ITEM, OURS, taking_part
from benchmarks.harness import Table, cpus
from benchmarks.wakes import wake_tables, wakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort
    from benchmarks.peers.queue import Made, Peer

PIPE = "a pipe, raw bytes"


def consumer(peer: Peer, made: Made) -> Callable[[], object]:
    get = made.consumer(0).get
    assert get is not None
    if peer.itself or not peer.codec:
        return get
    decode = peer.codec.decode
    return lambda: decode(get())


def producer(peer: Peer, made: Made) -> Callable[[], object]:
    put = made.producer(0).put
    assert put is not None
    if not peer.codec:
        return partial(put, ITEM)
    encode = peer.codec.encode
    if peer.itself:
        return partial(put, encode(ITEM))
    return lambda: put(encode(ITEM))


def of_one(peer: Peer, times: int, on: tuple[int, ...]) -> list[float]:
    made = peer.make(1, 1)
    try:
        return wakes(partial(consumer, peer, made), partial(producer, peer, made), times, on, spins=peer.spins)
    finally:
        made.drop()


def judge(table: Table, where: str) -> None:
    table.at_most(f"wake of an idle consumer, {where}", OURS, PIPE, 1.5)
    table.at_most(f"the same without the codec, {where}", f"{OURS}, raw bytes", PIPE, 1.5)


def run(effort: Effort) -> Iterator[Table]:
    usable = cpus()
    for on in [tuple(usable[:2]), ()] if len(usable) > 1 else [()]:
        table = Table("wake", "put() until a sleeping consumer has the item", "us")
        measures = {peer.name: partial(of_one, peer, effort.of(40, 10), on) for peer in taking_part(table)}
        yield from wake_tables(effort, table, measures, on, beside=PIPE, judge=judge)


CASES = {"wake": run}
