"""A queue on a disk that is full, or that damaged its items."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness.child import Child

from tocsin import Empty, ObjectDamaged, Queue


@pytest.fixture
def small_disk(place: str) -> Any:
    if os.geteuid() != 0:
        pytest.skip("mounting a small RAM disk needs root: run the tests as root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tocsin", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"this root may not mount a RAM disk: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)  # this process stays registered there


@pytest.mark.local("a disk of this host")
def test_a_full_disk(small_disk: str) -> None:
    with Queue("q", at=small_disk) as queue:
        put = 0
        with pytest.raises(OSError, match="space"):  # noqa: PT012
            for put in range(10_000):
                queue.put([put, "x" * 1_000])
        assert put > 100
        with pytest.raises(OSError, match="space"):
            queue.put("y" * 1_000_000)
        assert queue.qsize() == put
        assert [item[0] for item in (queue.get() for _ in range(put))] == list(range(put))
        queue.put("room again")
        assert queue.get() == "room again"


@pytest.mark.local("disks of this host")
def test_no_room_for_another_segment(place: str) -> None:
    """The same by a limit of the process, which needs no root: its files may not grow."""
    script = """
import errno, resource
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
q = tocsin.Queue('q', at=sys.argv[1])
q.put('x')
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
put = 1
try:
    while True:
        q.put('x' * 1_000)
        put += 1
except OSError as error:
    assert error.errno == errno.EFBIG, error
assert q.qsize() == put
assert len([q.get() for _ in range(put)]) == put
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
q.put('more room')
assert q.get() == 'more room'
"""
    with Child(script, place) as child:
        child.check()


@pytest.mark.local("files that were damaged")
def test_items_that_were_damaged(place: str) -> None:
    """Said once, and the others are still got."""
    with Queue("q", at=place) as queue:
        queue.put_many([{"number": number, "pad": "x" * 50} for number in range(10)])
        (segment,) = [path for path in Path(place).glob(".q.*") if b'"number":5' in path.read_bytes()]
        content = segment.read_bytes()
        with segment.open("r+b") as file:
            file.seek(content.index(b'"number":5') + 8)
            file.write(b"X")
        found, said = [], []
        while True:
            try:
                found.append(queue.get(block=False)["number"])
            except ObjectDamaged as error:
                said.append(str(error))
            except Empty:
                break
        assert found == [0, 1, 2, 3, 4, 6, 7, 8, 9]
        assert len(said) == 1
        assert "1 of its items" in said[0]
        queue.put("next")
        assert queue.get() == "next"
