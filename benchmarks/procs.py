"""Children, sleepers, places and C programs, all of which are gone when the bench is.

Children are forked, so that every kind of event reaches them in the way that it can be inherited. Each has a
death timer of its own and dies of the first Ctrl-C; whoever started it kills and reaps it on every way out.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

HERE = Path(__file__).resolve().parent
CORE = HERE.parent / "core"
CC = (os.environ.get("CC", "cc"), "-std=gnu11", "-O3", "-DNDEBUG", "-I", str(CORE))
LIFE_S = 600  # a child that outlives this has been forgotten
PR_SET_PDEATHSIG = 1
ASLEEP_S = 20  # nobody takes that long to fall asleep


def children_die_with_us() -> Callable[[], None]:
    """What a child calls first. Looked up before the fork: dlopen in a child is asking for trouble."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def begin() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.alarm(LIFE_S)

    return begin


_begin = children_die_with_us()


@contextmanager
def child(run: Callable[[], object], *, pin: Iterable[int] = ()) -> Iterator[int]:
    """Run it in a forked child while the block lasts. Yields the pid."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _begin()
            if on := list(pin):
                os.sched_setaffinity(0, on)
            run()
            code = 0
        except BaseException:  # whatever it was, a forked child must not return into our caller
            traceback.print_exc()
        finally:
            os._exit(code)
    try:
        yield pid
    finally:
        reap(pid)


def reap(pid: int) -> None:
    """Nothing is left of it afterwards."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def all_alive(pids: Iterable[int]) -> None:
    """Raise if one of the children has ended."""
    for pid in pids:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            message = "a child of the bench ended; its traceback is above"
            raise RuntimeError(message)


def all_ready(fd: int, pids: Collection[int]) -> None:
    """Return when as many bytes have come as there are children; raise if one of them ended instead."""
    told = 0
    while told < len(pids):
        if select.select([fd], [], [], 0.1)[0]:
            told += len(os.read(fd, len(pids) - told))
        else:
            all_alive(pids)


def in_child(run: Callable[[], Any], *, pin: Iterable[int] = ()) -> Any:
    """The result (JSON) of a function that runs in a child of its own."""
    reader, writer = os.pipe()

    def send() -> None:
        os.close(reader)
        with os.fdopen(writer, "w") as out:
            json.dump(run(), out)

    with child(send, pin=pin):
        os.close(writer)
        with os.fdopen(reader) as answer:
            text = answer.read()
    if not text:
        message = "a measuring child failed; its traceback is above"
        raise RuntimeError(message)
    return json.loads(text)


def _switches(pid: int, tid: int) -> tuple[int, int] | None:
    """How often the thread was switched out, if it is asleep; None if it runs."""
    with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii", errors="replace") as status:
        fields = dict(line.split(":", 1) for line in status.read().splitlines() if ":" in line)
    if fields["State"].split()[0] != "S":
        return None
    return int(fields["voluntary_ctxt_switches"]), int(fields["nonvoluntary_ctxt_switches"])


def asleep(threads: Iterable[tuple[int, int]], nap_s: float = 0.0002) -> None:
    """Return when all of these (pid, tid) were provably asleep at one instant.

    Two passes find each one asleep with the same count of switches: so none of them ran between its own two
    looks, and at the moment between the passes all slept together. (Somebody who only waits for a lock on the
    way to the wait would need a running holder.) The naps also let go of the GIL.
    """
    wanted = list(threads)
    before: list[tuple[int, int] | None] = []
    deadline = time.monotonic() + ASLEEP_S
    while time.monotonic() < deadline:
        now = [_switches(pid, tid) for pid, tid in wanted]
        if now == before and None not in now:
            return
        before = now
        time.sleep(nap_s)
    message = "those who should wait never fell asleep"
    raise RuntimeError(message)


def process_cpu_ns(pid: int) -> int:
    """The CPU time of all threads of a process so far, by its own CPU clock (see clock_getcpuclockid(3))."""
    return time.clock_gettime_ns(~pid << 3 | 2)


@contextmanager
def place() -> Iterator[str]:
    """A directory for objects, on a RAM disk where there is one."""
    shm = "/dev/shm"
    path = tempfile.mkdtemp(prefix="tocsin-bench-", dir=shm if os.access(shm, os.W_OK) else None)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def room_for(path: str) -> int:
    """Bytes that may be filled there: half of what is free, on the disk and in memory."""
    disk = os.statvfs(path)
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(disk.f_bavail * disk.f_frsize, memory) // 2


def core_sources() -> list[str]:
    return [str(path) for part in ("sys", "parts", "objects") for path in sorted((CORE / part).glob("*.c"))]


def build(into: Path, program: str, *flags: str, core: bool = False, name: str | None = None) -> str:
    """Compile benchmarks/core/PROGRAM.c with the system's cc; with `core`, together with the core's own sources."""
    out = str(into / (name or program))
    sources = [str(HERE / "core" / f"{program}.c"), *(core_objects() if core else ())]
    subprocess.run([*CC, *flags, *sources, "-o", out, "-pthread"], check=True)
    return out


@cache
def core_objects() -> list[str]:
    """The core, compiled once for all the floors of this run."""
    into = tempfile.mkdtemp(prefix="tocsin-bench-")
    atexit.register(shutil.rmtree, into, ignore_errors=True)
    subprocess.run([*CC, "-c", *core_sources()], cwd=into, check=True)
    return [str(path) for path in sorted(Path(into).glob("*.o"))]


@contextmanager
def c_program(program: str, *flags: str, core: bool = False) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as into:
        yield build(Path(into), program, *flags, core=core)


def output_of(*command: str) -> float:
    """The number that a program prints."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=LIFE_S)
    return float(done.stdout)


def spawn_ns(command: list[str], env: dict[str, str]) -> int:
    """From just before a program is started until its end has been reaped."""
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]  # what it says is nobody's table
    start = time.perf_counter_ns()
    pid = os.posix_spawn(command[0], command, env, file_actions=silent)
    _, status = os.waitpid(pid, 0)
    took = time.perf_counter_ns() - start
    if status != 0:
        message = f"{command} ended with status {status}"
        raise RuntimeError(message)
    return took

