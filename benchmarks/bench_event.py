"""The Event's acceptance figures, measured: python -m benchmarks.bench_event [--quick] [--only CASE] [--json FILE].

Run it from the root of the repository, with tocsin installed and the peers beside it (benchmarks/README.md). It
informs and gates nothing: the exit code is 0 whatever was found, and 1 only if something broke.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def arguments() -> argparse.Namespace:
    from benchmarks.cases import FILES

    parser = argparse.ArgumentParser(prog="bench_event", description="What tocsin.Event costs, beside its peers.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under a minute")
    parser.add_argument("--only", metavar="CASE", action="append", choices=list(FILES),
                        help=f"one of: {', '.join(FILES)} (may be repeated)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures there too")
    parser.add_argument("--peers", metavar="DIR", type=Path, default=ROOT / "build" / "peers",
                        help="where `pip install --target` put the peers (default: build/peers)")
    return parser.parse_args()


def find_peers(folder: Path) -> None:
    """Peers come last: what is installed beside tocsin wins."""
    if folder.is_dir():
        sys.path.append(str(folder))


def summary(tables: list[Any]) -> None:
    print("\n== the acceptance list")
    for table in tables:
        for verdict in table.verdicts:
            print(verdict.line())


def measure(options: argparse.Namespace) -> int:
    from benchmarks import cases
    from benchmarks.harness import environment
    from benchmarks.peers import tocsin_event
    from benchmarks.procs import place

    packages = ("tocsin", "SystemEvent", "posix_ipc", "bacpypes", "aiologic")
    env = environment(packages)
    for key, value in env.items():
        print(f"{key}: {value}")
    print("medians of interleaved rounds, lowest .. highest; ratios are formed inside each round", flush=True)
    tables = []
    broken = 0
    started = time.monotonic()
    effort = cases.Effort(quick=options.quick)
    with place() as here:
        os.environ[tocsin_event.PLACE] = here
        for case in options.only or cases.FILES:
            try:
                tables += list(cases.run(case, effort))
            except Exception:
                broken += 1
                print(f"\n== {case}: BROKEN")
                traceback.print_exc()
    summary(tables)
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"\n{time.monotonic() - started:.0f} s; load at the end: {load}" + (f"; {broken} broken" if broken else ""))
    if options.json:
        found = {"environment": env, "quick": options.quick, "tables": [table.as_json() for table in tables]}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 1 if broken else 0


def main() -> int:
    # A plain kill unwinds like Ctrl-C does: children are reaped and places removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = arguments()
    find_peers(options.peers)
    try:
        return measure(options)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
