"""Does an installed tocsin work at all? Needs nothing but the installation; cibuildwheel runs it for each wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile

import tocsin
from tocsin import Event, Queue, config

SCRIPTS = sysconfig.get_path("scripts")


def call(*words: str) -> int:
    command = [os.path.join(SCRIPTS, words[0]), *words[1:]]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode


def main() -> int:
    with tempfile.TemporaryDirectory() as at:
        os.environ["TOCSIN_AT"] = at
        with Event("ready") as ready, Queue("jobs") as jobs:
            assert call("evt_set", "ready") == 0
            assert ready.wait(60)
            assert call("evt_clear", "ready") == 0
            assert call("evt_wait", "ready", "0") == 1
            assert call("tocsin", "put", "jobs", "7") == 0
            assert jobs.get(timeout=60) == 7
            jobs.task_done()
        assert call("tocsin", "ls") == 0
    for asked in (config.includedir, config.libdir, config.pkgconfigdir):
        assert os.path.isdir(asked())
    print(f"tocsin {tocsin.__version__} works on {sys.implementation.name} {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
