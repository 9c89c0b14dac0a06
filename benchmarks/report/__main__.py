"""Tables, plots and README's ratios from what was measured: python -m benchmarks.report [--data DIR] [--into DIR].

Without --into the documents and README are written; with it a folder of its own, which is what a quick run gets.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.main import ROOT, find_peers
from benchmarks.report import pages
from benchmarks.report.data import DATA, read


def main() -> int:
    made = argparse.ArgumentParser(prog="benchmarks.report", description="Tables and plots from what was measured.")
    made.add_argument("--data", metavar="DIR", type=Path, default=DATA, help="what `python -m benchmarks --data` kept")
    made.add_argument("--into", metavar="DIR", type=Path, help="write there, and not into the documents and README")
    made.add_argument("--no-plots", action="store_true", help="tables only; matplotlib is not needed")
    made.add_argument("--peers", metavar="DIR", type=Path, default=ROOT / "build" / "peers", help="where matplotlib is")
    options = made.parse_args()
    found = read(options.data)
    if not found:
        made.error(f"there are no figures in {options.data}: `make bench` measures them")
    find_peers(options.peers)
    written = dict(pages.all_texts(found, into_docs=options.into is None))
    if not options.no_plots:
        written |= pages.all_plots(found)
    home = options.into or ROOT
    for name, text in written.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
