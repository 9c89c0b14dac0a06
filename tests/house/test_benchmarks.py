"""What the documents say about speed was measured: tables, plots and README's ratios are of the kept figures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from benchmarks.report import data, pages
from benchmarks.report.plots import PLOTS, Plot

ROOT = Path(__file__).parents[2]
HOME = ROOT / "docs" / "benchmarks"
FOUND = data.read()

#: Whoever is named as a peer of Event, Queue, waiting or Bus, and the floors: each is in some plot.
PEERS = (
    "threading.Event", "multiprocessing.Event", "asyncio.Event", "SystemEvent", "WaitableEvent", "aiologic.REvent",
    "a pipe", "an eventfd", "the core, from C", "bare futexes, from C", "jk Event", "iceoryx2 event", "Redis PUBLISH",
    "multiprocessing.Queue", "SimpleQueue", "faster-fifo", "pyzmq PUSH/PULL", "persist-queue", "litequeue",
    "Redis LPUSH/BRPOP", "jk JSONDataQueue", "multiprocessing.connection.wait", "selectors", "epoll", "watchfiles",
    "watchdog", "a poll each 50 ms", "filelock", "portalocker", "fasteners", "aioevt", "pyee", "blinker",
    "pyzmq PUB/SUB", "bare call_soon", "janus", "culsans",
)  # fmt: skip

#: A figure with a unit of time or of a rate, or a factor of speed.
SPEED = re.compile(r"(?i)\d[\d.,]*\s*(?:ns|µs|us|ms|milliseconds|microseconds)\b|\d[\d.,]*\s+(?:\w+ )?a second\b"
                   r"|\d\s*(?:times|x|\u00d7) (?:as )?(?:fast|quick)")


@pytest.mark.parametrize("name", sorted(pages.all_texts(FOUND, into_docs=True)))
def test_the_document_says_what_was_measured(name: str) -> None:
    written = pages.all_texts(FOUND, into_docs=True)[name]
    assert (ROOT / name).read_text(encoding="utf-8") == written, "`python -m benchmarks.report` writes it anew"


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.file)
def test_the_plot_is_of_these_figures_and_shows_everybody(plot: Plot) -> None:
    text = (HOME / "plots" / f"{plot.file}.svg").read_text(encoding="utf-8")
    measured = FOUND[plot.stem]
    assert f"drawn from {plot.digest(measured)}" in text, "`python -m benchmarks.report` draws it anew"
    words = "\n".join(ET.fromstring(text).itertext())
    missing = [name for name in plot.names(measured) if name not in words]
    assert missing == []
    assert measured.run["kernel"] in words, "what it was measured on stands beside it"
    assert "logarithmic" in words, "the axes are labelled"


def test_every_peer_is_in_a_plot() -> None:
    shown = {name for plot in PLOTS for name in plot.names(FOUND[plot.stem])}
    assert [peer for peer in PEERS if not any(peer in name for name in shown)] == []


def test_readme_states_no_speed_but_what_was_measured() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    begin, end = text.index(pages.BEGIN), text.index(pages.END)
    block = text[begin:end]
    assert len(re.findall(r"(?m)^\| .*\d \(.* \.\. .*\) \|$", block)) >= 5, "the ratios are there"
    assert "not measured" not in block
    assert SPEED.findall(text[:begin] + text[end:]) == [], "figures of speed belong between the markers"


@pytest.mark.timeout(300)
def test_a_quick_bench_and_its_report_run(tmp_path: Path) -> None:
    kept, into = tmp_path / "data", tmp_path / "report"
    bench = [sys.executable, "-m", "benchmarks.bench_bus", "--quick", "--only", "own loop", "--data", str(kept)]
    done = subprocess.run(bench, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    measured = data.read(kept)["bus"]
    table = measured.table("own loop")
    assert table is not None
    assert table.spread("tocsin.Bus").rounds == 3
    report = [sys.executable, "-m", "benchmarks.report", "--data", str(kept), "--into", str(into), "--no-plots"]
    done = subprocess.run(report, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = (into / "docs/benchmarks/figures/bus.md").read_text(encoding="utf-8")
    assert "| tocsin.Bus |" in told
    assert "A quick run" in told
    assert "not measured" in (into / "README-block.md").read_text(encoding="utf-8"), "what is not there is not made up"


def test_cases_of_another_machine_do_not_stay_beside_new_ones(tmp_path: Path) -> None:
    run = {"cpu": "one", "effort": "full"}
    data.write(tmp_path, "event", run, {"a": {"tables": []}})
    path = data.write(tmp_path, "event", run, {"b": {"tables": []}})
    assert set(data.Measured(path).cases) == {"a", "b"}
    data.write(tmp_path, "event", {**run, "cpu": "two"}, {"c": {"tables": []}})
    assert set(data.Measured(path).cases) == {"c"}
