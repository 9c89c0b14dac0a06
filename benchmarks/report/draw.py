"""Drawing, with matplotlib: SVG with real text, on a ground of its own that turns dark where the reader's is."""

from __future__ import annotations

import io
import re
import statistics
from itertools import cycle
from typing import TYPE_CHECKING, Any

from benchmarks.harness import figure
from benchmarks.report.tables import dates, machine, unit

if TYPE_CHECKING:
    from benchmarks.harness import Table
    from benchmarks.report.data import Measured
    from benchmarks.report.plots import Panel, Plot

OURS = "tocsin"
INK, FAINT, GROUND = "#1f2328", "#d0d7df", "#fdfdfe"
DARK = {INK: "#e6edf3", FAINT: "#3b434c", GROUND: "#14181d"}
RED, GREY = "#e5484d", "#8b949e"
COLOURS = ("#3b82f6", "#16a34a", "#d97706", "#9333ea", "#0d9488", "#db2777", "#84a010", "#0284c7", "#a16207", "#7c7ff2",
           "#65758b")
NARROW = 60  # times from end to end: then powers of ten are too few ticks
MARKERS = "osD^vPX<>ph"
SETTINGS = {
    "svg.fonttype": "none", "svg.hashsalt": "tocsin", "font.family": ["DejaVu Sans"], "font.size": 9,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT, "xtick.color": INK, "ytick.color": INK,
    "axes.facecolor": GROUND, "figure.facecolor": GROUND, "savefig.facecolor": GROUND, "grid.color": FAINT,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 10, "axes.titlelocation": "left",
}


def floor(name: str) -> bool:
    """What nobody gets below: the core or the kernel without Python, or without any object."""
    return "from C" in name or name.startswith(("a pipe", "an eventfd", "bare ", "add_reader", "epoll", "an empty"))


def colour(name: str) -> str:
    return RED if name.startswith(OURS) else GREY if floor(name) else COLOURS[0]


def quantile(values: list[float], share: float) -> float:
    """Of a sorted list."""
    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (at - low) * (values[high] - values[low])


