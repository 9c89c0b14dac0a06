"""Files that are no sound event: cut short, too long, of another version or kind, random."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.image import HEAD, SIZE, USE, bits, offsets, sound
from harness.places import fresh_place
from harness.prove import cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin import Event, FormatMismatch, ObjectDamaged, WrongKind, _core

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = cases(300, 20_000)


def checksum(head: bytes) -> int:
    """FNV-1a of what is written once, as format.h has it."""
    found = 2166136261
    for byte in head[: offsets()["check"]]:
        found = (found ^ byte) * 16777619 & 0xFFFFFFFF
    return found


def patched(image: bytes, **fields: int) -> bytes:
    """The image with other values in its fields, and a check that is right for them."""
    bad = bytearray(image)
    for name, value in fields.items():
        struct.pack_into("I" if name in ("layout", "kind", "mode", "check") else "Q", bad, offsets()[name], value)
    if "check" not in fields:
        struct.pack_into("I", bad, offsets()["check"], checksum(bad))
    return bytes(bad)


def write(place: str, image: bytes) -> str:
    path = Path(place, "x")
    path.write_bytes(image)
    return str(path)


def test_the_check_is_what_the_format_says(place: str) -> None:
    image = sound()
    assert patched(image) == image
    write(place, image)
    Event("x", at=place, create=False).set()


@pytest.mark.parametrize("length", [0, 1, 8, 39, 40, 63, 64, 65, 127, 128, 129, 4095])
def test_a_file_that_was_cut_short(place: str, length: int) -> None:
    write(place, sound()[:length])
    for create in (True, False):
        with pytest.raises(ObjectDamaged, match=r"'x' at .* is damaged"):
            Event("x", at=place, create=create)
    assert os.path.getsize(f"{place}/x") == length


def test_a_longer_file_is_no_worse(place: str) -> None:
    write(place, sound() + bytes(10_000))
    with Event("x", at=place) as event:
        event.set()


def test_another_layout_is_a_format_mismatch_and_not_damage(place: str) -> None:
    layout = struct.unpack_from("I", sound(), offsets()["layout"])[0]
    for other in (0, layout + (1 << 24), layout + (16 << 12), layout ^ 12):
        write(place, patched(sound(), layout=other))
        with pytest.raises(FormatMismatch, match="another version of tocsin"):
            Event("x", at=place)


@pytest.mark.parametrize("kind", [0, 2, 3, 2**32 - 1])
def test_another_kind_is_the_wrong_kind(place: str, kind: int) -> None:
    path = write(place, patched(sound(), kind=kind))
    for create in (True, False):
        with pytest.raises(WrongKind, match="another kind"):
            Event("x", at=place, create=create)
    assert _core.peek(path.encode())["kind"] == kind


@pytest.mark.parametrize("mode", [0o1000, 0o10600, 2**31])
def test_a_mode_out_of_range_is_damage(place: str, mode: int) -> None:
    write(place, patched(sound(), mode=mode))
    with pytest.raises(ObjectDamaged):
        Event("x", at=place)


def test_a_count_at_its_end_wraps_and_does_not_crash(place: str) -> None:
    first = 1 << bits()["CLEAR1"]
    write(place, patched(sound(), word=2**64 - first))
    with Event("x", at=place) as event:
        event.fileno()
        assert event.generation == 2**64 // first - 1
        event.set()
        event.clear()
        assert not event.is_set()
        assert event.generation == 0


@pytest.mark.parametrize("made", [1, 2**62, 2**63, 2**64 - 1])
def test_a_bell_that_was_made_at_any_time(place: str, made: int) -> None:
    """Another boot's clock, a vandal's number: fileno waits for 100 ms at most."""
    write(place, patched(sound(), bell_made_ns=made, word=1 << 6 | 2))
    with Event("x", at=place) as event:
        event.fileno()
        event.set()
        assert event.wait(0)


def test_another_users_file_with_our_header() -> None:
    if os.geteuid() != 0:
        return  # giving files away is root's
    with fresh_place(0o755) as place:
        path = write(place, sound())
        os.chown(path, 54321, 54321)
        with pytest.raises(PermissionError, match="crash root"):
            Event("x", at=place)


RUN = (
    USE
    + """
place = sys.argv[1]
while True:
    hear()
    said = use(place)
    for left in os.listdir(place): os.unlink(place + "/" + left)
    say(said)
"""
)


@pytest.mark.prove
@pytest.mark.timeout(1800)
def test_random_files(tally: Callable[[str], None]) -> None:
    """Garbage, and sound heads with garbage in the fields that are shared or that carry a right check."""
    image = sound()
    with fresh_place() as place, Child(RUN, place) as child:

        def try_out(raw: bytes) -> str:
            write(place, raw)
            child.say()
            return child.hear()

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(st.binary(max_size=SIZE + 10))
        def garbage(raw: bytes) -> None:
            assert try_out(raw) in ("ObjectDamaged", "FormatMismatch")

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(st.binary(min_size=HEAD - 40, max_size=SIZE - 40))
        def shared_garbage(raw: bytes) -> None:
            said = try_out((image[:40] + raw).ljust(SIZE, b"\0"))
            assert said in ("sound", "ObjectRemoved", "FileNotFoundError")

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(*[st.integers(0, 2**size - 1) for size in (32, 32, 64, 64)])
        def right_check(kind: int, mode: int, number: int, word: int) -> None:
            try_out(patched(image, kind=kind % 3, mode=mode % 1024, id=number, word=word))

        garbage()
        shared_garbage()
        right_check()
    tally(f"{3 * EXAMPLES} random images")
