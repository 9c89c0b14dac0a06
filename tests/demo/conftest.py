from __future__ import annotations

from typing import TYPE_CHECKING

import demo_tree
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return demo_tree.make(tmp_path / "tree")
