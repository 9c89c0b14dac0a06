"""The demo with its objects on a server, and nothing else changed: all of its kinds of process, and a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

    from harness.servers import RedisServer

MODULES = 32


def test_both_pipelines_equal_the_plain_computation(tmp_path: Path, server: RedisServer) -> None:
    tree, scratch = tmp_path / "tree", tmp_path / "scratch"
    tree.mkdir()
    scratch.mkdir()
    for number in range(MODULES):
        (tree / f"m{number}.py").write_text(f"import os\n\n\ndef f{number}(): return {number}\n")
    place = server.url()
    ended = subprocess.run(
        [sys.executable, "-m", "tocsin.demo", str(tree), "--json"],
        env={**os.environ, "TMPDIR": str(scratch), "TOCSIN_AT": place},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    said = json.loads(ended.stdout)
    for how in ("events", "polling"):
        assert said[how]["equal"] is True
        assert said[how]["digest"] == said["plain"]["digest"]
    assert said["events"]["all_wakes"]["wakes"] > 0
    assert said["queue"]["items"] == MODULES // 4
    assert list(scratch.iterdir()) == []
    prefix = place.partition("prefix=")[2]
    assert server.ask("KEYS", f"{prefix}:demo-*}}") == [], "no object of its stays behind"
