"""The demo with its objects on a server, and nothing else changed: all of its kinds of process, and a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from harness.hosts import Hosts, NoHosts
from harness.servers import RedisServer
from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MODULES = 24
#: The demo, with a command in front of each process that it starts.
APART = """
import json, os, sys
from tocsin.demo import main, pipeline

class Apart(pipeline.Child):
    def __init__(self, stage, name, argv, run, environment):
        super().__init__(stage, name, [*json.loads(os.environ["APART"]), *argv], run, environment)
        self.argv = argv  # for whoever takes its place

pipeline.Child = Apart
sys.exit(main(sys.argv[1], json=True))
"""


def demo(tmp_path: Path, server: RedisServer, place: str, command: Sequence[str], **more: str) -> dict[str, Any]:
    """Run it, and prove what it says; that is returned for more."""
    tree, scratch = tmp_path / "tree", tmp_path / "scratch"
    tree.mkdir()
    scratch.mkdir()
    for number in range(MODULES):
        (tree / f"m{number}.py").write_text(f"import os\n\n\ndef f{number}(): return {number}\n")
    ended = subprocess.run(
        [*command, str(tree)],
        env={**os.environ, "TMPDIR": str(scratch), "TOCSIN_AT": place, **more},
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    said: dict[str, Any] = json.loads(ended.stdout)
    for how in ("events", "polling"):
        assert said[how]["equal"] is True
        assert said[how]["digest"] == said["plain"]["digest"]
        assert said[how]["kill"]["signal"] == "SIGKILL"
    assert said["events"]["all_wakes"]["wakes"] > 0
    assert said["queue"]["items"] == MODULES // 4
    again = {back["batch"]: back["attempt"] for back in said["queue"]["redelivered"]}
    assert again
    assert set(said["events"]["kill"]["held"]) <= set(again)
    assert set(again.values()) == {2}
    assert list(scratch.iterdir()) == []
    prefix = place.partition("prefix=")[2]
    assert server.ask("KEYS", f"{prefix}:demo-*}}") == [], "no object of its stays behind"
    return said


def test_both_pipelines_equal_the_plain_computation(tmp_path: Path, server: RedisServer) -> None:
    demo(tmp_path, server, server.url(), [sys.executable, "-m", "tocsin.demo", "--json"])


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    try:
        made = Hosts()
    except NoHosts as no:
        pytest.skip(f"this machine doesn't let us make network namespaces, a bridge and pairs of veth: {no}")
    with made:
        yield made


def test_each_process_on_a_host_of_its_own(tmp_path: Path, hosts: Hosts) -> None:
    """In network namespaces of their own, whose only way to the server, and to each other, is its address."""
    with RedisServer("--bind", hosts.ADDRESS, "--port", "6379", within=hosts.at_bridge()) as server:
        place = f"redis://{hosts.ADDRESS}:6379/0?prefix=far"
        command = [*hosts.at_bridge(), *hosts.apart(sys.executable, "-c", APART)]
        said = demo(tmp_path, server, place, command, APART=json.dumps(hosts.apart()))
    here, *others = hosts.seen()
    stages = 3 + said["events"]["workers"] + 1  # and in the place of the killed one another
    assert len(others) == 2 * stages
    # Two of the others were not there at the same time for sure, and then the kernel uses a number again.
    assert not {here, hosts.bridge} & set(others)
    assert here != hosts.bridge
