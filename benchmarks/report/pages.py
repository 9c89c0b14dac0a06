"""Where it all goes: between two markers of README and of each page in docs/benchmarks, and into files of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.main import ROOT
from benchmarks.report import readme, tables
from benchmarks.report.plots import PLOTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.report.data import Measured

BEGIN, END = "<!-- measured: written by `python -m benchmarks.report` -->", "<!-- measured: end -->"
DOCS = "docs/benchmarks"
PAGES = {"tocsin_run": "run"}  # else a page is named as its object
WITHOUT = ("before_after",)  # its page tells more than figures


def between(text: str, block: str, name: str) -> str:
    """The text with this block between its markers."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        message = f"{name}: the markers {BEGIN} and {END} must be there once"
        raise ValueError(message)
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{block}\n{END}{rest.partition(END)[2]}"


def block(measured: Measured) -> str:
    """What a page shows: the plots, what was promised, and on what it was measured."""
    lines = []
    for plot in PLOTS:
        if plot.stem == measured.stem and any(panel.tables(measured) for panel in plot.panels):
            lines += [f"![{plot.title}; {plot.how}](plots/{plot.file}.svg)", ""]
    lines += tables.claims(measured)
    everything = f"[All figures](figures/{measured.stem}.md), and [as data](data/{measured.stem}.json)."
    lines += [tables.provenance(measured, "../../"), "", everything]
    return "\n".join(lines)


def all_texts(found: Mapping[str, Measured], *, into_docs: bool) -> dict[str, str]:
    """Every text that is written, by its path from the root."""
    written = {f"{DOCS}/figures/{stem}.md": tables.page(measured) for stem, measured in found.items()}
    if not into_docs:
        return written | {"README-block.md": readme.block(found) + "\n"}
    blocks = {f"{DOCS}/{PAGES.get(stem, stem)}.md": block(measured) for stem, measured in found.items()
              if stem not in WITHOUT}
    for name, inner in {**blocks, "README.md": readme.block(found)}.items():
        written[name] = between((ROOT / name).read_text(encoding="utf-8"), inner, name)
    return written


def all_plots(found: Mapping[str, Measured]) -> dict[str, str]:
    """Every plot, by its path from the root."""
    from benchmarks.report.draw import svg

    drawn = {}
    for plot in PLOTS:
        if plot.stem in found and (text := svg(plot, found[plot.stem])) is not None:
            drawn[f"{DOCS}/plots/{plot.file}.svg"] = text
    return drawn
