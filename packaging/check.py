"""Is the wheel what an index, an installer and a stranger expect?"""

from __future__ import annotations

import re
import sysconfig
import zipfile
from typing import TYPE_CHECKING

from run import ROOT, WORK, Environment, Failed, run, step, version_tag

if TYPE_CHECKING:
    from pathlib import Path

#: What nobody may miss in it.
NEEDED = (
    "tocsin/__init__.py", "tocsin/py.typed", "tocsin/_core.pyi",
    "tocsin/_c/include/tocsin.h", "tocsin/_c/lib/libtocsin.a", "tocsin/_c/lib/pkgconfig/tocsin.pc",
    ".data/scripts/evt_set", ".data/scripts/evt_clear", ".data/scripts/evt_wait", ".data/scripts/tocsin",
    ".data/data/share/man/man1/tocsin.1", "/licenses/LICENSE",
)  # fmt: skip
#: What is for builders, and what no wheel of this package ever has.
UNWANTED = re.compile(r"\.(?:c|pyx|pxi|pxd|o|in)$|(?:^|/)(?:meson\.build|__pycache__|tests|\.git.*)(?:/|$)")


def check(wheel: Path, sdist: Path, tools: Environment) -> None:
    step("checking it (twine, check-wheel-contents, tags, contents)")
    run(tools.bin / "twine", "check", "--strict", sdist, wheel, more=tools.path())
    run(tools.bin / "check-wheel-contents", wheel, more=tools.path())
    _tags(wheel)
    _contents(wheel)


def _tags(wheel: Path) -> None:
    python, abi, _platform = wheel.stem.split("-")[-3:]
    free = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    if (python, abi) != (version_tag(), version_tag() + free):
        raise Failed(f"{wheel.name} is for {python}-{abi}, and this is {version_tag()}-{version_tag()}{free}")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    with zipfile.ZipFile(wheel) as archive:
        extensions = [name for name in archive.namelist() if name.endswith(".so")]
    if len(extensions) < 4 or not all(name.endswith(suffix) for name in extensions):
        raise Failed(f"{wheel.name}: its extensions are not all {suffix}: {extensions}")


def _contents(wheel: Path) -> None:
    traces = [str(place).encode() for place in (ROOT, WORK)]
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for needed in NEEDED:
            if not any(name.endswith(needed) for name in names):
                raise Failed(f"{wheel.name} lacks {needed}")
        if unwanted := [name for name in names if UNWANTED.search(name)]:
            raise Failed(f"{wheel.name} has what it should not: {unwanted}")
        for name in names:
            data = archive.read(name)
            if any(trace in data for trace in traces):
                raise Failed(f"{wheel.name}: {name} names the folder that it was built in")