def plain(value: float, _position: int = 0) -> str:
    """A tick as people write it, not as a power of ten."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def rows(axes: Any, spans: dict[str, tuple[float, float, float, float, float]], label: str) -> None:
    """A contestant a row, the quickest on top: lowest, lower quarter, median, upper quarter, highest."""
    order = sorted(spans, key=lambda name: spans[name][2], reverse=True)
    for row, name in enumerate(order):
        low, quarter, middle, upper, high = spans[name]
        paint = colour(name)
        axes.plot([low, high], [row, row], color=paint, linewidth=1.2, solid_capstyle="butt")
        axes.plot([quarter, upper], [row, row], color=paint, linewidth=5, alpha=0.45, solid_capstyle="butt")
        axes.plot([middle], [row], "o", color=paint, markersize=5)
        axes.annotate(figure(middle), (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axes.set_yticks(range(len(order)), order)
    for text in axes.get_yticklabels():
        text.set_fontweight("bold" if text.get_text().startswith(OURS) else "normal")
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.set_xscale("log")
    import matplotlib.ticker

    low, high = axes.get_xlim()
    axes.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5) if high / low < NARROW else (1,)))
    axes.xaxis.set_major_formatter(plain)
    axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    axes.set_xlabel(label)
    axes.grid(axis="x", linewidth=0.6)
    axes.tick_params(axis="y", length=0)


def strips(axes: Any, table: Table) -> None:
    spans = {}
    for name, samples in table.samples.items():
        values = sorted(samples)
        spans[name] = tuple(quantile(values, share) for share in (0.01, 0.25, 0.5, 0.75, 0.99))
    rows(axes, spans, f"{unit(table.unit)}, logarithmic; at the right the median")  # type: ignore[arg-type]


def dots(axes: Any, table: Table) -> None:
    spans = {}
    for name, values in table.values.items():
        middle = statistics.median(values)
        spans[name] = (min(values), middle, middle, middle, max(values))
    rows(axes, spans, f"{unit(table.unit)}, logarithmic; at the right the median")


def lines(axes: Any, tables: list[Table], *, rate: bool) -> None:
    names = list(dict.fromkeys(name for table in tables for name in table.values))
    paints = cycle(zip(COLOURS, MARKERS, strict=True))
    ends = []
    for name in names:
        there = [table for table in tables if name in table.values]
        spans = [sorted(1e6 / value if rate else value for value in table.values[name] if value or not rate)
                 for table in there]
        xs = [table.x for table in there]
        paint, marker = (colour(name), "o") if colour(name) != COLOURS[0] else next(paints)
        middles = [statistics.median(values) for values in spans]
        # Ours, and floors, differ by their strokes.
        alike = [one for one in names if paint in (RED, GREY) and colour(one) == paint]
        style = ("-", "--", ":", "-.")[alike.index(name) % 4] if alike else "-"
        axes.plot(xs, middles, style, color=paint, marker=marker, markersize=4,
                  linewidth=2.2 if paint == RED else 1.3, label=name)
        lowest, highest = [values[0] for values in spans], [values[-1] for values in spans]
        axes.fill_between(xs, lowest, highest, color=paint, alpha=0.06, linewidth=0)
        ends.append(middles[-1])
    first = tables[0]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(plain)
    axes.set_xticks([table.x for table in tables], [f"{table.x:,.0f}" for table in tables])
    axes.margins(y=0.08)
    axes.minorticks_off()
    axes.set_xlabel(f"{first.along}, logarithmic")
    axes.set_ylabel(f"{first.rate} a second, logarithmic" if rate else f"{unit(first.unit)}, logarithmic")
    axes.grid(linewidth=0.6)
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(ends)), key=lambda i: ends[i], reverse=True)  # as they lie at the right
    axes.legend([handles[i] for i in order], [labels[i] for i in order], loc="center left", bbox_to_anchor=(1.01, 0.5),
                frameon=False, fontsize=8)


def height(panel: Panel, tables: list[Table]) -> float:
    """Of a panel, in inches."""
    if panel.kind == "lines":
        return 4.2
    table = tables[0]
    return 0.75 + 0.21 * len(table.samples if panel.kind == "strips" else table.values)


def svg(plot: Plot, measured: Measured) -> str | None:
    """The file's text; None if none of it was measured."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    shown = [(panel, tables) for panel in plot.panels if (tables := panel.tables(measured))]
    if not shown:
        return None
    heights = [height(panel, tables) for panel, tables in shown]
    with mpl.rc_context(SETTINGS):
        total = sum(heights) + 0.5 * len(shown) + 0.9
        drawn, all_axes = plt.subplots(len(shown), 1, figsize=(9, total), squeeze=False, height_ratios=heights,
                                          layout="constrained")
        for (panel, tables), axes in zip(shown, all_axes[:, 0], strict=True):
            axes.set_title(panel.title)
            if panel.kind == "lines":
                lines(axes, tables, rate=panel.rate)
            else:
                (strips if panel.kind == "strips" else dots)(axes, tables[0])
        drawn.suptitle(plot.title, fontweight="bold", x=0.01, ha="left")
        quick = "; A QUICK RUN" if measured.run["effort"] == "quick" else ""
        ours = measured.run["versions"].partition(",")[0]
        beside = f"{plot.how}\n{machine(measured)}; {ours}; {dates(measured)}{quick}"
        drawn.supxlabel(beside, fontsize=7.5, x=0.01, ha="left")
        out = io.StringIO()
        drawn.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(drawn)
    return for_both_grounds(out.getvalue(), plot, plot.digest(measured))


def for_both_grounds(text: str, plot: Plot, digest: str) -> str:
    """The same picture, dark where the reader asks for that; with a title, and what it was drawn from."""
    swaps = "".join(f'[style*="fill: {light}"]{{fill:{dark} !important}}'
                    f'[style*="stroke: {light}"]{{stroke:{dark} !important}}' for light, dark in DARK.items())
    # Text without a colour of its own would stay black.
    swaps += f"text{{fill:{DARK[INK]}}}"
    style = f"<style>text{{fill:{INK}}}@media (prefers-color-scheme: dark){{{swaps}}}</style>"
    head = f"<title>{plot.title}</title>\n<!-- drawn from {digest} -->\n{style}\n"
    text = re.sub(r"<\?xml.*?(?=<svg)", "", text, flags=re.DOTALL)
    text = re.sub(r"(<svg[^>]*>)", rf"\1\n{head}", text, count=1)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
