"""tocsin makes no network connection: not at import, not in any command, not in the work of any object."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness.until import PATIENCE_S
from offline import NOT_HERE, SOCKET

from tocsin.cli._verbs import VERBS

OFFLINE = Path(__file__).with_name("offline.py")
BIN = Path(sys.executable).parent


def run(*command: str | Path, at: str) -> subprocess.CompletedProcess[str]:
    if platform.machine() not in SOCKET:
        pytest.skip(f"the number of socket(2) on {platform.machine()} is not in tests/packaging/offline.py")
    environment = {**os.environ, "TOCSIN_AT": at, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, OFFLINE, *command],
        env=environment, cwd=at, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    if done.returncode == NOT_HERE:
        pytest.skip(f"this kernel lets nobody filter system calls: {done.stderr}")
    return done


#: Every object in use, by threads and loops; the numbers are what each line proves to have happened.
WORK = """
import asyncio, trio
import tocsin
from tocsin import Bus, DataEvent, Event, Lock, Queue, Signal, Watchpoint, WatchpointHandler, wait_any

with Event("e") as e, Signal("s") as s, DataEvent("d") as d, Queue("q") as q, Bus("b") as b:
    e.set()
    assert e.wait(30)
    s.signal(); d.signal({"n": 1}); q.put([1])
    assert s.wait(30) == 1 and d.wait(30) == {"n": 1}
    with q.receive(30) as delivery:
        assert delivery.item == [1]
    assert wait_any(e, q, timeout=30) == [e]
    with b.subscribe("job.*") as heard:
        b.emit("job.done", (1,))
        assert heard.wait(30).args == (1,)

    async def twins():
        await q.put_async("x")
        assert await q.get_async() == "x"
        assert await e.wait_async(30)

    asyncio.run(twins())
    trio.run(twins)
with Lock("l") as lock:
    assert lock.locked()
with WatchpointHandler([Watchpoint("w", ".")]) as marks:
    marks.create("w")
    assert marks.wait("w", 30)
import tocsin.compat.system_event, tocsin.compat.waitable_event, tocsin.compat.watchpoint
import tocsin.compat.aioevt, tocsin.compat.interprocesssync.fs
print("all of it")
"""

#: The commands at work, as a user types them.
COMMANDS = """
evt_set a; evt_wait a 30; evt_clear a
tocsin set a; tocsin wait a; tocsin status a; tocsin signal s; tocsin emit b job.done 1
tocsin put q '{"n": 1}' 2; tocsin get q; tocsin receive q -- true
tocsin ls; tocsin stat a; tocsin check; tocsin top --once --interval 0.05
tocsin run --sets done -- true; tocsin wait done
tocsin rm a q; tocsin doctor || [ $? = 1 ]
"""


def test_the_filter_catches_who_tries(place: str) -> None:
    for family in ("AF_INET", "AF_INET6"):
        done = run(sys.executable, "-c", f"import socket; socket.socket(socket.{family})", at=place)
        assert done.returncode == -signal.SIGSYS
    assert run(sys.executable, "-c", "import socket; socket.socket(socket.AF_UNIX)", at=place).returncode == 0
    assert run("sh", "-c", "true | { exec python3 -c 'import socket; socket.socket()'; }", at=place).returncode != 0


def test_every_object_works_without_a_network(place: str) -> None:
    done = run(sys.executable, "-c", WORK, at=place)
    assert (done.returncode, done.stdout) == (0, "all of it\n"), done.stderr


def test_the_commands_work_without_a_network(place: str) -> None:
    done = run("sh", "-euc", COMMANDS, at=place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '{"n":1}' in done.stdout, "what was put was got"


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS if not verb.hidden])
def test_help_needs_no_network(verb: str, place: str) -> None:
    done = run("tocsin", verb, "--help", at=place)
    assert done.returncode == 0, done.stderr
    assert f"usage: tocsin {verb}" in done.stdout
