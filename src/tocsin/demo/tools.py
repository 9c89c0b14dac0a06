"""The programs that the demo runs, found before anything starts."""

from __future__ import annotations

import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tocsin.demo.child import Failed


@dataclass(frozen=True)
class Tools:
    archive: str
    hash: str
    path: str
    """The PATH for the stages: with evt_wait and evt_set also where no virtual environment is activated."""

    @classmethod
    def find(cls) -> Tools:
        here = Path(__file__).parent
        path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
        for name in ("evt_wait", "evt_set", "tar", "sh"):
            found = shutil.which(name, path=path)
            if found is None:
                raise Failed(f"no {name} in {path}")
            if name.startswith("evt_") and not Path(found).read_bytes().startswith(b"\x7fELF"):
                # SystemEvent installs commands of the same names; the later installation wins.
                raise Failed(f"{found} is another package's: install tocsin again (pip install --force-reinstall)")
        program = here / "tocsin-demo-hash"
        if not os.access(program, os.X_OK):
            raise Failed(f"{program} is missing or can't be run: tocsin was not installed by its own build")
        return cls(str(here / "archive.sh"), str(program), path)
