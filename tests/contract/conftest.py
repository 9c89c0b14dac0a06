"""Fixtures of the contract that only some objects need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import KINDS, Caller

from tocsin import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def queue(place: str) -> Iterator[Queue[Any]]:
    """A named queue in a place of its own."""
    with Queue("q", at=place) as made:
        yield made


@pytest.fixture(params=["named", "anonymous"])
def either_queue(request: pytest.FixtureRequest, place: str) -> Iterator[Queue[Any]]:
    """A queue, once named and once anonymous."""
    with Queue("q", at=place) if request.param == "named" else Queue() as made:
        yield made


@pytest.fixture(params=[kind for kind in KINDS if kind != "process"])
def here(request: pytest.FixtureRequest) -> Iterator[Caller]:
    """Callers of this process, for what belongs to a handle: every process has one of its own."""
    made = Caller(request.param)
    yield made
    made.finish()
