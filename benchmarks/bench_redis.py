"""What the objects cost on a server, measured: python -m benchmarks.bench_redis [--quick] [--only CASE] [--data DIR].

Run it from the root of the repository, with tocsin installed and the peers beside it (benchmarks/README.md).
"""

from __future__ import annotations

import sys

from benchmarks.main import main

if __name__ == "__main__":
    sys.exit(main("redis"))
