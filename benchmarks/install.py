"""Install the peers: python -m benchmarks.install [DIR]. One that can't be had is named, and the rest is installed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.main import ROOT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def wanted() -> list[str]:
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def install(folder: Path, *packages: str) -> str:
    """Empty if it worked, else what pip said last."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade",
               "--target", str(folder), *packages]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return "" if done.returncode == 0 else (done.stdout.strip().splitlines() or ["pip failed"])[-1]


def main() -> int:
    folder = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "peers"
    # What was asked for, and by which Python: a second `make bench` asks no registry.
    print_of = hashlib.sha256(f"{sys.version} {wanted()}".encode()).hexdigest()
    stamp = folder / ".installed"
    if stamp.is_file() and stamp.read_text() == print_of:
        return 0
    print("installing the peers ...", flush=True)
    absent = {}
    if install(folder, *wanted()):  # somebody is missing: who?
        absent = {name: why for name in wanted() if (why := install(folder, name))}
        for name, why in absent.items():
            print(f"peer not installed: {name}: {why}")
    if not absent:
        stamp.write_text(print_of)
    return 0


if __name__ == "__main__":
    sys.exit(main())
