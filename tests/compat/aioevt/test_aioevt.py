"""What aioevt documents, of the original and of ours."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any

import pytest


def test_the_names_and_signatures_are_the_seeds(both: tuple[Any, Any]) -> None:
    original, ours = both
    assert sorted(ours.__all__) == sorted(original.__all__)
    assert (ours.name, ours.version, ours.__version__) == (original.name, original.version, original.__version__)
    assert ours.Event is ours.Evt
    assert ours.Data is ours.EvtData
    methods = ["__init__", "on", "register", "unregister", "emit", "emit_after", "wait"]
    for method in methods:
        theirs, mine = (inspect.signature(getattr(side.Manager, method)).parameters for side in both)
        assert [*mine] == [*theirs], method
        assert [p.default for p in mine.values()] == [p.default for p in theirs.values()], method
    for kind in ("Evt", "EvtData"):
        theirs, mine = (inspect.signature(getattr(side, kind)).parameters for side in both)
        assert [(n, p.default) for n, p in mine.items()] == [(n, p.default) for n, p in theirs.items()]
    assert inspect.iscoroutinefunction(ours.Manager.wait)
    for submodule, names in {"event": ["Evt", "EvtData", "Event", "Data"], "manager": ["Manager"]}.items():
        assert sorted(getattr(ours, submodule).__all__) == sorted(names)


def test_the_settings(aioevt: Any) -> None:
    manager = aioevt.Manager(None, 0.5, 7)
    assert (manager.async_retry_delay, manager.async_retry_count) == (0.5, 7)
    manager.async_retry_delay, manager.async_retry_count = 1.0, 2
    assert (manager.async_retry_delay, manager.async_retry_count) == (1.0, 2)
    loop = asyncio.new_event_loop()
    manager.loop = loop
    assert manager.loop is loop
    loop.close()


def test_the_books_can_be_read(aioevt: Any) -> None:
    manager = aioevt.Manager()

    @manager.on("a", recurring=False)
    def callback() -> None: ...

    manager.register("a", print)
    manager.register("b", callback)
    evt = aioevt.Evt
    assert dict(manager._events) == {
        "a": [evt(callback, None, False), evt(print, None, True)],
        "b": [evt(callback, None, True)],
    }
    assert manager.unregister(func=callback) is None
    assert dict(manager._events) == {"a": [aioevt.Evt(print, None, True)]}
    assert manager.unregister("a") == [aioevt.Evt(print, None, True)]
    assert manager.unregister("a") is None
    assert manager.unregister() is None
    assert len(manager._events) == 0


def test_every_callback_has_the_same_arguments_and_once_is_once(aioevt: Any) -> None:
    heard: list[Any] = []

    async def main() -> None:
        manager = aioevt.Manager()
        manager.register("x", lambda *args, **kwargs: heard.append(("sync", args, kwargs)))

        @manager.on("x", recurring=False)
        async def once(*args: Any, **kwargs: Any) -> None:
            heard.append(("async", args, kwargs))

        assert manager.emit("x", (1,), {"two": 2}) is None
        manager.emit("x", data=aioevt.EvtData((3,), {}))
        manager.proxy.x(4, five=5)
        manager.emit("nobody")
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert sorted(heard, key=repr) == [
        ("async", (1,), {"two": 2}),
        ("sync", (1,), {"two": 2}),
        ("sync", (3,), {}),
        ("sync", (4,), {"five": 5}),
    ]


def test_coroutines_of_one_event_run_side_by_side(aioevt: Any) -> None:
    async def main() -> None:
        manager, begun, gate = aioevt.Manager(), [], asyncio.Event()

        @manager.on("x")
        async def callback(n: int) -> None:
            begun.append(n)
            await gate.wait()

        for n in range(3):
            manager.emit("x", (n,))
        while len(begun) < 3:  # noqa: ASYNC110 - a look at what the callbacks did
            await asyncio.sleep(0)
        gate.set()

    asyncio.run(main())


def test_a_loop_is_looked_for_when_the_event_is_emitted(aioevt: Any) -> None:
    heard: list[Any] = []
    manager = aioevt.Manager()
    manager.register("x", lambda: heard.append(threading.current_thread()))

    async def main() -> None:
        manager.emit("x")
        while not heard:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)

    thread = threading.Thread(target=asyncio.run, args=[main()])
    thread.start()
    thread.join()
    assert heard == [thread]


def test_a_wait_that_is_too_long(aioevt: Any) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await aioevt.Manager().wait("x", timeout=0.001)

    asyncio.run(main())


def test_without_any_loop(aioevt: Any) -> None:
    found: list[Any] = []

    def emit() -> None:
        manager = aioevt.Manager()
        manager.register("x", print)
        try:
            manager.emit("x")
        except RuntimeError as error:
            found.append(str(error))

    thread = threading.Thread(target=emit)
    thread.start()
    thread.join()
    assert found == ["There is no accessible event loop"]
