"""What travels on a bus with a name, for the verbs: an emit as bytes, and as the JSON object that shells see.

They stand on the topic itself, not on `Bus`: who emits one event or prints each needs neither handlers nor threads.
"""

from __future__ import annotations

from tocsin._errors import InvalidMessage
from tocsin.cli import _json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin._topic import Topic


def open_topic(name: str, options: dict[str, Any], replay: int | None = None) -> Topic:
    from tocsin._topic import Topic

    return Topic(
        name,
        at=options["at"],
        mode=options["mode"],
        create=not options["no_create"],
        max_bytes=options.get("max_bytes"),
        replay=replay,
    )


def utf8(name: str) -> str:
    """The name of an event, which is any text. ValueError: the shell's bytes are none."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the name of an event is text, in UTF-8: {name!r} isn't") from None
    return name


def packed(name: str, args: list[Any], kwargs: dict[str, Any]) -> bytes:
    """As `Bus.emit` writes it. All of it came from JSON, so all of it goes."""
    return _json.write((name, args, kwargs))


def unpacked(payload: bytes, topic: Topic) -> dict[str, Any]:
    """InvalidMessage: whoever can write the bus can write anything."""
    wrong: object = "it is not a name, a list and an object"
    try:
        match _json.read(payload):
            case [str(name), list(args), dict(kwargs)]:
                return {"name": name, "args": args, "kwargs": kwargs}
    except (ValueError, RecursionError) as error:
        wrong = error
    raise InvalidMessage(f"{topic._title()} holds what is no emit, which is passed over: {wrong}")
