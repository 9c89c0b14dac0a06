"""`make wheels`: every wheel of a release, by cibuildwheel, as pyproject.toml's [tool.cibuildwheel] says.

`make wheels WHEELS="--archs x86_64"` passes cibuildwheel more words; `make wheels WHEELS=--print-build-identifiers`
builds nothing, and says what would be built.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from run import DIST, WORK, Environment, run, step

#: Of the release, beside what is native here: emulated, where the kernel can (binfmt_misc and qemu).
ARCHS = "x86_64,aarch64"


def without_docker() -> str | None:
    """Why it can't be done here, and the mend."""
    if shutil.which("docker") is None:
        return "docker is not installed: the wheels are built in the manylinux and musllinux images"
    asked = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if asked.returncode:
        return f"docker does not answer; is its daemon running? {asked.stderr.strip()}"
    return None


def main(more: list[str]) -> int:
    dry = "--print-build-identifiers" in more
    if not dry and (why := without_docker()):
        print(f"make wheels: {why}", file=sys.stderr)
        return 3
    if not dry:
        step("installing cibuildwheel, pinned by hash (packaging/tools-requirements.txt)")
    tools = Environment(WORK / "cibuildwheel")
    tools.install("tools-requirements")
    archs = [] if "--archs" in more else ["--archs", ARCHS]
    command = [tools.bin / "cibuildwheel", "--platform", "linux", "--output-dir", DIST, *archs, *more]
    run(*command, more=tools.path(), quiet=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
