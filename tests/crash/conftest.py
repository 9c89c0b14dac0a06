"""The crash bench's programs, each built once."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from crashbuild import build
from harness.prove import FULL

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def single_step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("crash"), "single_step")


@pytest.fixture(scope="session")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("crash"), "steps", "-DTOC_STEPS")


@pytest.fixture(scope="session")
def data_kill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("crash"), "data_kill")


@pytest.fixture(scope="session")
def data_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("crash"), "data_kill", "-DTOC_STEPS")


@pytest.fixture(scope="session")
def random_kill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("crash"), "random_kill")


@pytest.fixture(scope="session")
def seed() -> int:
    """Another one in each full campaign, so that each says something new; programs print it. TOCSIN_SEED repeats."""
    given = os.environ.get("TOCSIN_SEED")
    return int(given) if given else random.getrandbits(31) if FULL else 1
