"""RedisHeld: what one process has and others wait for, a lock or a promise: they look whether it lives.

Once a second, and one for all who wait by a handle: then the holder's connection is asked for (`owner`). A death is
written down by a script that is about that very holder, so it happens once, and whoever is slow to look harms nobody.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._redis.handle import RedisHandle
from tocsin._redis.owner import LOOK_NS
from tocsin._redis.server import SOON
from tocsin._redis.steps import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from tocsin._redis.steps import Steps


class RedisHeld(RedisHandle):
    """The mix-in. A holder is `owner id:its own`, and nobody is b""."""

    _look_at = 1  # ns: not before then to ask again whether the holder lives
    _looker: threading.Timer | None = None

    def _held_by(self) -> bytes:
        """Who holds it and was alive, as far as is known."""
        raise NotImplementedError

    def _bury(self, holder: bytes) -> None:
        """Write down that he is dead."""
        raise NotImplementedError

    def _holder_due(self) -> int:
        """When (ns) to ask whether he lives; 0: nobody is to be asked after."""
        holder, own = self._held_by(), self._server.owner
        return 0 if not holder or (own is not None and holder.startswith(own.id)) else self._look_at

    def _asked_after(self) -> bytes:
        """The holder, if it is time to ask after him."""
        due, now = self._holder_due(), _core.now()
        if not due or now < due or self._over:
            return b""
        self._look_at = now + LOOK_NS
        return self._held_by()

    def _look_after_steps(self) -> Steps[bool]:
        """Ask after the holder, if it is time for that. True: he is dead, and that is known to all now."""
        holder = self._asked_after()
        if not holder:
            return False
        try:
            dead = yield from self._server.judge.dead_among_steps(self._server, (holder.partition(b":")[0],), SOON)
        except Unreachable:  # who waits has patience
            return False
        if dead:
            with contextlib.suppress(FileNotFoundError):  # removed: all hear of that
                self._bury(holder)
        return bool(dead)

    def _look_after(self) -> bool:
        return in_thread(self._look_after_steps())

    # -- waiting

    def _due(self) -> int:
        connect, ask = super()._due(), self._holder_due()
        return min(connect, ask) if connect and ask else connect or ask

    # -- `fileno`, by which nobody of ours looks

    def _show(self) -> None:
        if self._ear.bells.shown >= 0:
            self._look_after()
            self._look_later()
        super()._show()

    def _look_later(self) -> None:
        """Who only polls the descriptor is to hear of a death, too: a timer's thread looks once a second."""
        due, looker = self._holder_due(), self._looker
        if due and not self._over and (looker is None or not looker.is_alive()):
            looker = threading.Timer(max(0.0, (due - _core.now()) / 1e9), _look_for, (weakref.ref(self),))
            looker.name, looker.daemon = "tocsin looker", True
            self._looker = looker
            looker.start()

    def _close(self) -> None:
        looker = self._looker
        super()._close()
        if looker is not None:
            looker.cancel()


def _look_for(ref: Callable[[], RedisHeld | None]) -> None:
    held = ref()
    if held is not None:
        held._looker = None
        with contextlib.suppress(OSError, ValueError):  # its own next call tells
            held._show()


def note_of(raw: Any) -> tuple[int, bytes]:
    """Process id and command, from what a holder wrote about itself."""
    number, _, command = (raw or b"").partition(b" ")
    return (int(number), command) if number.isdigit() else (0, b"")
