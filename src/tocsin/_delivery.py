"""Delivery: one item in hand. What nobody acks comes back."""

from __future__ import annotations

import errno
from _weakref import ref  # weakref itself, and what else is imported where it is used, cost a command start-up time

from tocsin import _core, _errors
from tocsin._cursor import Cursor, T
from tocsin._errors import LeaseLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    import weakref
    from types import TracebackType
    from typing import Any, Generic, Self

    from tocsin._codec import Codec
    from tocsin._queue import Queue
else:
    from tocsin._brackets import Generic

_INFINITY = float("inf")
#: How often a task that waits for the end of all work asks whether the workers live: as often as the core's own join.
_LOOK_NS = 1_000_000_000


class Delivery(Generic[T]):
    """An item that this process has received and not yet acked; from `Queue.receive`.

    ``with queue.receive() as delivery:`` acks it when the block ends, and gives it back when the block raises. It also
    comes back when this process dies, however it dies, and never because this process is slow. One that is dropped
    without either gives a ResourceWarning, and comes back. What comes back goes to the end of the queue, and to the
    dead letters (`Queue.dead`) when it was delivered ``max_deliveries`` times.

    At least once: a process that dies after its work and before the ack has done it, and another will do it again.
    ``attempt`` is then greater than 1.

    It belongs to the process that received it, any thread or task of it; a forked child can't end it.
    """

    __slots__ = ("__weakref__", "_claim", "_open", "_queue", "item")

    item: T

    def __init__(self, queue: Receiver[T], claim: _core.Claim, item: T) -> None:
        self.item = item
        self._queue = queue
        self._claim = claim
        self._open = True

    @property
    def attempt(self) -> int:
        """1 for the first delivery of this item, more when it has come back."""
        return self._claim.attempt

    @property
    def sequence(self) -> int:
        """The item's number, 1 for the first that was ever put into the queue."""
        return self._claim.sequence

    def ack(self) -> None:
        """The work is done: the item is gone for good. Never waits for anyone.

        LeaseLost: it isn't in hand any more, because it was acked or given back before.
        """
        self._end(-1)

    def nack(self, delay: float = 0) -> None:
        """Give it back, for anyone to receive again, at the earliest in `delay` seconds.

        After ``max_deliveries`` deliveries it goes to the dead letters instead. LeaseLost as `ack`.
        """
        if not 0 <= delay < _INFINITY:
            raise ValueError(f"bad delay {delay!r}: give seconds, 0 or more")
        self._back(f"given back at delivery {self.attempt}", min(int(delay * 1e9), 1 << 62))

    def _back(self, reason: str, delay_ns: int) -> None:
        limit = self._queue._limit
        if self._open and limit and self.attempt >= limit and self._queue._give_up(self._claim, reason, self.attempt):
            self._ended()
        else:
            self._end(delay_ns)

    def _end(self, delay_ns: int) -> None:
        reason = self._queue._end(self._claim, delay_ns)
        if reason in (0, -errno.ESTALE):
            self._ended()
        if reason == -errno.ESTALE:
            what = f"item {self.sequence} of {self._queue._title()}"
            raise LeaseLost(f"{what} is not in this process's hands any more: it was acked or given back before")
        if reason < 0:
            self._queue._fail(reason)

    def _ended(self) -> None:
        if self._open:
            self._open = False
            self._queue._forget(self._claim)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            return
        if value is None:
            self.ack()
            return
        try:  # noqa: SIM105 - contextlib costs a command start-up time
            self._back(words(value), 0)
        except LeaseLost:
            pass  # it is back already, and what went wrong in the block is what matters

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, value, trace)

    def __del__(self) -> None:
        if getattr(self, "_open", False) and self._queue._let_go(self._claim):
            try:
                import warnings
            except ImportError:  # the interpreter is ending, and imports nothing any more
                return
            warnings.warn(
                f"item {self.sequence} of {self._queue._title()} was dropped without ack() or nack(), and went back",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    def __repr__(self) -> str:
        state = "in hand" if self._open else "ended"
        return f"<tocsin.Delivery {self.sequence} of {self._queue._title()}: {state}, attempt {self.attempt}>"


class Receiver(_core.Queue[T], Cursor[T]):
    """The part of Queue that hands out deliveries, and puts aside what can't be delivered."""

    _codec: Codec | None = None
    #: how often an item is delivered; 0: no limit, or not known yet
    _limit: int = 0
    _dead: Queue[Any] | None = None
    #: What is in hand, so that `close` can give it back: while this process lives nobody else would.
    _claims: dict[int, weakref.ref[_core.Claim]] | None = None

    def receive(self, timeout: float | None = None) -> Delivery[T]:
        """Take an item in hand: it is gone once it is acked, and comes back when this process dies before.

        Waits as `get` does, at most `timeout` seconds: then queue.Empty; 0 looks once. An item that can't be decoded,
        and one that was delivered ``max_deliveries`` times and never acked, goes to the dead letters (`dead`), and the
        next one is received in its place. Raises as `get`.
        """
        until = _core.data_deadline(timeout)
        if self._codec is None and until != 0:
            self._find_codec()  # what it loads must not stand between an item and who waits for it
        while True:
            delivery = self._deliver(self._receive(until))
            if delivery is not None:
                return delivery

    async def receive_async(self, timeout: float | None = None) -> Delivery[T]:
        """`receive`, on asyncio, uvloop and trio. Safe to cancel: a task that is cancelled takes no item along."""
        until = _core.data_deadline(timeout)
        if self._codec is None and until != 0:
            self._find_codec()
        while True:
            ticket = self._ticket()
            try:
                return self.receive(0)  # nothing is awaited between the taking and the return
            except _errors.Empty:
                if not await self._changed(0, ticket, until):
                    raise

    async def _changed(self, side: int, ticket: int, until: int, *, for_the_end: bool = False) -> bool:
        """Until there is a reason to look again: True; False when it is too late for that."""
        if until == 0 or 0 < until <= _core.now():
            return False
        from tocsin._aio import wait_change

        # What was put off rings no bell when its time comes, and no dead holder does.
        due = _core.now() + _LOOK_NS if for_the_end else self._due() if side == 0 else 0
        await wait_change(self, side, ticket, until if due <= 0 else due if until < 0 else min(due, until))
        return True

    def _deliver(self, claim: _core.Claim) -> Delivery[T] | None:
        """The delivery of what was claimed, or None when it went to the dead letters."""
        if self._codec is None:
            self._find_codec()
        if self._limit and claim.attempt > self._limit and self._give_up(claim, "its process died", claim.attempt - 1):
            return None
        try:
            item = self._decode(claim.data)
        except Exception as error:
            if self._give_up(claim, words(error), claim.attempt):
                return None
            raise self._unreadable(error) from error
        if self._claims is None:
            self._claims = {}
        self._claims[claim.sequence] = ref(claim)
        return Delivery(self, claim, item)

    # -- dead letters

    @property
    def dead(self) -> Queue[Any]:
        """The queue of what could not be delivered: ``NAME.dead``, made on first need.

        A letter is ``{"item": ..., "reason": ..., "attempts": ..., "sequence": ..., "queue": ...}``; "data", in base64,
        stands in place of "item" where that isn't JSON. Letters are put at least once: a consumer that is killed
        between putting and acking leaves the item to be put again. An anonymous queue has an anonymous one for
        each handle, and so for each process.
        """
        if self._dead is None:
            from tocsin._dead import queue_for

            self._dead = queue_for(self)
        return self._dead

    def redrive(self, max_items: int | None = None) -> int:
        """Put the items of dead letters back into this queue, oldest first, as new ones: how many.

        Each is put, then its letter is acked, so none is lost. Stops when this queue is full.
        """
        from tocsin._dead import redrive

        return redrive(self, max_items)

    def _give_up(self, claim: _core.Claim, reason: str, attempts: int) -> bool:
        """To the dead letters; False when there is no letter that could hold it."""
        from tocsin._dead import put_letter

        try:
            if not put_letter(self, claim.data, reason, attempts, claim.sequence):
                return False
        except BaseException:
            self._end(claim, 0)
            raise
        self._end(claim, -1)
        return True

    def _is_overdue(self, claim: _core.Claim) -> bool:
        """What `get` took and the core still holds: to the dead letters with it, or it is the caller's."""
        if self._limit and claim.attempt > self._limit and self._give_up(claim, "its process died", claim.attempt - 1):
            return True
        self._end(claim, -1)
        return False

    def _bury(self, data: bytes, sequence: int, attempt: int, error: Exception) -> None:
        """An item that `get` took and could not decode."""
        from tocsin._dead import put_letter

        try:
            if put_letter(self, data, words(error), attempt, sequence):
                return
        except BaseException:
            self._put_bytes(data, 0)  # nowhere else to go: back to where it came from
            raise
        finally:
            self.task_done()  # the caller never had it, and will not report it
        self._put_bytes(data, 0)
        raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> Exception:
        assert self._codec is not None
        return self._codec.unreadable(error)

    # -- life

    def _forget(self, claim: _core.Claim) -> None:
        claims = self._claims
        if claims is not None and (found := claims.get(claim.sequence)) is not None and found() is claim:
            del claims[claim.sequence]  # unless the same item has come back to this handle meanwhile

    def _let_go(self, claim: _core.Claim) -> bool:
        """Give back what nobody holds any more; was it still ours?"""
        self._forget(claim)
        try:
            return self._end(claim, 0) == 0
        except Exception:  # noqa: BLE001 - there is nobody to tell
            return False  # closed, and so given back already

    def close(self) -> None:
        """Give back what this handle holds, deliveries included.

        Later calls, and those that it finds blocked, get ValueError. The queue itself stays, for everyone else. May be
        called twice, and from any thread.
        """
        claims = [found() for found in list((self._claims or {}).values())]
        held = sum(self._let_go(claim) for claim in claims if claim is not None)
        super().close()
        if self._dead is not None:
            self._dead.close()
        if held:
            import warnings

            msg = f"{self._title()} was closed with {held} deliveries in hand, which are back in the queue"
            warnings.warn(msg, ResourceWarning, stacklevel=2)


def words(error: BaseException) -> str:
    """An exception as a dead letter's reason. What a program raises may have a repr that raises, or no end."""
    try:
        text = repr(error)
    except Exception:  # noqa: BLE001
        text = type(error).__qualname__
    return text[:4000].encode("utf-8", "backslashreplace").decode()
