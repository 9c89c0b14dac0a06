"""The crash bench's programs, each built once."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from crashbuild import build
from harness.prove import FULL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _built(program: str, *flags: str) -> Callable[..., Path]:
    @pytest.fixture(scope="session")
    def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
        return build(tmp_path_factory.mktemp("crash"), program, *flags)

    return made


single_step = _built("single_step")
steps = _built("steps", "-DTOC_STEPS")
data_kill = _built("data_kill")
data_steps = _built("data_kill", "-DTOC_STEPS")
topic_steps = _built("topic_step", "-DTOC_STEPS")
random_kill = _built("random_kill")
lock_kill = _built("lock_kill")
lock_steps = _built("lock_kill", "-DTOC_STEPS")
lock_random = _built("lock_random")
run_step = _built("run_step")
tocsin = _built("tocsin")


@pytest.fixture(scope="session")
def seed() -> int:
    """Another one in each full campaign, so that each says something new; programs print it. TOCSIN_SEED repeats."""
    given = os.environ.get("TOCSIN_SEED")
    return int(given) if given else random.getrandbits(31) if FULL else 1
