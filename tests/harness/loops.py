"""Loops that run in threads, of each kind: asyncio's, uvloop's, and a run of trio."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self

import trio
import uvloop

from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import TracebackType

KINDS = ("asyncio", "uvloop", "trio")


class LoopThread:
    """`with LoopThread("uvloop") as it:` - `it.loop` is what a bus takes; it is stopped and closed at the end."""

    def __init__(self, kind: str = "asyncio") -> None:
        self.kind = kind
        self.loop: Any = None
        self._stop: Any = None
        self._started: Future[None] = Future()
        self.thread = threading.Thread(target=self._run, name=f"{kind} loop", daemon=True)

    def _run(self) -> None:
        if self.kind == "trio":
            trio.run(self._main_trio)
            return
        self.loop = asyncio.new_event_loop() if self.kind == "asyncio" else uvloop.new_event_loop()
        self.loop.call_soon(self._started.set_result, None)
        self.loop.run_forever()
        self.loop.close()

    async def _main_trio(self) -> None:
        self.loop = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        self._started.set_result(None)
        await self._stop.wait()

    def run(self, main: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any:
        """Run a coroutine function there; what it returns."""
        return self.start(main, *args).result(PATIENCE_S)

    def start(self, main: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Future[Any]:
        if self.kind != "trio":
            return asyncio.run_coroutine_threadsafe(main(*args), self.loop)
        done: Future[Any] = Future()

        async def task() -> None:
            try:
                done.set_result(await main(*args))
            except Exception as error:
                done.set_exception(error)

        self.loop.run_sync_soon(trio.lowlevel.spawn_system_task, task)
        return done

    def stop(self) -> None:
        if self.thread.is_alive():
            if self.kind == "trio":
                self.loop.run_sync_soon(self._stop.set)
            else:
                self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive(), "the loop hangs"

    def __enter__(self) -> Self:
        self.thread.start()
        self._started.result(PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
