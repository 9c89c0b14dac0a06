"""All benches: python -m benchmarks [OBJECT...] [--quick] [--only CASE] [--data DIR]."""

from __future__ import annotations

import sys

from benchmarks.main import STEMS, main

if __name__ == "__main__":
    sys.exit(main(*STEMS))
