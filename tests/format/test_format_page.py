"""docs/design/format.md and core/parts/format.h say the same about every byte."""

from __future__ import annotations

import re

from harness.image import HEAD, ROOT, bits, offsets, sound

PAGE = ROOT / "docs/design/format.md"
SIZES = {"uint64_t": 8, "uint32_t": 4}


def page_rows() -> dict[str, tuple[int, int]]:
    """Field -> (offset, size) of the schematic: lines like `|  16 |  8 | id | ...`."""
    rows = re.findall(r"^\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*(\w+)\s*\|", PAGE.read_text(), re.MULTILINE)
    return {name: (int(at), int(size)) for at, size, name in rows}


def struct_fields() -> dict[str, int]:
    """Field -> size, as declared."""
    source = (ROOT / "core/parts/format.h").read_text()
    body = source[source.index("struct toc_head {") : source.index("};")]
    found = re.findall(r"^\s*(uint\d+_t) (\w+)(?:\[(\d+)\])?;", body, re.MULTILINE)
    return {name: SIZES[kind] * int(count or 1) for kind, name, count in found}


def test_the_page_lists_every_field_with_its_size() -> None:
    assert {name: size for name, (_, size) in page_rows().items()} == struct_fields()


def test_the_page_has_the_offsets_that_the_compiler_asserts() -> None:
    rows = page_rows()
    asserted = offsets()
    assert {name: rows[name][0] for name in asserted} == asserted
    assert set(rows) - set(asserted) <= {"spare2"}, "every field but the tail is asserted in format.h"


def test_the_page_has_the_offsets_of_who_owns() -> None:
    rows = re.findall(r"^\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*who\.(\w+)\s*\|", PAGE.read_text(), re.MULTILINE)
    source = (ROOT / "core/parts/format.h").read_text()
    asserted = dict(re.findall(r"offsetof\(struct toc_who, (\w+)\) == (\d+)", source))
    at = HEAD
    for offset, size, name in rows:
        assert int(offset) == at
        assert at - HEAD == int(asserted.get(name, 0))
        at += int(size)
    assert f"sizeof(struct toc_who) == {at - HEAD}" in source


def test_the_fields_fill_the_header_without_a_gap() -> None:
    end = 0
    for at, size in page_rows().values():
        assert at == end
        end = at + size
    assert end == HEAD


def test_a_file_agrees_with_the_page() -> None:
    image = sound(was_set=True)
    at = {name: offset for name, (offset, _) in page_rows().items()}
    assert image[at["magic"] : at["magic"] + 8] == b"TOCSIN\0\1"[::1][:6] + image[6:8]
    assert image[:6] == b"TOCSIN"
    assert int.from_bytes(image[at["kind"] : at["kind"] + 4], "little") == 1
    assert int.from_bytes(image[at["mode"] : at["mode"] + 4], "little") == 0o600
    assert int.from_bytes(image[at["word"] : at["word"] + 8], "little") & 1
    assert image[at["spare"] : at["spare"] + 8] == bytes(8)
    assert image[at["spare2"] :] == bytes(len(image) - at["spare2"])


def test_the_page_names_every_bit_of_the_word_at_its_place() -> None:
    text = PAGE.read_text()
    rows = {name: int(number) for number, name in re.findall(r"^\|\s*(\d+)\s*\|\s*([A-Z]+)\s*\|", text, re.MULTILINE)}
    count = bits()["CLEAR1"]
    assert rows == {name: number for name, number in bits().items() if name != "CLEAR1"}
    assert f"Bits {count} to 63 count the clears" in text
