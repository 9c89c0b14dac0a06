"""What travels: values as JSON, or bytes as they are. Never pickle, so that reading runs nobody's code.

Untyped, a value must come back equal: what would not is refused at the sender, where the mistake is, and not met by
the receiver. Typed, the JSON is what counts: it is read back with the receiver's own decoder before it leaves.
``msgspec.convert`` would be cheaper, but it takes an instance of the type as it is, wrong fields and all
(``Job(id="one")`` is no error in Python), so nothing less than the decoder proves what the receiver will get.

msgspec is imported with the first codec, because ``import tocsin`` is what every command pays for.
"""

from __future__ import annotations

import sys

from tocsin._errors import InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: The largest message, in bytes (TOC_MESSAGE_MAX of the core).
LARGEST = 64 << 20


class Codec:
    """How the values of one handle become bytes and back.

    ``encode`` and ``decode`` raise InvalidMessage, which names the object and the mend. The parts below them are
    for the binding, which calls them without a Python frame in between and comes here when one of them fails.
    """

    __slots__ = ("check", "check_each", "dump", "dump_lines", "expects", "load", "proof", "what")

    #: what is wrong with a value, None for nothing (untyped JSON only)
    check: Callable[[object], str | None] | None
    dump: Callable[[Any], bytes]
    #: what the dumped bytes must pass (typed JSON only)
    proof: Callable[[bytes], Any] | None
    #: None: bytes stay what they are
    load: Callable[[bytes], Any] | None
    #: The first two for a list of values, one to a line (untyped JSON only, in which no line can end within a value).
    check_each: Callable[[list[Any]], str | None] | None
    dump_lines: Callable[[list[Any]], bytes] | None

    def __init__(self, what: str, expects: str) -> None:
        self.what = what
        self.expects = expects
        self.check = None
        self.dump = _bytes
        self.proof = None
        self.load = None
        self.check_each = None
        self.dump_lines = None

    def encode(self, value: object) -> bytes:
        why = None if self.check is None else self.check(value)
        if why is not None:
            raise self.refused(why)
        try:
            data = self.dump(value)
            if self.proof is not None:
                self.proof(data)
        except Exception as error:
            raise self.refused(error) from error
        return data

    def decode(self, data: bytes) -> Any:
        if self.load is None:
            return data
        try:
            return self.load(data)
        except Exception as error:
            raise self.unreadable(error) from error

    def refused(self, why: object) -> InvalidMessage:
        """For a value that may not go in."""
        return InvalidMessage(f"{self.what} takes {self.expects}: {_words(why)}")

    def unreadable(self, why: object) -> InvalidMessage:
        """For bytes that somebody else put in."""
        return InvalidMessage(f"{self.what} holds what isn't {self.expects}: {_words(why)}")


def codec_for(type_: Any, what: str, codec: str = "json") -> Codec:
    """The codec for values of `type_` (None or Any: whatever comes back equal) as `codec`, "json" or "raw".

    `what` is how messages name the object: "the queue 'jobs' at 'user'".
    """
    untyped = is_untyped(type_)
    if codec == "raw":
        if not untyped and type_ is not bytes:
            raise TypeError(f"{what} has codec='raw', whose items are bytes: leave type= out, or use JSON")
        return Codec(what, "bytes")
    import msgspec

    encoder = msgspec.json.Encoder()
    if untyped:
        from tocsin._plain import check, check_each

        found = Codec(what, "what comes back equal from JSON (anything else by type=)")
        found.check = check
        found.check_each = check_each
        found.dump_lines = encoder.encode_lines
        found.load = msgspec.json.Decoder().decode
    else:
        found = Codec(what, getattr(type_, "__qualname__", None) or repr(type_))
        try:
            found.load = found.proof = msgspec.json.Decoder(type_).decode
        except TypeError as error:
            raise TypeError(f"type={type_!r} of {what} is nothing that msgspec can read: {error}") from error
    found.dump = encoder.encode
    return found


def is_untyped(type_: Any) -> bool:
    """None, `object`, or ``typing.Any``, which is looked at only where somebody has imported it."""
    return type_ is None or type_ is object or type_ is getattr(sys.modules.get("typing"), "Any", None)


def codec_name(codec: str | None) -> str | None:
    """`codec=` as it was given; ValueError for what it can't be."""
    if codec is None or codec in ("json", "raw"):
        return codec
    raise ValueError(f"bad codec {codec!r}: give 'json' or 'raw', or leave it out to take it as it is")


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise TypeError(f"this is a {type(value).__name__}")


def _words(why: object) -> str:
    return str(why) or repr(why) if isinstance(why, str | Exception) else repr(why)
