"""What a handle knows of its object, by looks, by the answers to changes, and by what its ear hears (`ear`).

With each of them comes an entry of the stream, by which it is known how late it is: what comes late is no news.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from tocsin._redis.ear import Ear, later, read_after
from tocsin._redis.handle_open import RedisOpened
from tocsin._redis.line import pack
from tocsin._redis.steps import in_thread

if TYPE_CHECKING:
    from tocsin._redis.steps import Steps


class RedisKnown(RedisOpened):
    """`_fields` are what a look asks for; `_know` takes them in."""

    _ear: Ear
    _last = b"0-0"  # the last entry of the stream that this handle knows of
    _entry = b""  # that `_learn` is about

    #: Fields of the main key that a look asks for beyond id and last.
    _fields: tuple[str, ...] = ()

    def _begin_to_hear(self, here: dict[bytes, bytes]) -> None:
        self._ear = Ear(self, self._server)
        self._asking = pack((b"HMGET", self._key, b"id", b"last", *[field.encode() for field in self._fields]))
        self._take_in(here[b"last"], [here.get(field.encode()) for field in self._fields])

    def _finish(self, reason: int) -> None:
        """It is over, which all hear who wait."""
        super()._finish(reason)
        ear = self._ear
        with ear.lock:
            ear.bells.show(ready=True)
            ear.tell()

    # -- looking

    def _look_there_steps(self, until: int = -1) -> Steps[list[Any]]:
        """Ask what is so, and know it: the values of `_fields`, which others may have overtaken in what is known."""
        if self._over:
            self._fail(self._over)
        return self._looked((yield from self._answer_steps(self._server.ask_steps(self._asking, until))))

    def _look_there(self, until: int = -1) -> list[Any]:
        return in_thread(self._look_there_steps(until))

    def _looked(self, found: list[Any]) -> list[Any]:
        if found[0] != self._id:
            self._finish(-errno.EIDRM)
            self._fail(self._over)
        return self._take_in(found[1], found[2:])

    def _refresh(self, until: int) -> None:
        """A look by the ear, when it has a new connection: what is there counts, also if it is less than was known."""
        found = self._ask(self._asking, until)
        if found[0] != self._id:
            self._finish(-errno.EIDRM)
        else:
            self._take_in(found[1], found[2:], anew=True)

    def _take_in(self, last: Any, found: list[Any], *, anew: bool = False) -> list[Any]:
        """What a look or a change was answered: the stream's last entry, and the values of `_fields`."""
        self._ear.learn(last, found, anew=anew)
        if self._over == -errno.EUCLEAN:
            self._fail(self._over)
        return found

    def _noted(self, last: bytes, found: list[Any], anew: bool) -> bool:  # noqa: FBT001 - the ear's own call
        """The ear's call for what was learnt. Is there anything new?"""
        try:
            is_new = later(last, self._last) or anew
            self._know(found, anew=anew)
        except (TypeError, ValueError, AttributeError):  # fields that are missing, or no numbers
            self._finish(-errno.EUCLEAN)
            return True
        if is_new:
            self._last = last
        return is_new

    def _know(self, found: list[Any], *, anew: bool = False) -> None:
        """Take in the values of `_fields`, if they are newer than what is known. `anew`: in any case."""
        raise NotImplementedError

    def _heard(self, answer: Any) -> None:
        """Take in what came on the ear's connection: entries of the stream."""
        try:
            for _, entries in answer:
                for number, row in entries:
                    if row is None:  # deleted meanwhile
                        continue
                    fields = dict(zip(row[::2], row[1::2], strict=True))
                    if b"removed" in fields:
                        self._finish(-errno.EIDRM)
                    else:
                        self._entry = number
                        self._learn(fields)
                    if later(number, self._last):
                        self._last = number
        except (TypeError, ValueError, KeyError):  # somebody else writes there
            self._finish(-errno.EUCLEAN)

    def _learn(self, fields: dict[bytes, bytes]) -> None:
        """One entry of the stream."""
        raise NotImplementedError

    def _reading(self) -> bytes:
        """The read by which the ear waits for what comes: of the stream behind `_last`, and perhaps of others. Empty:
        nothing is to be waited for now."""
        return read_after({self._stream: self._last})
