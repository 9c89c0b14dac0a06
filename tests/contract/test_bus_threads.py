"""Many loops in many threads on one bus: every emit, in order, once, where it belongs; what was dropped, counted."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio
from harness.callers import InThread
from harness.loops import KINDS, LoopThread
from harness.prove import cases
from harness.until import until

from tocsin import Bus, Lagged

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPS = 8
EMITS = 100_000


def loops(stack: ExitStack, kinds: tuple[str, ...] = ("asyncio",)) -> list[LoopThread]:
    return [stack.enter_context(LoopThread(kinds[n % len(kinds)])) for n in range(LOOPS)]


@pytest.mark.prove
@pytest.mark.parametrize("kinds", [("asyncio",), KINDS], ids=["asyncio", "all kinds"])
def test_every_emit_in_order_once_on_its_own_thread(kinds: tuple[str, ...], tally: Callable[[str], None]) -> None:
    """Eight loops, all of them emitting; on each a plain function and, on every other, a coroutine function."""
    each = cases(EMITS if len(kinds) == 1 else EMITS // 4, EMITS) // LOOPS
    heard: dict[Any, list[tuple[int, int]]] = {}
    wrong: list[Any] = []
    with ExitStack() as stack:
        bus = stack.enter_context(Bus(on_error=lambda *what: wrong.append(what)))
        running = loops(stack, kinds)

        def listen(at: int, it: LoopThread) -> None:
            mine = heard["plain", at] = []

            @bus.on("job.done", loop=it.loop, policy="wait", limit=2000)
            def plain(who: int, n: int) -> None:
                mine.append((who, n))
                if threading.current_thread() is not it.thread:
                    wrong.append("thread")

            if at % 2:
                other = heard["coroutine", at] = []

                @bus.on("job.*", loop=it.loop, policy="wait", limit=2000)
                async def coroutine(who: int, n: int) -> None:
                    other.append((who, n))
                    if n % 100 == 0:
                        await (trio.lowlevel.checkpoint if it.kind == "trio" else partial(asyncio.sleep, 0))()
                    if threading.current_thread() is not it.thread:
                        wrong.append("thread")

        async def emit(who: int) -> None:
            wrong.extend([n for n in range(each) if await bus.emit_async("job.done", (who, n)) < len(heard)])

        for at, it in enumerate(running):
            listen(at, it)
        pending = [it.start(emit, who) for who, it in enumerate(running)]
        for one in pending:
            one.result(500)
        until(lambda: bus.stats().queued == 0, "all is heard")
        until(lambda: sum(map(len, heard.values())) == len(heard) * LOOPS * each, "the last is heard, too")
    assert wrong == []
    for found in heard.values():
        for who in range(LOOPS):
            assert [n for emitter, n in found if emitter == who] == [*range(each)]
    tally(f"{LOOPS * each:,} emits from {LOOPS} loops to {len(heard)} handlers: in order, once, on their threads")


@pytest.mark.prove
def test_what_slow_handlers_miss_is_counted_exactly(tally: Callable[[str], None]) -> None:
    """The default policy: nobody waits, and heard + missed is what was emitted."""
    each = cases(EMITS // 4, EMITS) // LOOPS
    heard: list[list[tuple[int, int]]] = [[] for _ in range(LOOPS)]
    lags: Counter[Any] = Counter()
    with ExitStack() as stack:

        def on_error(error: BaseException, _event: Any, handler: Any) -> None:
            assert isinstance(error, Lagged)
            lags[handler] += error.missed

        bus = stack.enter_context(Bus(on_error=on_error))
        running = loops(stack)
        gate = threading.Event()

        def slow(mine: list[tuple[int, int]]) -> Callable[[int, int], None]:
            def handler(who: int, n: int) -> None:
                mine.append((who, n))
                if len(mine) == 1:
                    gate.wait()  # until everybody has emitted half

            return handler

        handlers = [
            bus.register("job", slow(mine), it.loop, limit=50) for mine, it in zip(heard, running, strict=True)
        ]

        def emit(who: int) -> None:
            for n in range(each):
                if n == each // 2:
                    gate.set()
                assert bus.emit("job", (who, n)) == LOOPS

        for one in [InThread(lambda who=who: emit(who)) for who in range(4)]:
            one.result()
        until(lambda: bus.stats().queued == 0, "all is heard or dropped")

        async def behind() -> None:
            """Runs after the callback that was under way."""

        for it in running:
            it.run(behind)
    for mine, handler in zip(heard, handlers, strict=True):
        assert handler.dropped == lags[handler] > 0
        assert len(mine) + handler.dropped == 4 * each
        for who in range(4):
            numbers = [n for emitter, n in mine if emitter == who]
            assert numbers == sorted(set(numbers))
    tally(f"{4 * each * LOOPS:,} deliveries, {sum(lags.values()):,} of them dropped, and counted")


def test_once_under_concurrent_emits() -> None:
    heard: Counter[int] = Counter()
    with ExitStack() as stack:
        bus = stack.enter_context(Bus())
        running = loops(stack)
        for turn in range(200):
            bus.once("x", lambda turn=turn: heard.update([turn]), running[turn % LOOPS].loop)
            gate = threading.Barrier(4)

            def emit(gate: threading.Barrier = gate) -> int:
                gate.wait()
                return bus.emit("x")

            assert sum(one.result() for one in [InThread(emit) for _ in range(4)]) == 1
        until(lambda: len(heard) == 200, "each was heard")
    assert set(heard.values()) == {1}


def test_unregister_during_emits() -> None:
    """What an emit has reached is heard, and nothing that came after unregister returned."""
    with ExitStack() as stack:
        errors: list[Any] = []
        bus = stack.enter_context(Bus(on_error=lambda *what: errors.append(what)))
        running = loops(stack)
        stop = threading.Event()
        reached: Counter[int] = Counter()

        def emit(who: int) -> None:
            while not stop.is_set():
                reached[who] += bus.emit("x", (who,))

        emitters = [InThread(lambda who=who: emit(who)) for who in range(3)]
        heard: list[list[int]] = []
        for turn in range(cases(90, 300)):
            mine: list[int] = []
            heard.append(mine)
            if turn % 3 == 2:

                async def handler(who: int, mine: list[int] = mine) -> None:
                    mine.append(who)

            else:

                def handler(who: int, mine: list[int] = mine) -> None:  # type: ignore[misc]
                    mine.append(who)

            bus.register("x" if turn % 2 else "*", handler, running[turn % LOOPS].loop, policy="wait")
            until(lambda mine=mine: mine, "it hears")
            (gone,) = bus.unregister(func=handler)
            assert bus.stats().handlers == 0
            assert gone.func is handler
        stop.set()
        for one in emitters:
            one.result()
        until(lambda: sum(map(len, heard)) == sum(reached.values()), "all that reached somebody was heard")
        assert errors == []
        for who in range(3):
            assert sum(mine.count(who) for mine in heard) == reached[who]


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_a_loop_that_closes_during_emits(kind: str) -> None:
    """Heard or reported, each emit."""
    errors: list[int] = []
    heard: list[int] = []
    stop = threading.Event()
    with Bus(on_error=lambda _error, event, _handler: errors.append(event.args[0])) as bus:

        def emit() -> int:
            n = 0
            while not stop.is_set() or n < 1000:
                bus.emit("x", (n,))
                n += 1
            return n

        with LoopThread(kind) as running:
            bus.register("x", heard.append, running.loop, limit=10**6)
            emitter = InThread(emit)
            until(lambda: heard, "it is being heard")
        until(lambda: errors, "it is closed")
        stop.set()
        emitted = emitter.result()
    assert heard == [*range(len(heard))]
    assert sorted(heard + errors) == [*range(emitted)]  # two threads may report: who closes, and who emits
