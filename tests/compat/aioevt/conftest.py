"""The two of them: aioevt 2.2.1 and ours."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

MODULES = {"original": "aioevt", "ours": "tocsin.compat.aioevt"}


def module(which: str) -> Any:
    try:
        return importlib.import_module(MODULES[which])
    except ImportError as error:
        pytest.skip(f"the original isn't installed ({error}): pip install '.[test]'")


@pytest.fixture(params=MODULES)
def aioevt(request: pytest.FixtureRequest) -> Any:
    return module(request.param)


@pytest.fixture
def both() -> tuple[Any, Any]:
    return module("original"), module("ours")
