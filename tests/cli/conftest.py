"""Real processes only: the programs beside this interpreter, started as a shell starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.until import PATIENCE_S

from tocsin import Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

BIN = Path(sys.executable).parent
Result = subprocess.CompletedProcess[str]


@pytest.fixture(autouse=True)
def _here(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test's commands find the programs, and a place of their own."""
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("TOCSIN_AT", place)


@pytest.fixture
def run() -> Callable[..., Result]:
    def call(*command: str, **options: object) -> Result:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **options)

    return call


@pytest.fixture
def shell(run: Callable[..., Result]) -> Callable[[str], Result]:
    return lambda script: run("sh", "-c", script)


@pytest.fixture
def stranger() -> Iterator[list[str]]:
    """What to put in front of a command so that it runs without root's powers over files."""
    if os.geteuid() != 0:
        yield []
        return
    reachable = all(parent.stat().st_mode & 0o001 for parent in (BIN.resolve(), *BIN.resolve().parents))
    real = Path(sys.executable).resolve()
    reachable = reachable and all(parent.stat().st_mode & 0o001 for parent in real.parents)
    if reachable:
        yield ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    else:
        # This installation lies where only root may read: keep root's number, drop its powers over files' owners.
        yield ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]


@pytest.fixture
def jobs(place: str) -> Iterator[Queue[Any]]:
    with Queue("jobs", at=place) as queue:
        yield queue
