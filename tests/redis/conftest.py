"""Fixtures of the tests that are about servers alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.proxies import Proxy
from harness.servers import RedisServer
from harness.subjects import SUBJECTS, Subject
from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.commands import Run


@pytest.fixture(scope="session")
def server() -> Iterator[RedisServer]:
    """A redis-server for the tests of this process."""
    with RedisServer() as running:
        yield running


@pytest.fixture
def place(server: RedisServer) -> str:
    """A place on it that is this test's own."""
    return server.url()


@pytest.fixture
def durable() -> Iterator[RedisServer]:
    """A server of this test's own, which keeps what it acknowledged."""
    with RedisServer("--appendonly", "yes", "--appendfsync", "always") as running:
        yield running


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> Subject:
    """Each kind of object."""
    return SUBJECTS[request.param]


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[Proxy]:
    """What stands between that server and who uses it."""
    with Proxy(server) as running:
        yield running


# -- commands


@pytest.fixture
def environment(place: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "TOCSIN_AT": place}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    def call(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        given = {"env": environment, "cwd": tmp_path, **options}
        return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **given)

    return call


@pytest.fixture
def said(run: Run) -> Callable[..., str]:
    """What a command prints that ends with `code`, and complains of nothing."""

    def call(*words: str, code: int = 0, **options: Any) -> str:
        result = run(*words, **options)
        assert (result.returncode, result.stderr) == (code, ""), result
        return result.stdout

    return call
