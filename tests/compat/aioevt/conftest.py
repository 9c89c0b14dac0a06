"""The two of them: aioevt 2.2.1 and ours."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

MODULES = {"original": "aioevt", "ours": "tocsin.compat.aioevt"}


def module(which: str) -> Any:
    try:
        found = importlib.import_module(MODULES[which])
    except ImportError:
        found = None
    if found is None or found.__file__ is None:  # this very folder, which Python takes for a package
        pytest.skip("the original isn't installed: pip install '.[test]'")
    return found


@pytest.fixture(params=MODULES)
def aioevt(request: pytest.FixtureRequest) -> Any:
    return module(request.param)


@pytest.fixture
def both() -> tuple[Any, Any]:
    return module("original"), module("ours")
