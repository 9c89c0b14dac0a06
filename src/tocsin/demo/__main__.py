"""python -m tocsin.demo [DIR] [--quick] [--json]."""

from __future__ import annotations

import argparse
import sys

from tocsin.demo import main

parser: argparse.ArgumentParser = argparse.ArgumentParser(
    prog="python -m tocsin.demo", description="A pipeline with events, then with polling."
)
parser.add_argument("directory", nargs="?", metavar="DIR", help="a source tree (default: the standard library's)")
parser.add_argument("--quick", action="store_true", help="some 200 files of it")
parser.add_argument("--json", action="store_true", help="one JSON object")
options: argparse.Namespace = parser.parse_args()
sys.exit(main(options.directory, quick=options.quick, json=options.json))
