"""The figures as Markdown: what was promised and found, and every table; both with what they were measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.harness import Spread, figure

if TYPE_CHECKING:
    from benchmarks.harness import Table
    from benchmarks.report.data import Measured

EFFORTS = {
    "full": "",
    "long": " With what takes minutes.",
    "quick": " **A quick run of three rounds: for a look, not to quote.**",
}


def unit(text: str) -> str:
    return text.replace("us", "µs") if text == "us" else text


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def spread(found: Spread) -> str:
    """A median with its spread; one figure alone where there was one round."""
    if found.rounds == 1:
        return figure(found.median)
    return f"{figure(found.median)} ({figure(found.low)} .. {figure(found.high)})"


def machine(measured: Measured) -> str:
    """What the figures depend on, in a line."""
    run = measured.run
    return f"{run['cpu']}, Linux {run['kernel']}, {run['python']}"


def dates(measured: Measured) -> str:
    days = sorted({case["date"] for case in measured.cases.values()})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def loads(measured: Measured) -> str:
    """The load average of the last minute, from the quietest to the busiest case."""
    first = sorted(float(case["load"].split()[0]) for case in measured.cases.values())
    return f"{first[0]:.1f}" if len(first) == 1 else f"{first[0]:.1f} to {first[-1]:.1f}"


def provenance(measured: Measured, up: str) -> str:
    return (
        f"{machine(measured)}; {measured.run['versions']}. {dates(measured)}; load before each case: {loads(measured)}."
        f"{EFFORTS[measured.run['effort']]} Medians of interleaved rounds, lowest .. highest in brackets; a ratio is"
        f" formed inside each round. [How it is measured]({up}benchmarks/README.md)."
    )


def claims(measured: Measured) -> list[str]:
    """The acceptance list, or nothing where nothing was promised."""
    rows = []
    for table in measured.tables():
        for one in table.verdicts:
            if one.found is None or one.met is None:
                rows.append(f"| {cell(one.claim)} | {cell(one.target)} | {cell(one.why)} | not measured |")
            else:
                found = spread(one.found)
                met = "met" if one.met else "**not met**"
                rows.append(f"| {cell(one.claim)} | {cell(one.target)} | {found} | {met} |")
    return ["| claim | target | found | |", "|---|---|---|---|", *rows, ""] if rows else []


def of_one_size(table: Table) -> list[str]:
    """A contestant a line; the cost in units of the first one, round by round."""
    names = list(table.values)
    rate = bool(table.rate)
    lines = [f"**{cell(table.case)}**: {cell(table.title)}", ""]
    head = ["", unit(table.unit) or "share", *([f"{table.rate} a second"] if rate else []), f"of {cell(names[0])}"]
    lines += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for name in names:
        found, ratio = table.spread(name), table.ratio(name, names[0])
        row = [cell(name), spread(found)]
        row += [figure(1e6 / found.median) if found.median else ""] if rate else []
        row += [spread(ratio) if ratio and name != names[0] else ""]
        lines.append(f"| {' | '.join(row)} |")
    lines += [f"| {cell(name)} | {cell(why)} |{' |' * (len(head) - 2)}" for name, why in table.absent.items()]
    return [*lines, ""]


def of_all_sizes(tables: list[Table]) -> list[str]:
    """A contestant a line, a size a column."""
    first = tables[0]
    names = list(dict.fromkeys(name for table in tables for name in table.values))
    lines = [f"**{cell(first.case)}**, {unit(first.unit)}, over the number of {first.along}", ""]
    lines += [f"| | {' | '.join(f'{table.x:,.0f}' for table in tables)} |", f"|{'---|' * (len(tables) + 1)}"]
    for name in names:
        row = [spread(table.spread(name)) if name in table.values else "" for table in tables]
        lines.append(f"| {cell(name)} | {' | '.join(row)} |")
    absent = {name: why for table in tables for name, why in table.absent.items()}
    lines += [f"| {cell(name)} | {cell(why)} |{' |' * (len(tables) - 1)}" for name, why in absent.items()
              if name not in names]
    return [*lines, ""]


def page(measured: Measured) -> str:
    """Every table of one object."""
    lines = [f"# All figures: {measured.stem}", "",
             "Written by `python -m benchmarks.report` from what `make bench` measured.", "",
             provenance(measured, "../../../"), ""]
    for case in measured.cases:
        sizes = measured.sweep(case)
        if len(sizes) > 1:
            lines += of_all_sizes(sizes)
        for table in measured.tables(case):
            if table.values and (len(sizes) < 2 or not table.along):
                lines += of_one_size(table)
    return "\n".join(lines).rstrip() + "\n"
