"""A loop goes on while a server is silent: whatever is awaited, asks without stopping it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trio
from harness.servers import RedisServer
from harness.subjects import SUBJECTS
from harness.until import until

from tocsin import Bus, Event, Queue, Signal, Unreachable, wait_any_async

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Call = Callable[[], Coroutine[Any, Any, Any]]

#: Less than a test may take, so that who stops the loop is told that the server can't be reached.
PATIENCE = 20


@pytest.fixture
def own() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


async def goes_on(server: RedisServer, call: Call, change: Callable[[], object]) -> Any:
    """What a call gives that begins while the server is stopped, and other tasks go on."""
    server.signal(signal.SIGSTOP)
    try:
        task = asyncio.ensure_future(call())
        for _ in range(100):
            await asyncio.sleep(0)
        assert not task.done(), task.exception()
    finally:
        server.signal(signal.SIGCONT)
    while not task.done():
        change()
        await asyncio.sleep(0)
    return await task


@pytest.mark.parametrize("kind", SUBJECTS)
@pytest.mark.parametrize("when", ["first", "again"])
def test_a_wait(own: RedisServer, kind: str, when: str) -> None:
    subject = SUBJECTS[kind]
    place = own.url(patience=PATIENCE)
    with subject.open(place) as handle, subject.open(place) as other:

        async def main() -> None:
            wait = getattr(handle, f"{subject.wake}_async")
            if when == "again":
                task = asyncio.ensure_future(wait(*subject.args, timeout=60))
                await asyncio.sleep(0)
                subject.change(other)
                assert await task
            assert await goes_on(own, lambda: wait(*subject.args, timeout=60), lambda: subject.change(other))

        asyncio.run(main())


def test_wait_any(own: RedisServer) -> None:
    place = own.url(patience=PATIENCE)
    with Event("e", at=place) as event, Signal("s", at=place) as heard, Queue("q", at=place) as queue:
        with Signal("s", at=place) as other:
            call = partial(wait_any_async, event, heard, queue, timeout=60)
            assert asyncio.run(goes_on(own, call, other.signal)) == [heard]
            assert heard.wait(0)
        assert asyncio.run(goes_on(own, call, event.set))[0] is event


def test_the_join_of_a_queue(own: RedisServer) -> None:
    place = own.url(patience=PATIENCE)
    with Queue("q", at=place) as queue, Queue("q", at=place) as other:
        other.put(1)
        assert queue.get() == 1  # and says so to the server, which answers later

        def work_off() -> None:
            with contextlib.suppress(ValueError):  # that it was taken is not heard of yet, or it is reported
                other.task_done()

        assert asyncio.run(goes_on(own, partial(queue.join_async, 60), work_off))


@pytest.mark.parametrize("emits", ["emit", "emit_async"])
def test_a_wait_of_a_bus_counts_from_its_call(own: RedisServer, emits: str) -> None:
    """What the bus emits then is heard, what it emitted before isn't; the answer is not waited for in between."""
    with Bus("b", at=own.url()) as bus:

        async def emit(number: int) -> None:
            if emits == "emit":
                bus.emit("x", (number,))
            else:
                await bus.emit_async("x", (number,))

        async def main() -> None:
            for number in range(50):
                await emit(-1)
                wait = bus.wait_async("x", 60)
                await emit(number)
                assert (await wait).args == (number,)

        asyncio.run(main())


def test_many_tasks_wait_and_some_are_cancelled(own: RedisServer) -> None:
    with Bus("b", at=own.url()) as bus:

        async def main() -> None:
            for number in range(20):
                tasks = [asyncio.ensure_future(bus.wait_async("x", 60)) for _ in range(20)]
                bus.wait_async("x").close()
                await asyncio.sleep(0)
                for task in tasks[::3]:
                    task.cancel()
                bus.emit("x", (number,))
                found = await asyncio.gather(*tasks, return_exceptions=True)
                assert [event.args for n, event in enumerate(found) if n % 3] == [(number,)] * 13
                assert all(isinstance(event, asyncio.CancelledError) for event in found[::3])
            with pytest.raises(TimeoutError):
                await bus.wait_async("y", 0.01)

        asyncio.run(main())
        until(lambda: bus.stats().waits == 0, "nobody waits any more")


def test_a_wait_of_a_bus_on_trio(own: RedisServer) -> None:
    place = own.url(patience=PATIENCE)
    with Bus("b", at=place) as bus:

        async def main() -> None:
            heard = []

            async def wait() -> None:
                heard.append((await bus.wait_async("x", 60)).args)

            for number in range(2):
                own.signal(signal.SIGSTOP)
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(wait)
                        for _ in range(100):
                            await trio.lowlevel.checkpoint()
                        own.signal(signal.SIGCONT)
                        await bus.emit_async("x", (number,))
                finally:
                    own.signal(signal.SIGCONT)
            assert heard == [(0,), (1,)]

        trio.run(main)


@pytest.mark.parametrize("timeout", [0.1, None])
def test_who_begins_to_wait_while_a_server_is_silent_is_told(own: RedisServer, timeout: float | None) -> None:
    """By his deadline, or when his patience is over; and later waits are as good as ever."""
    with Bus("b", at=own.url(patience=1)) as bus:

        async def main() -> None:
            for _ in range(2):
                own.signal(signal.SIGSTOP)
                try:
                    with pytest.raises(Unreachable, match="can't be reached"):
                        await bus.wait_async("x", timeout)
                finally:
                    own.signal(signal.SIGCONT)
                wait = bus.wait_async("x", 60)
                bus.emit("x", (1,))
                assert (await wait).args == (1,)

        asyncio.run(main())
