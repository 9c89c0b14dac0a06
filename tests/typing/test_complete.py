"""Every public name has a type that every checker sees alike: pyright's own count of it is 100 %."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(300)
def test_type_completeness_is_100_percent(tmp_path: Path) -> None:
    pytest.importorskip("pyright", reason="pyright isn't installed: pip install '.[test]'")
    # --verifytypes takes its Python from PATH alone.
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    # --ignoreexternal: what rich's own classes lack isn't ours; of ours, none may be vague.
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--verifytypes", "tocsin", "--ignoreexternal", "--outputjson"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    found = json.loads(done.stdout)["typeCompleteness"]
    assert found["pyTypedPath"], done.stdout
    named = {symbol["name"] for symbol in found["symbols"] if symbol["isExported"]}
    assert {"tocsin.Event", "tocsin.Queue", "tocsin.config.libs", "tocsin.compat.system_event.SystemEvent"} <= named
    vague = {
        symbol["name"]: [said["message"] for said in symbol["diagnostics"]]
        for symbol in found["symbols"]
        if symbol["isTypeAmbiguous"] or not symbol["isTypeKnown"]
    }
    assert vague == {}
    assert found["completenessScore"] == 1
    assert done.returncode == 0, done.stderr
