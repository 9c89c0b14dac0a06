"""The command line that all benches share. They inform and gate nothing: the exit code is 0 whatever was found,
and 1 only if something broke.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import Table

ROOT = Path(__file__).resolve().parent.parent
STEMS = ("event", "queue", "data_event", "signal", "bus", "watchpoint", "tocsin_run", "lock", "wait",
         "before_after", "startup", "redis")


def parser(stems: Sequence[str]) -> argparse.ArgumentParser:
    from benchmarks.cases import cases_of, folder

    one = len(stems) == 1
    about = folder(stems[0]).ABOUT if one else "What tocsin's objects cost, beside their peers."
    made = argparse.ArgumentParser(prog=f"bench_{stems[0]}" if one else "benchmarks", description=about)
    if not one:
        made.add_argument("objects", metavar="OBJECT", nargs="*", help=f"some of: {', '.join(stems)} (default: all)")
    cases = sorted({case for stem in stems for case in cases_of(stem)})
    made.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    made.add_argument("--long", action="store_true", help="also what takes minutes")
    made.add_argument("--only", metavar="CASE", action="append", choices=cases,
                      help=f"one of: {', '.join(cases)} (may be repeated)")
    made.add_argument("--data", metavar="DIR", type=Path,
                      help="keep all figures there, a file per object, for `python -m benchmarks.report`")
    made.add_argument("--peers", metavar="DIR", type=Path, default=ROOT / "build" / "peers",
                      help="where `python -m benchmarks.install` put the peers (default: build/peers)")
    return made


def arguments(stems: Sequence[str]) -> argparse.Namespace:
    made = parser(stems)
    options = made.parse_args()
    options.data = options.data and options.data.resolve()  # a peer may change the directory
    options.objects = getattr(options, "objects", None) or list(stems)
    if unknown := [stem for stem in options.objects if stem not in stems]:
        made.error(f"no such object: {', '.join(unknown)}")
    return options


def find_peers(folder: Path) -> None:
    """Peers come last: what is installed beside tocsin wins."""
    if folder.is_dir():
        sys.path.append(str(folder))


def summary(tables: list[Any]) -> None:
    print("\n== the acceptance list")
    for table in tables:
        for verdict in table.verdicts:
            print(verdict.line())


def chosen(options: argparse.Namespace) -> list[tuple[str, str]]:
    from benchmarks.cases import cases_of

    all_of = [(stem, case) for stem in options.objects for case in cases_of(stem)]
    return [(stem, case) for stem, case in all_of if not options.only or case in options.only]


def measure(options: argparse.Namespace) -> int:
    from benchmarks import cases
    from benchmarks.harness import environment
    from benchmarks.peers import PLACE
    from benchmarks.procs import place

    packages = [name for stem in options.objects for name in cases.folder(stem).PACKAGES]
    env = environment(dict.fromkeys(("tocsin", *packages)))
    for key, value in env.items():
        print(f"{key}: {value}")
    print(f"interpreter: {sys.executable}\nload: {load()}")
    print("medians of interleaved rounds, lowest .. highest; ratios are formed inside each round", flush=True)
    tables: list[Table] = []
    broken = 0
    started = time.monotonic()
    effort = cases.Effort(quick=options.quick, long=options.long)
    wanted = chosen(options)
    with place() as here:
        os.environ[PLACE] = here
        for number, (stem, case) in enumerate(wanted, 1):
            began, busy, first = time.monotonic(), load(), len(tables)
            print(f"\n[{number}/{len(wanted)}, after {began - started:.0f} s] {stem}, {case} ...", flush=True)
            try:
                for table in cases.run(stem, case, effort):
                    tables.append(table)  # noqa: PERF402 -- what a case found before it broke counts
            except Exception:
                broken += 1
                print(f"\n== {stem}, {case}: BROKEN")
                traceback.print_exc()
            else:
                keep(options, stem, case, {
                    "date": time.strftime("%Y-%m-%d", time.gmtime()), "load": busy,
                    "seconds": time.monotonic() - began, "tables": [table.as_json() for table in tables[first:]],
                })
            print(f"  ({stem}, {case}: {time.monotonic() - began:.0f} s)", flush=True)
    summary(tables)
    print(f"\n{time.monotonic() - started:.0f} s; load at the end: {load()}" + (f"; {broken} broken" if broken else ""))
    return 1 if broken else 0


def load() -> str:
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def keep(options: argparse.Namespace, stem: str, case: str, found: dict[str, Any]) -> None:
    """As soon as a case is over: a run that is cut short has what it had."""
    from benchmarks.cases import folder
    from benchmarks.harness import environment
    from benchmarks.report import data

    if options.data:
        effort = "quick" if options.quick else "long" if options.long else "full"
        versions = environment(dict.fromkeys(("tocsin", *folder(stem).PACKAGES)))
        data.write(options.data, stem, {**versions, "effort": effort}, {case: found})


def main(*stems: str) -> int:
    # A plain kill unwinds like Ctrl-C does: children are reaped and places removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = arguments(stems)
    find_peers(options.peers)
    try:
        return measure(options)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 128 + signal.SIGINT
