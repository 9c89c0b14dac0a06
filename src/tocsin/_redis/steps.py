"""Steps: a call that waits for a server is written once, as a generator, and threads and tasks drive it alike.

The generator yields what is to be waited for now, and is sent what came of it; what went wrong is raised in it, also
what a handler of a signal raised, and the cancelling of a task. So it reads like any other function, in which nothing
says how one waits; and its `finally` is run at once, whoever leaves it in the middle.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

    T = TypeVar("T")
    Steps = Generator["Step", Any, T]


class Step:
    """Something to wait for."""

    __slots__ = ()

    def block(self) -> Any:
        """As a thread waits for it."""
        raise NotImplementedError

    async def suspend(self) -> Any:
        """As a task does, whose loop goes on."""
        raise NotImplementedError


class Pause(Step):
    """For what nobody announces."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def block(self) -> None:
        time.sleep(self.seconds)

    async def suspend(self) -> None:
        from tocsin._aio import pause

        await pause(self.seconds)


def in_thread(steps: Steps[T]) -> T:
    try:
        step = next(steps)
        while True:
            try:
                found = step.block()
            except BaseException as error:  # noqa: BLE001 - the steps have to know of each
                step = steps.throw(error)
            else:
                step = steps.send(found)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    finally:
        steps.close()  # a handler may raise out here, too, and whoever catches that keeps this frame alive


async def in_task(steps: Steps[T]) -> T:
    try:
        step = next(steps)
        while True:
            try:
                found = await step.suspend()
            except BaseException as error:  # noqa: BLE001
                step = steps.throw(error)
            else:
                step = steps.send(found)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    finally:
        steps.close()
