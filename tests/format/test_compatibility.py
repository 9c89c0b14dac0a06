"""Objects that other builds left behind: those of this format are what they were, all others are refused untouched."""

from __future__ import annotations

import base64
import gzip
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.image import offsets
from images.make import IMAGES, present_format
from images.states import KINDS

import tocsin

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent / "images"
PRESENT = HERE / f"format-{present_format()}"
OTHERS = sorted(path for home in HERE.glob("format-*") if home != PRESENT for path in home.glob("*.json"))
HOST_OF_THE_IMAGES = sys.byteorder == "little" and struct.calcsize("P") == 8

pytestmark = pytest.mark.skipif(not HOST_OF_THE_IMAGES, reason="the images are of a little-endian host of 64 bits")


def lay_out(image: dict[str, Any], place: str) -> None:
    for name, packed in image["files"].items():
        if packed is None:
            os.mkfifo(f"{place}/{name}", 0o600)
        else:
            path = Path(place, name)
            path.write_bytes(gzip.decompress(base64.b64decode(packed)))
            path.chmod(0o644 if name == ".tocsin.owners" else 0o600)


def bytes_in(place: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(place).iterdir() if path.is_file()}


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_there_is_an_image_of_every_kind_and_it_is_of_this_format() -> None:
    assert {path.stem for path in PRESENT.glob("*.json")} == set(IMAGES), "a new format needs its images: make.py"
    assert {name.partition("-")[0] for name in IMAGES} == set(KINDS)
    header = offsets()["layout"]
    for path in PRESENT.glob("*.json"):
        (packed,) = [found for name, found in load(path)["files"].items() if name == "x"]
        assert gzip.decompress(base64.b64decode(packed))[header + 3] == present_format()


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_in_the_state_that_it_was_left_in(name: str, place: str) -> None:
    image = load(PRESENT / f"{name}.json")
    lay_out(image, place)
    assert KINDS[name.partition("-")[0]].read(place) == image["state"]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_sound_and_goes_on_working(name: str, place: str) -> None:
    lay_out(load(PRESENT / f"{name}.json"), place)
    KINDS[name.partition("-")[0]].use(place)
    done = subprocess.run(
        [Path(sys.executable).with_name("tocsin"), "check", "--at", place], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


OPENS = {
    "event": tocsin.Event, "signal": tocsin.Signal, "data": tocsin.DataEvent, "queue": tocsin.Queue,
    "lock": tocsin.Lock, "bus": lambda name, at: tocsin.Bus(name, at=at).emit("job.done"),
}  # fmt: skip


def refused(open_it: Callable[..., object], place: str) -> None:
    before = bytes_in(place)
    with pytest.raises(tocsin.FormatMismatch, match="made by another version of tocsin"):
        open_it("x", at=place + "/")
    assert bytes_in(place) == before


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_an_image_of_another_format_is_refused_and_left_alone(path: Path, place: str) -> None:
    lay_out(load(path), place)
    refused(OPENS[path.stem.partition("-")[0]], place)


@pytest.mark.parametrize("kind", OPENS)
@pytest.mark.parametrize("format_", [1, present_format() + 1], ids=["before", "after"])
def test_every_kind_refuses_the_format_before_and_the_one_to_come(kind: str, format_: int, place: str) -> None:
    """As such a build would write it: the layout says another number, and the sum over the header is right."""
    name = next(name for name in IMAGES if name.partition("-")[0] == kind)
    lay_out(load(PRESENT / f"{name}.json"), place)
    path, at = Path(place, "x"), offsets()
    file = bytearray(path.read_bytes())
    file[at["layout"] + 3] = format_
    file[at["check"] : at["check"] + 4] = fnv(file[: at["check"]]).to_bytes(4, "little")
    path.write_bytes(file)
    refused(OPENS[kind], place)


def fnv(data: bytes) -> int:
    total = 2166136261
    for byte in data:
        total = ((total ^ byte) * 16777619) & 0xFFFFFFFF
    return total


def test_the_sum_is_the_one_that_the_core_writes() -> None:
    at = offsets()["check"]
    image = load(PRESENT / "event-set.json")["files"]["x"]
    file = gzip.decompress(base64.b64decode(image))
    assert fnv(file[:at]) == int.from_bytes(file[at : at + 4], "little")
