"""Every bit of the header flipped: open gives a named error, or the event works; never a crash, never a hang."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.image import HEAD, USE, offsets, sound
from harness.places import fresh_place

if TYPE_CHECKING:
    from collections.abc import Callable

#: Reads "INDEX BIT" lines, damages the image there, uses it, and says what came of it.
DAMAGE = (
    USE
    + """
place, image = sys.argv[1], bytes.fromhex(sys.argv[2])
while line := hear():
    bit = int(line)
    bad = bytearray(image)
    bad[bit // 8] ^= 1 << bit % 8
    with open(place + "/x", "wb") as file: file.write(bad)
    said = use(place)
    for left in os.listdir(place): os.unlink(place + "/" + left)
    say(said)
"""
)

#: What a flip in a field must lead to. The shared fields take any value.
WRITTEN_ONCE = {
    "magic": {"ObjectDamaged"},
    "layout": {"FormatMismatch"},
    "kind": {"ObjectDamaged"},
    "id": {"ObjectDamaged"},
    "created_ns": {"ObjectDamaged"},
    "mode": {"ObjectDamaged"},
    "check": {"ObjectDamaged"},
}


def field_of(byte: int) -> str:
    return max((at, name) for name, at in offsets().items() if at <= byte)[1]


@pytest.mark.parametrize("was_set", [False, True], ids=["clear", "set"])
@pytest.mark.parametrize("listened", [False, True], ids=["", "bell"])
def test_every_bit_of_the_header(was_set: bool, listened: bool, tally: Callable[[str], None]) -> None:  # noqa: FBT001 - a parameter of the test
    image = sound(was_set=was_set, listened=listened)
    seen: Counter[str] = Counter()
    with fresh_place() as place, Child(DAMAGE, place, image.hex()) as child:
        for bit in range(HEAD * 8):
            child.say(str(bit))
            said = child.hear()
            field = field_of(bit // 8)
            assert said in WRITTEN_ONCE.get(field, {"sound", "ObjectRemoved", "FileNotFoundError"}), (field, bit)
            seen[said] += 1
    assert seen["ObjectDamaged"] + seen["FormatMismatch"] == 40 * 8
    tally(f"{HEAD * 8} flipped bits: {dict(seen)}")


def test_every_flip_under_an_open_handle(tally: Callable[[str], None]) -> None:
    """A vandal with write permission changes the shared page while it is in use: errors, no crash, no hang."""
    script = (
        USE
        + """
import mmap
place, image = sys.argv[1], bytes.fromhex(sys.argv[2])
for bit in range(128 * 8):
    with open(place + "/x", "wb") as file: file.write(image)
    with Event("x", at=place) as e:
        e.fileno()
        with open(e.path, "r+b") as file, mmap.mmap(file.fileno(), 4096) as page:
            page[bit // 8] ^= 1 << bit % 8
        for call in (e.is_set, e.set, e.clear, lambda: e.wait(0.0001), lambda: e.wait_clear(0.0001), e.stats,
                     lambda: select.select([e], [], [], 0), e.unlink):
            try: call()
            except NAMED: pass
    for left in os.listdir(place): os.unlink(place + "/" + left)
say("done")
"""
    )
    with fresh_place() as place, Child(script, place, sound().hex()) as child:
        assert child.check() == "done\n"
    tally(f"{HEAD * 8} bits flipped under an open handle")
