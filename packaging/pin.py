"""`make pins`: write down anew which versions, with which hashes, a build, its tools and the contract suite get.

The ranges stand in pyproject.toml: [build-system], dependencies, and the dependency groups `contract` and `packaging`.
"""

from __future__ import annotations

import sys
import tomllib

from run import HERE, ROOT, WORK, Environment, run

HEADER = "# Made by `make pins` from pyproject.toml; never by hand. Each version with the hashes of its files.\n"


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    running = project["project"]["dependencies"]
    wanted = {
        "build-requirements": project["build-system"]["requires"],
        "run-requirements": running,
        # With the run's: one resolution, so that the tests run with what the wheel was installed with.
        "contract-requirements": [*running, *project["dependency-groups"]["contract"]],
        "tools-requirements": project["dependency-groups"]["packaging"],
    }
    uv = Environment(WORK / "pins")
    uv.pip("install", "--quiet", "uv")
    WORK.mkdir(parents=True, exist_ok=True)
    for name, requirements in wanted.items():
        ranges = WORK / f"{name}.in"
        ranges.write_text("\n".join(requirements) + "\n")
        pinned = run(
            uv.bin / "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
            "--no-header", "--no-annotate", ranges,
        )  # fmt: skip
        (HERE / f"{name}.txt").write_text(HEADER + pinned)
    return 0


if __name__ == "__main__":
    sys.exit(main())
