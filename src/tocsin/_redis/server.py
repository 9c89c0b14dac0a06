"""Server: what this process has to do with one server: its idle connections, and how a question gets its answer.

A question is asked until it is answered or its deadline has passed: a connection that broke is made anew, a server that
is not there, or not ready, is asked again after a moment.
"""

from __future__ import annotations

import contextlib
import errno
import threading
import weakref
from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import FormatMismatch, Unreachable
from tocsin._fork import forget_in_child
from tocsin._redis import address as addresses
from tocsin._redis.line import Line, ReplyError, pack, refused, unreachable
from tocsin._redis.owner import Judge
from tocsin._redis.question import Change, Question
from tocsin._redis.script import reason
from tocsin._redis.steps import Pause, in_thread

if TYPE_CHECKING:
    from tocsin._redis.address import Address
    from tocsin._redis.owner import Owner
    from tocsin._redis.script import Script
    from tocsin._redis.steps import Steps

#: Who waits shorter, or not at all, gives the server this long for an answer.
LEAST_NS = 1_000_000_000
#: In place of a deadline, of who looks for a wait for many: no time, and no question if another has just asked in vain.
SOON = 1
#: How long to wait before the next try to reach it: from, to.
_FIRST_NS, _LAST_NS = 5_000_000, 250_000_000
_KEPT = 8  # idle connections
_OLDEST = (6, 2)
#: What a server says that will be able to answer soon.
_NOT_YET = ("LOADING", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "BUSY ", "UNBLOCKED", "NOREPLICAS")
_INFO = pack((b"INFO", b"server"))


class Server:
    """One server, one prefix, one login. Kept by the objects that live there, and gone with the last of them."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.idle: list[Line] = []
        self.known = False  # was it ever reached?
        self.version: tuple[int, ...] = ()
        self.lock = threading.RLock()
        self.owner: Owner | None = None  # this process as a holder there (`owner`)
        self.judge = Judge()
        self._mute: tuple[int, str] | None = None  # until when not to ask, and why

    def key(self, name: str) -> bytes:
        """Of the object `name`; its other keys begin with it. One hash tag per object."""
        return f"{self.address.prefix}:{{{name}}}".encode()

    def until(self, until: int) -> int:
        """When a question must have its answer, whose caller's own deadline is `until` (ns, -1 never, 0 now)."""
        now = _core.now()
        if until < 0:
            return now + self.address.patience_ns
        return min(max(until, now + LEAST_NS), now + self.address.patience_ns)

    def mute(self) -> tuple[int, str] | None:
        """Until when (ns) who has no time need not ask, as another has just asked in vain; and what he was told."""
        found = self._mute
        return found if found is not None and _core.now() < found[0] else None

    def hush(self, why: str) -> None:
        self._mute = (_core.now() + LEAST_NS, why)

    # -- connections

    def take(self, until: int) -> Line:
        """A connection that is nobody else's."""
        while self.idle:
            with contextlib.suppress(IndexError):
                line = self.idle.pop()
                if line.is_sound():
                    return line
                line.close()
        return self.connect(until)

    def give(self, line: Line) -> None:
        if len(self.idle) < _KEPT and not line.owes:
            self.idle.append(line)
        else:
            line.close()

    def connect(self, until: int, name: str = "") -> Line:
        """A new one; with a name, by which others find it in the server's list."""
        line = Line(self.address, until)
        try:
            if not self.known:
                self._meet(line, until)
            if name:
                self._name(line, name, until)
        except BaseException:
            line.close()
            raise
        return line

    def _name(self, line: Line, name: str, until: int) -> None:
        answer = line.ask(pack((b"CLIENT", b"SETNAME", name)), until)
        if isinstance(answer, ReplyError):
            raise self.failure(answer)

    def _meet(self, line: Line, until: int) -> None:
        """The first time: is it one that we can work with?"""
        found = line.ask(_INFO, until)
        if isinstance(found, ReplyError):
            raise refused(self.address, found) if "NO" in str(found)[:6] else unreachable(self.address, found)
        rows = dict(row.split(":", 1) for row in found.decode("utf-8", "replace").split("\r\n") if ":" in row)
        text = rows.get("redis_version", "0")
        self.version = tuple(int(part) for part in text.split(".") if part.isdigit())
        if self.version < _OLDEST:
            raise FormatMismatch(
                f"the server {self.address.shown} is version {text}: tocsin needs Redis 6.2 or Valkey, or later"
            )
        self.known = True

    # -- questions; `until` as the caller has it

    def answer_steps(self, question: Question, until: int) -> Steps[Any]:
        """The answer to a question. A task that is cancelled meanwhile can't know whether its change was made: what
        must not be lost that way is asked for in two steps, of which the first takes nothing for good."""
        if until == SOON and (mute := self.mute()) is not None:
            raise Unreachable(mute[1])
        trial = Trial(self, until)
        while True:
            try:
                line = self.take(trial.end)  # connecting is a matter of a moment, or of an error: tasks do it, too
                found = yield from question.steps(line, trial.end)
            except Unreachable as error:
                trial.lost(error)
            else:
                if trial.is_over(found, line):
                    return found
            yield Pause(trial.pause())

    def ask_steps(self, packed: bytes, until: int) -> Steps[Any]:
        """The answer to commands that change nothing, or that may be done twice."""
        return self.answer_steps(Question(packed), until)

    def run_steps(self, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...], until: int) -> Steps[Any]:
        """The same for a script that may be run twice."""
        return self.answer_steps(Question(script.call(keys, args), script), until)

    def change_steps(self, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...], until: int) -> Steps[Any]:
        """Run a script that must be run once."""
        return self.answer_steps(Change(script, keys, args), until)

    def ask(self, packed: bytes, until: int) -> Any:
        return in_thread(self.ask_steps(packed, until))

    def run(self, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...], until: int) -> Any:
        return in_thread(self.run_steps(script, keys, args, until))

    def change(self, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...], until: int) -> Any:
        return in_thread(self.change_steps(script, keys, args, until))

    def answer(self, question: Question, until: int) -> Any:
        return in_thread(self.answer_steps(question, until))

    def failure(self, error: ReplyError) -> Exception:
        """The exception for an error that the server, or one of our scripts, answered with."""
        code = reason(error)
        if code:
            return Refusal(code, str(error))
        text = said(error)
        if text.startswith(_NOT_YET):
            return unreachable(self.address, text)
        if text.startswith(("NOPERM", "NOAUTH", "WRONGPASS")):
            return refused(self.address, text)
        if "WRONGTYPE" in text:
            return Refusal(-errno.EMEDIUMTYPE, text)
        if text.startswith(("OOM", "MISCONF")):
            return OSError(errno.ENOSPC, f"the server {self.address.shown} takes no more: {text}")
        return OSError(f"the server {self.address.shown} failed: {text}")

    # -- life

    def close(self) -> None:
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.stop()
        while self.idle:
            with contextlib.suppress(IndexError):
                self.idle.pop().close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def forget(self) -> None:
        """In a fork's child."""
        self.lock = threading.RLock()
        owner, self.owner = self.owner, None
        if owner is not None:
            owner.forget()
        self.judge = Judge()
        idle, self.idle = self.idle, []
        for line in idle:
            line.forget()


