"""Which files a whole run begins with. A file is one worker's, so a long one that comes last is what all wait for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

TESTS = Path(__file__).parents[1]

#: What takes a good part of a minute or more on two quiet processors, the longest first.
LONG = (
    "core/test_sim.py",
    "core/test_c.py",
    "redis/test_redis_faults.py",
    "redis/test_redis_silence.py",
    "crash/test_queue_kill.py",
    "crash/test_steps.py",
    "demo/test_demo_pool.py",
    "models/test_models.py",
    "crash/test_single_step.py",
    "redis/test_redis_guarantees.py",
    "core/test_alone.py",
    "crash/test_random_kill.py",
    "crash/test_queue_damage.py",
    "crash/test_run_step.py",
    "crash/test_topic_kill.py",
    "crash/test_topic_step.py",
    "core/test_sim_owned.py",
    "docs/test_docs_blocks.py",
    "docs/test_docs_site.py",
    "redis/test_redis_demo.py",
)


def longest_first(items: list[pytest.Item]) -> None:
    """These, then the others, the ones with the most tests first, as xdist would have it by itself."""
    count = Counter(item.path for item in items)
    place = {TESTS / name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: (place.get(item.path, len(LONG)), -count[item.path], str(item.path)))
