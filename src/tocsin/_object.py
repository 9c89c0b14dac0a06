"""What every object is in Python: a name at a place, a life, a pickle, a repr. Each kind adds its own calls.

A kind is a class `class Signal(_core.Signal, Handle)`: the binding's class knows the core, this mix-in names and
places. In that order, because Python frees an object as the first of its bases does, and `Handle` has nothing to free.
A kind names itself in `_class` and `_kind`, and in `_carried` the arguments that a copy in another process needs.
"""

from __future__ import annotations

import os
from _operator import ne  # operator itself costs a command start-up time

from tocsin import _core
from tocsin._errors import KINDS, error
from tocsin._place import door, effective, encode_name, encode_place, is_far
from tocsin._wait import warn_if_loop_is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, ClassVar, NoReturn, Self

    Path = str | os.PathLike[str]


class Handle(_core.Object):
    """The mix-in. The binding's class of the kind stands beside it, and `_start` opens what that class names."""

    name: str | None = None
    at: str | None = None
    path: str | None = None
    _mode: int | None = None
    _bell: int = -1  # the descriptor by which hubs know this handle; -1: no task ever waited on it

    _class: ClassVar[str]
    _kind: ClassVar[str]
    #: The arguments beyond name, place and mode, each kept as an attribute with an underscore in front.
    _carried: ClassVar[tuple[str, ...]] = ()
    #: `_passed(ticket, seen)`: is a wait over? Counts of changes wrap, so whatever differs has changed.
    _passed: Callable[[int, int], bool] = staticmethod(ne)

    if TYPE_CHECKING:
        _open: Callable[..., int]  # the binding's

    def _start(self, name: Path | None, at: Path | None, mode: int | None, *more: Any, create: bool) -> None:
        """Open it, or make it; `more` are the arguments that only this kind's binding takes."""
        if mode is not None and (isinstance(mode, bool) or not isinstance(mode, int) or mode < 0):
            raise ValueError(f"bad mode {mode!r}: give permission bits, 0o600 to 0o777")
        self._mode = mode
        raw = None if name is None else encode_name(name)
        place = None if raw is None else encode_place(at, raw)
        if name is not None:
            self.name = os.fspath(name)
            self.at = "user" if place == b"user" else effective(at)
        reason = self._open(raw, place, -1 if mode is None else min(mode, 0o1000), create, *more)
        if reason < 0:
            path = None if raw is None else _core.path(place, raw)
            self.path = os.fsdecode(path) if isinstance(path, bytes) else None
            raise self._error(reason)
        found = self._path()
        self.path = None if found is None else os.fsdecode(found)

    def _join(self, memory: int, pipe: int) -> int:
        """Take over the descriptors of an anonymous one; the binding's `_attach`, with what it needs."""
        raise NotImplementedError

    # -- life

    def close(self) -> None:
        """Give back what this handle holds. Later calls, and those that it finds blocked, get ValueError.

        The object itself stays, for everyone else. May be called twice, and from any thread.
        """
        self._close()
        if self._bell >= 0:
            from tocsin._hub import closed

            closed(self)

    def unlink(self) -> None:
        """Remove the object: everyone who waits gets ObjectRemoved, here and elsewhere; then the name goes."""
        reason = self._unlink()
        if reason < 0:
            self._fail(reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        carried = tuple(getattr(self, f"_{argument}") for argument in self._carried)
        if self.name is None:
            return _rebuild_anonymous, (type(self), *_pass_on(self), *carried)
        name, place, path = self.name, self.at, self.path or ""
        if name.startswith(("/", "./")):  # a path means the same file in a receiver that works elsewhere
            name = path
        elif place not in ("user", "system"):
            place = path[: -len(name) - 1]
        return _rebuild, (type(self), name, place, self._mode, *carried)

    # -- what it tells

    def __repr__(self) -> str:
        what = "anonymous" if self.name is None else f"{self.name!r} at {self.at!r}"
        try:
            found = self._stat()
            if isinstance(found, int):
                return f"<tocsin.{self._class} {what}: closed>"
            state = self._state(found)
        except ValueError as error:  # or closed by another thread just now
            return f"<tocsin.{self._class} {what}: {error}>"
        return f"<tocsin.{self._class} {what}: {', '.join(['removed', state[-1]] if found['removed'] else state)}>"

    def _state(self, found: dict[str, Any]) -> list[str]:
        """For `repr`: how far it has come, and before that what it is now, which a removed one is no more."""
        raise NotImplementedError

    def _found(self) -> dict[str, Any]:
        """What the binding says of it, tasks of loops counted in."""
        found = self._stat()
        if isinstance(found, int):
            self._fail(found)
        if self._bell >= 0:
            from tocsin._hub import awaiting

            found["waiting_here"] += awaiting(self)
        return found

    def _common(self, found: dict[str, Any]) -> dict[str, Any]:
        """What `stats` says of every kind."""
        common = {key: found[key] for key in ("listeners", "waiting_here", "removed", "writable", "mode", "id")}
        created = found["created_ns"] / 1e9
        return {"name": self.name, "at": self.at, "path": self.path, "kind": self._kind, "created": created, **common}

    # -- what the binding asks back

    def _title(self) -> str:
        """What messages call it, when they begin with its kind."""
        kind = KINDS.get(self._kind, self._kind)
        return f"the anonymous {kind}" if self.name is None else f"the {kind} {self.name!r} at {self.at!r}"

    def _error(self, reason: int) -> Exception:
        return error(reason, self.name, self.at, self.path, self._kind)

    def _fail(self, reason: int) -> NoReturn:
        raise self._error(reason)

    def _before_blocking(self, twin: str) -> None:
        warn_if_loop_is_running(twin)


def class_at(cls: type[Self], name: object, at: object) -> type[Self]:  # type: ignore[misc]
    """The class that stands for `cls` at a place: another one where that is a server."""
    if name is None or not is_far(name, at):
        return cls
    found: Any = door(at).far(cls)  # type: ignore[arg-type]
    return found  # type: ignore[no-any-return]


def _rebuild(cls: type[Handle], name: str, at: str, mode: int | None, *carried: Any) -> Handle:
    return cls(name, at=at, mode=mode, **dict(zip(cls._carried, carried, strict=True)))  # type: ignore[call-arg]


def _pass_on(handle: Handle) -> tuple[Any, Any]:
    """The two descriptors of an anonymous object, wrapped so that the child of `multiprocessing` gets them."""
    from multiprocessing import context, reduction

    if context.get_spawning_popen() is None:
        msg = f"{handle._title()} can only be handed to a child that multiprocessing is starting: give it a name"
        raise TypeError(msg)
    memory, pipe = handle._descriptors()
    return reduction.DupFd(memory), reduction.DupFd(pipe)


def _rebuild_anonymous(cls: type[Handle], memory: Any, pipe: Any, *carried: Any) -> Handle:
    # Copies: one object may come along twice, and each handle closes what is its own.
    copies = []
    for passed in (memory, pipe):
        number = passed.detach()
        os.set_inheritable(number, False)
        copies.append(os.dup(number))
    handle = cls.__new__(cls)
    for argument, value in zip(cls._carried, carried, strict=True):
        setattr(handle, f"_{argument}", value)
    reason = handle._join(*copies)
    if reason < 0:
        raise handle._error(reason)
    return handle
