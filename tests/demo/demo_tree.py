"""A small source tree with everything that has its own way through tar, SHA-256 or the parser."""

from __future__ import annotations

import os
from pathlib import Path

MODULE = """import os, sys
from pathlib import Path

class Thing:
    def method(self):
        async def inner():
            pass
        return lambda: inner

try:
    import tomllib
except ImportError:
    tomllib = None
else:
    def late(): ...

match os.name:
    case "posix":
        def matched(): ...
"""
MODULES = 30  # each: 4 functions, 1 class, 3 imports
SIZES = (0, 1, 55, 56, 63, 64, 65, 119, 120, 511, 512, 513)  # edges of SHA-256's padding and of tar's blocks
FILES = MODULES + len(SIZES) + 6


SLOW_BATCHES = 6


def make_slow(root: Path) -> Path:
    """Few batches that take some 100 ms each: so long that a worker is surely hit while it has one in hand."""
    root.mkdir()
    for i in range(SLOW_BATCHES * 4):
        (root / f"long{i:02}.py").write_text("def function(): return [1, 2, (3, 4)]\n" * 1000)
    return root


def make(root: Path) -> Path:
    for i in range(MODULES):
        package = root / f"package{i % 4}"
        package.mkdir(parents=True, exist_ok=True)
        (package / f"module{i}.py").write_text(MODULE + f"# {i}\n")
    for size in SIZES:
        (root / f"size{size}.py").write_bytes(b"#" * size)
    (root / "-x.py").write_text("x = 1\n")
    (root / "with space.py").write_text("x = 2\n")
    Path(os.fsdecode(os.fsencode(root) + b"/latin-\xe4.py")).write_text("x = 3\n")
    (root / ("long" * 40 + ".py")).write_text("x = 4\n")
    (root / "broken.py").write_text("def (:\n")
    (root / "binary.py").write_bytes(b"\0\xff")
    for skipped in ("__pycache__", "site-packages"):
        (root / skipped).mkdir()
        (root / skipped / "no.py").write_text("import no\n")
    (root / "link.py").symlink_to("broken.py")
    (root / "twice.py").hardlink_to(root / "with space.py")
    (root / "readme.txt").write_text("no\n")
    return root
