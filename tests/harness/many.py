"""Several objects as one, so that each kind of caller can wait for them: threads, tasks, other processes."""

from __future__ import annotations

from typing import Any

from tocsin import WaitSet, wait_all, wait_all_async, wait_any, wait_any_async


class Many:
    """Answers are places in `objs`: another process has other handles."""

    def __init__(self, *objs: Any) -> None:
        self.objs = objs

    def places(self, found: list[Any]) -> list[int]:
        left = list(enumerate(self.objs))
        answer = []
        for thing in found:
            at = next(i for i, (_, one) in enumerate(left) if one is thing)
            answer.append(left.pop(at)[0])
        return answer

    def any(self, timeout: float | None = None) -> list[int]:
        return self.places(wait_any(*self.objs, timeout=timeout))

    async def any_async(self, timeout: float | None = None) -> list[int]:
        return self.places(await wait_any_async(*self.objs, timeout=timeout))

    def all(self, timeout: float | None = None) -> bool:
        return wait_all(*self.objs, timeout=timeout)

    async def all_async(self, timeout: float | None = None) -> bool:
        return await wait_all_async(*self.objs, timeout=timeout)

    def set(self, timeout: float | None = None) -> list[int]:
        with WaitSet(self.objs) as made:
            return self.places(made.wait(timeout))

    async def set_async(self, timeout: float | None = None) -> list[int]:
        with WaitSet(self.objs) as made:
            return self.places(await made.wait_async(timeout))

    def close(self) -> None:
        for one in self.objs:
            one.close()
