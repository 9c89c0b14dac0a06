"""Fixtures of the tests that are about servers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
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
