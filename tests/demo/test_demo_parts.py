"""The parts of the demo whose mistakes the whole would hide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo_tree import FILES

from tocsin.demo.files import batches, sources
from tocsin.demo.ledger import Latency, Ledger

if TYPE_CHECKING:
    from pathlib import Path


def test_batches_hold_every_file_once_and_in_order(tree: Path) -> None:
    files = sources(tree)
    assert len(files) == FILES
    for most in (1, 2, 7, 1000):
        cut = batches(files, most)
        assert [name for batch in cut for name in batch] == [name for name, _ in files]
        assert len(cut) <= most
        assert all(cut)


def test_batches_are_about_equal_in_bytes() -> None:
    sizes = {f"./{i:03}.py": 1000 if i % 10 else 7 * i for i in range(110)}
    cut = batches(list(sizes.items()), 11)
    share = sum(size + 1 for size in sizes.values()) / 11
    assert len(cut) == 11
    assert max(sum(sizes[name] for name in batch) for batch in cut) <= share + max(sizes.values())


def test_only_a_wait_that_began_before_the_announcement_is_a_wake() -> None:
    ledger = Ledger()
    assert ledger.enter(1, "archive", "announced 0 1000 1100 0") == 0
    assert ledger.enter(1, "archive", "announced 1 5000 5100 0") == 1
    assert ledger.enter(2, "hash", "waited archive 0 900 1600 7") is None
    assert ledger.enter(2, "hash", "waited archive 1 5001 5002 5") is None  # it was there already
    assert ledger.latencies() == {("archive", "hash"): [600]}
    assert ledger.spent["hash"] == 12


def test_a_shell_that_polls_waits_once_however_often_it_sleeps() -> None:
    ledger = Ledger()
    for line in ("waited report 0 100 150 1", "waited report 0 151 201 1", "waited report 0 202 252 1"):
        ledger.enter(1, "archive", line)
    ledger.enter(2, "report", "announced 0 210 211 0")
    assert ledger.latencies() == {("report", "archive"): [42]}


def test_a_second_announcement_and_a_second_process_change_nothing() -> None:
    """What a restarted stage does: it announces again what it finds, and waits again for what is there."""
    ledger = Ledger()
    ledger.enter(1, "archive", "announced 0 1000 1001 0")
    ledger.enter(2, "parse", "waited archive 0 900 1300 0")
    assert ledger.enter(2, "parse", "announced 0 2000 2001 0") == 0
    assert ledger.enter(3, "parse", "announced 0 3000 3001 0") is None
    ledger.enter(3, "parse", "waited archive 0 3002 3003 0")
    assert ledger.latencies() == {("archive", "parse"): [300]}
    assert ledger.announced["parse"] == {0: 2000}


def test_a_put_wakes_as_an_announcement_does_and_belongs_to_its_stage() -> None:
    ledger = Ledger()
    ledger.enter(1, "hash", "announced 0 1000 1001 0")
    assert ledger.enter(1, "hash", "put jobs 0 2000") is None
    ledger.enter(2, "parse", "waited jobs 0 1500 2300 4")
    assert ledger.latencies() == {("hash", "parse"): [300]}
    assert ledger.spent["parse"] == 4


def test_the_p99_of_few_is_the_worst() -> None:
    assert Latency.of([]) is None
    assert Latency.of([3_000_000_000, 1_000_000_000]) == Latency(2, 2.0, 3.0)
    assert Latency.of([10**9] * 198 + [2 * 10**9] * 2) == Latency(200, 1.0, 2.0)
