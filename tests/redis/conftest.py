"""Fixtures of the tests that are about servers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.proxies import Proxy
from harness.servers import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator


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


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[Proxy]:
    """What stands between that server and who uses it."""
    with Proxy(server) as running:
        yield running
