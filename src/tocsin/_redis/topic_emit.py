"""Emitting: one script per change, and the listeners whom an emitter may wait for.

A hash has the cursors of all listeners, each by the owner (`owner`) that it belongs to, so that the dead can be told.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._redis.handle import NEVER
from tocsin._redis.line import pack
from tocsin._redis.owner import LOOK_NS
from tocsin._redis.script import script
from tocsin._redis.steps import in_task, in_thread
from tocsin._redis.topic_hear import OVERHEAD
from tocsin._wait import warn_if_loop_is_running

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tocsin._redis.handle import RedisHandle
    from tocsin._redis.steps import Steps
    from tocsin._topic import Topic

    class Base(RedisHandle, Topic):
        """What it is mixed into."""

else:
    Base = object

_EMIT, _LEAVE = script("topic_emit"), script("topic_leave")
#: Emits in one change, in which the server does nothing else.
_BATCH, _BATCH_BYTES = 1000, 1 << 20


class RedisEmitting(Base):
    """The emitting side of a topic's handle."""

    _keys: tuple[bytes, ...]
    _max_bytes_there: int
    _judged = 0  # when it was last asked which listeners are dead

    def emit(self, payload: bytes, *, wait: float | None = 0.0) -> int:
        if not isinstance(payload, bytes):
            raise TypeError(f"a payload must be bytes, not {type(payload).__name__}")
        if wait != 0 or len(payload) + OVERHEAD > self._max_bytes_there or len(payload) > _core.MESSAGE_MAX:
            return self.emit_many((payload,), wait=wait)
        number: int = self._change(_EMIT, self._keys, (self._id, 0, payload))
        return number

    def emit_many(self, payloads: Iterable[bytes], *, wait: float | None = 0.0) -> int:
        left = self._sound(payloads)
        if not left:
            return self.head
        until = _core.deadline(wait)
        done, number = 0, 0
        try:
            while left:
                batch = _some(left)
                answer = self._change(_EMIT, self._keys, (self._id, int(until != 0), *batch))
                number, some, seen = (answer, len(batch), None) if isinstance(answer, int) else answer
                done += some
                del left[:some]
                if seen is not None and some < len(batch):
                    in_thread(self._room_steps(seen, until, "emit_async"))
        except Exception as error:
            error.done = done  # type: ignore[attr-defined]
            raise
        return number

    async def emit_async(self, payload: bytes, *, wait: float | None = 0.0) -> int:
        until = _core.deadline(wait)
        (payload,) = self._sound((payload,))
        while True:
            answer = await self._change_async(_EMIT, self._keys, (self._id, int(until != 0), payload))
            if isinstance(answer, int):
                return answer
            await in_task(self._room_steps(answer[2], until, ""))

    def _emit_now(self, payload: bytes) -> int:
        answer = self._change(_EMIT, self._keys, (self._id, 1, *self._sound((payload,))))
        return answer if isinstance(answer, int) else -errno.EAGAIN

    def _sound(self, payloads: Iterable[bytes]) -> list[bytes]:
        found = list(payloads)
        most = min(self._max_bytes_there - OVERHEAD, _core.MESSAGE_MAX)
        for payload in found:
            if not isinstance(payload, bytes):
                raise TypeError(f"a payload must be bytes, not {type(payload).__name__}")
            if len(payload) > most:
                self._fail_emit(-errno.EMSGSIZE, 0)
        return found

    def _room_steps(self, seen: bytes, until: int, twin: str) -> Steps[None]:
        """Until a listener has come further than it was; at most until it is time to ask who is dead."""
        packed, end = self._room_question(seen, until)
        if twin:
            warn_if_loop_is_running(twin, 3)
        with self._ear.counted():
            if not (yield from self._burial((yield from self._listener_steps(until)))):
                yield from self._answer_steps(self._server.ask_steps(packed, end))

    def _room_question(self, seen: bytes, until: int) -> tuple[bytes, int]:
        self._check()
        now = _core.now()
        if 0 <= until <= now:
            self._fail_emit(-errno.EAGAIN, 0)
        pause = LOOK_NS if until < 0 else min(LOOK_NS, until - now)
        block = max(1, pause // 1_000_000)
        # The answer has time enough to come on a busy host.
        return pack((b"XREAD", b"BLOCK", block, b"STREAMS", self._keys[3], seen)), now + pause + 4 * LOOK_NS

    # -- listeners, everybody's

    def _listener_steps(self, until: int) -> Steps[dict[bytes, int]]:
        found = yield from self._answer_steps(self._server.ask_steps(pack((b"HGETALL", self._keys[2])), until))
        return dict(zip(found[::2], map(int, found[1::2]), strict=True))

    def _listeners(self, until: int) -> dict[bytes, int]:
        return in_thread(self._listener_steps(until))

    def _bury(self, listeners: dict[bytes, int]) -> set[bytes]:
        return in_thread(self._burial(listeners, at_once=True))

    def _burial(self, listeners: dict[bytes, int], *, at_once: bool = False) -> Steps[set[bytes]]:
        """Who of them is dead: it is taken out, and nobody waits for it any more. Asked once a second at the most."""
        now = _core.now()
        if not at_once and now - self._judged < LOOK_NS:
            return set()
        self._judged = now
        server = self._server
        owners = {listener.partition(b".")[0] for listener in listeners}
        try:
            dead = yield from server.judge.dead_among_steps(server, owners)
        except Unreachable:  # the question that follows says so, if it lasts
            return set()
        gone = {listener for listener in listeners if listener.partition(b".")[0] in dead}
        if gone:
            yield from server.run_steps(_LEAVE, self._keys, (self._id, *gone), 0)
            for owner in dead:
                server.judge.forgive(owner)
        return gone

    @property
    def subscribers(self) -> int:
        self._look_there()
        listeners = self._listeners(-1)
        return len(listeners) - len(self._bury(listeners))

    def _slowest(self) -> int:
        listeners = self._listeners(0)
        gone = self._bury(listeners)
        return min((cursor for listener, cursor in listeners.items() if listener not in gone), default=NEVER)


def _some(payloads: list[bytes]) -> list[bytes]:
    """What goes in one change: one at least."""
    size = 0
    for n, payload in enumerate(payloads[:_BATCH]):
        size += len(payload)
        if size > _BATCH_BYTES and n:
            return payloads[:n]
    return payloads[:_BATCH]