def said(error: ReplyError) -> str:
    """What a server said, without what Redis 6 puts in front when a script was told so."""
    text = str(error)
    return text.rpartition(": -")[2] if "@user_script" in text else text


class Trial:
    """One question's tries: until when, and what came of the last one."""

    __slots__ = ("end", "is_brief", "last", "next", "server")

    def __init__(self, server: Server, until: int) -> None:
        self.server = server
        self.is_brief = until == SOON
        self.end = server.until(until)
        self.next = _FIRST_NS
        self.last: str | None = None  # not the error, whose traceback would hold us, and so itself

    def lost(self, error: Unreachable) -> None:
        if not self.server.known:  # it never was there: the address may be wrong, so say it at once
            raise error
        if self.last is None or "NOREPLICAS" not in self.last:  # which says more: it was done
            self.last = str(error)

    def is_over(self, found: Any, line: Line) -> bool:
        """Is that the answer? Raises it, if it is an error that lasts."""
        server = self.server
        if type(found) is not ReplyError:
            server.give(line)
            server._mute = None
            return True
        if not said(found).startswith(_NOT_YET):
            server.give(line)
            raise server.failure(found)
        line.close()  # the question goes on, and the writer's name with it
        self.last = str(unreachable(server.address, found))
        return False

    def pause(self) -> float:
        """Seconds to the next try; the last error, when it is too late for another."""
        now = _core.now()
        if now + self.next >= self.end and self.last is not None:
            if self.is_brief:
                self.server.hush(self.last)
            raise Unreachable(self.last)
        pause, self.next = self.next, min(2 * self.next, _LAST_NS)
        return pause / 1e9


class Refusal(Exception):
    """What a script refused with: a reason, to which the object adds what it is about."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


_lock = threading.RLock()
_servers: weakref.WeakValueDictionary[Address, Server] = weakref.WeakValueDictionary()


def server_at(url: str) -> Server:
    """This process's, made on first need. ValueError: the URL is wrong."""
    address = addresses.read(url)
    with _lock:
        found = _servers.get(address)
        if found is None:
            found = _servers[address] = Server(address)
        return found


def _forget_all() -> None:
    global _lock  # noqa: PLW0603 - it may have been held by a thread that is not here
    _lock = threading.RLock()
    for server in list(_servers.values()):
        server.forget()


forget_in_child(_forget_all)
