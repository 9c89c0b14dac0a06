"""`make notes VERSION=1.2.3`: gather changes/ at the head of CHANGELOG.md; without a version, show what it would be."""

from __future__ import annotations

import sys

from run import WORK, Environment, run


def main(version: list[str]) -> int:
    tools = Environment(WORK / "notes")
    tools.install("tools-requirements")
    what = ["--yes", "--version", version[0]] if version else ["--draft", "--version", "(not released)"]
    run(tools.bin / "towncrier", "build", *what, quiet=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
