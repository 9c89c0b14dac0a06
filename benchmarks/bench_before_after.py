"""What three habits cost, before and after: python -m benchmarks.bench_before_after [--quick] [--data DIR].

Run it from the root of the repository, with tocsin installed (benchmarks/README.md).
"""

from __future__ import annotations

import sys

from benchmarks.main import main

if __name__ == "__main__":
    sys.exit(main("before_after"))
