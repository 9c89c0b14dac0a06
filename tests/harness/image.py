"""Images of objects for the tests of damage: what stands where is core/parts/format.h and docs/design/format.md."""

from __future__ import annotations

import re
from pathlib import Path

from harness.places import fresh_place
from tocsin import Event

ROOT = Path(__file__).parents[2]
HEAD = 128
SIZE = 4096


def offsets() -> dict[str, int]:
    """Field -> offset, as the core asserts them at compile time."""
    source = (ROOT / "core/parts/format.h").read_text()
    return {name: int(at) for name, at in re.findall(r"offsetof\(struct toc_head, (\w+)\) == (\d+)", source)}


def bits() -> dict[str, int]:
    """Bit of the word -> its number, as word.h defines them; CLEAR1 is where the count begins."""
    source = (ROOT / "core/parts/word.h").read_text()
    return {name: int(number) for name, number in re.findall(r"#define TOC_(\w+)\s+\(1ull << (\d+)\)", source)}


def sound(*, was_set: bool = False, listened: bool = True) -> bytes:
    """The file of a sound event."""
    with fresh_place() as place, Event("x", at=place) as event:
        if listened:
            event.fileno()
        if was_set:
            event.set()
        return Path(event.path).read_bytes()


#: Uses the object in every way. Prints what it got; the one thing that must not come is a crash or a hang.
USE = """
import select, tocsin._place
turn = 0
def listens(place):
    # The first listener of a bell waits for 100 ms: only every sixteenth image without a bell gets one.
    global turn
    turn += 1
    with open(place + "/x", "rb") as file: head = file.read(65)
    return len(head) < 65 or head[64] & 64 or turn % 16 == 0
NAMED = (tocsin.TocsinError, PermissionError, FileNotFoundError)
def use(place):
    said = "sound"
    listen = listens(place)
    for create in (True, False):
        try:
            with Event("x", at=place, create=create) as e:
                e.is_set(), e.generation, e.stats(), repr(e)
                for call in (e.clear, e.set, e.clear, lambda: e.wait(0), lambda: e.wait(0.001),
                             lambda: e.wait_clear(0.001), lambda: listen and select.select([e], [], [], 0),
                             e.set, lambda: e.wait(0), lambda: e.wait(0, since=0)):
                    try: call()
                    except NAMED as error: said = type(error).__name__
        except NAMED as error:
            said = type(error).__name__
    try: tocsin._place.peek(place + "/x")
    except NAMED as error: said = type(error).__name__
    try: tocsin.unlink("x", at=place)
    except NAMED as error: said = type(error).__name__
    return said
"""
