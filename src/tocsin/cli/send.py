"""`tocsin signal`: a signal, or with `--data` a value, to everyone who listens."""

from __future__ import annotations

from tocsin._errors import VersionConflict, WrongKind
from tocsin.cli import _values
from tocsin.cli._common import each
from tocsin.cli._exit import NOT_SET, OK, Failure, Usage, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._common import Row


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    text = options["data"]
    if text is None and options["if_version"] is not None:
        raise Usage("--if-version is about a value: give it with --data", verb)
    value = None if text is None else _values.read(_input() if text == "-" else text, verb)
    place = {"at": options["at"], "mode": options["mode"], "create": not options["no_create"]}

    def ring(name: str) -> tuple[Row, int]:
        from tocsin._signal import Signal

        try:
            with Signal(name, **place) as signal:
                return {"name": name, "at": signal.at, "sequence": signal.signal()}, OK
        except WrongKind as error:
            raise _kind_in_words(name, options["at"], error) from None

    def tell(name: str) -> tuple[Row, int]:
        from tocsin.cli._light import DataEvent

        with DataEvent(name, **place) as event:
            row: Row = {"name": name, "at": event.at}
            try:
                row["version"] = event.signal(value, if_version=options["if_version"])
            except VersionConflict as error:
                complain(verb, error)
                row["version"] = event.version
                return row, NOT_SET
            return row, OK

    return each(verb, names, options, ring if text is None else tell)


def _input() -> bytes:
    import sys

    return sys.stdin.buffer.read() if sys.stdin is not None else b""


def _kind_in_words(name: str, at: str | None, error: WrongKind) -> Exception:
    from tocsin.cli._kinds import DATA, kind_at

    if kind_at(name, at) == DATA:
        return Failure(f"{name!r} holds a value: give the new one with --data")
    return error
