"""What there is to do: the source files below a directory, and how they fall into batches."""

from __future__ import annotations

import os
import stat
from pathlib import Path

BATCHES = 256
SKIPPED = frozenset({"__pycache__", "site-packages", "dist-packages"})


def sources(root: Path) -> list[tuple[str, int]]:
    """Every Python source file below `root`, sorted, each as ("./package/module.py", size).

    Left out: symbolic links, what we may not read, the second and later names of one file (tar keeps those
    as links), and names with a newline or a backslash (a list of files for tar can't hold them plainly).
    """
    found: list[tuple[str, int]] = []
    seen: set[tuple[int, int]] = set()
    for folder, below, names in os.walk(root):
        below[:] = sorted(set(below) - SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            shown = f"./{path.relative_to(root)}"
            if not name.endswith(".py") or "\n" in shown or "\\" in shown:
                continue
            about = path.lstat()
            if stat.S_ISREG(about.st_mode) and os.access(path, os.R_OK) and (about.st_dev, about.st_ino) not in seen:
                seen.add((about.st_dev, about.st_ino))
                found.append((shown, about.st_size))
    return sorted(found)


def batches(files: list[tuple[str, int]], most: int = BATCHES) -> list[list[str]]:
    """Cut `files` into at most `most` runs of about the same number of bytes, of four files or so at least."""
    wanted = max(1, min(most, len(files) // 4))
    total = sum(size + 1 for _, size in files)
    cut: list[list[str]] = [[]]
    passed = 0
    for name, size in files:
        if cut[-1] and passed >= total * len(cut) // wanted:
            cut.append([])
        cut[-1].append(name)
        passed += size + 1
    return cut
