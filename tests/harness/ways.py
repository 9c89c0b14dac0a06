"""All ways to wait for many at once, from a thread and on the loops: `way(*objs, timeout=...)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.callers import RUN
from tocsin import WaitSet, wait_all, wait_all_async, wait_any, wait_any_async

Way = Callable[..., Any]


def by_set(*objs: Any, timeout: float | None) -> Any:
    with WaitSet(objs) as made:
        return made.wait(timeout)


async def by_set_async(*objs: Any, timeout: float | None) -> Any:
    with WaitSet(objs) as made:
        return await made.wait_async(timeout)


def on(loop: str, call: Way) -> Way:
    return lambda *objs, timeout: RUN[loop](lambda: call(*objs, timeout=timeout))


WAYS: dict[str, Way] = {
    f"{name}-{caller}": way if caller == "thread" else on(caller, twin)
    for name, way, twin in (
        ("any", wait_any, wait_any_async), ("all", wait_all, wait_all_async), ("set", by_set, by_set_async),
    )
    for caller in ("thread", "asyncio", "trio")
}  # fmt: skip
