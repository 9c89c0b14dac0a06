"""The seeds' own packages beside ours: every documented behaviour runs against both.

The originals come with the `test` extra. SystemEvent brings programs of the same names as ours, `evt_set` and its
fellows; pip installs what tocsin needs before tocsin, so ours are what stays on PATH, and `test_programs.py` looks.
"""

from __future__ import annotations

import importlib
import itertools
import os
import select
import signal
import subprocess
import sys
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.state import alive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_serial = itertools.count()
#: Long enough for the slowest machine: what it guards is a hang, not a duration.
HANG = 120.0
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(2 * HANG))
            # Tests fork; the children call what they test and _exit, and the watchdog is the other thread.
            item.add_marker(pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"))


def _import(module: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # asyncore is deprecated, and bacpypes has escapes that newer Pythons warn of
        try:
            return importlib.import_module(module)
        except ImportError as error:
            pytest.skip(f"the original isn't installed ({error}): pip install '.[test]'")


@dataclass(frozen=True)
class Side:
    """One of the two: the seed's own package, or tocsin's."""

    ours: bool
    module: str
    cls: Any


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours live in a place of the test's own; the seed's semaphores are the host's, so they get names of their own."""
    monkeypatch.setenv("TOCSIN_AT", f"{tmp_path}/")
    # Programs of the tests' environment, whether or not it is activated.
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


@pytest.fixture
def name() -> Iterator[str]:
    """A name that nobody else on this host uses; its semaphores are removed afterwards."""
    unique = f"tocsin-test-{os.getpid()}-{next(_serial)}"
    yield unique
    for left in Path("/dev/shm").glob(f"sem.*{unique}*"):
        left.unlink()


def _system_event(which: str) -> Side:
    module = {"original": "SystemEvent", "ours": "tocsin.compat.system_event"}[which]
    return Side(which == "ours", module, _import(module).SystemEvent)


def _waitable_event(which: str) -> Side:
    module = {"original": "bacpypes.event", "ours": "tocsin.compat.waitable_event"}[which]
    return Side(which == "ours", module, _import(module).WaitableEvent)


@pytest.fixture(params=["original", "ours"])
def system_event(request: pytest.FixtureRequest) -> Side:
    return _system_event(request.param)


@pytest.fixture
def both_system_events() -> tuple[Any, Any]:
    return _system_event("original").cls, _system_event("ours").cls


@pytest.fixture(params=["original", "ours"])
def waitable_event(request: pytest.FixtureRequest) -> Side:
    return _waitable_event(request.param)


@pytest.fixture
def both_waitable_events() -> tuple[Any, Any]:
    return _waitable_event("original").cls, _waitable_event("ours").cls


def _fs(which: str) -> Side:
    """`jk_interprocesssync.fs`: three classes, so `cls` is the module."""
    module = {"original": "jk_interprocesssync.fs", "ours": "tocsin.compat.interprocesssync.fs"}[which]
    return Side(which == "ours", module, _import(module))


@pytest.fixture(params=["original", "ours"])
def fs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Side:
    """In a directory of the test's own, because the original's JSONDataEvent takes bare names only."""
    monkeypatch.chdir(tmp_path)
    return _fs(request.param)


@pytest.fixture
def both_fs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    monkeypatch.chdir(tmp_path)
    return _fs("original").cls, _fs("ours").cls


@pytest.fixture
def queue_directory(tmp_path: Path) -> None:
    """Where a JSONDataQueue of the test is: the original makes none."""
    (tmp_path / "queuedir").mkdir()


@pytest.fixture
def asyncore() -> Any:
    """asyncore with an empty map, so that a loop sees the test's own channels only."""
    module = _import("asyncore")
    before = dict(module.socket_map)
    module.socket_map.clear()
    yield module
    module.close_all()  # the original is only collected when it left the map
    module.socket_map.update(before)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process; whatever becomes of the test, it is reaped."""
    started: list[subprocess.Popen[str]] = []

    def popen(*command: str, **more: Any) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
        )
        started.append(child)
        return child

    yield popen
    for child in started:
        if child.poll() is None:
            child.kill()
        child.communicate()


@pytest.fixture
def python(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., subprocess.Popen[str]]:
    """Start a snippet in an interpreter of its own."""
    return lambda code, *arguments: start(sys.executable, "-W", "ignore", "-c", code, *arguments)


class Threads:
    """Threads that hand back what their call returned, and are joined."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self.threads: list[threading.Thread] = []

    def start(self, call: Callable[..., Any], *arguments: Any, times: int = 1) -> None:
        for _ in range(times):
            thread = threading.Thread(target=lambda: self.results.append(call(*arguments)), daemon=True)
            self.threads.append(thread)
            thread.start()

    def join(self) -> list[Any]:
        for thread in self.threads:
            thread.join(HANG)
            assert not thread.is_alive(), "a thread hangs"
        return self.results


@pytest.fixture
def threads() -> Iterator[Threads]:
    yield (group := Threads())
    group.join()


@pytest.fixture
def readable() -> Callable[[int], bool]:
    return lambda fd: bool(select.select([fd], [], [], 0)[0])


@pytest.fixture
def asleep() -> Callable[[threading.Thread | int], bool]:
    """Return once the kernel says that the thread, or the process, sleeps in select or in a futex that is shared.

    False: it has ended before.
    """
    if os.uname().machine != "x86_64":
        pytest.skip("knows the system call numbers of x86_64 only")
    selects, futex, private = {"23", "270"}, "202", 128

    def look(who: threading.Thread | int) -> bool:
        path = f"/proc/{who}" if isinstance(who, int) else f"/proc/self/task/{who.native_id}"
        while alive(who) if isinstance(who, int) else who.is_alive():
            try:
                with open(f"{path}/syscall") as file:
                    call = file.read().split()
            except (FileNotFoundError, ProcessLookupError):  # it goes at this moment
                continue
            # The interpreter's own locks are private futexes; a semaphore with a name isn't.
            if call[0] in selects or (call[0] == futex and not int(call[2], 16) & private):
                return True
            os.sched_yield()
        return False

    return look


@pytest.fixture
def hears_a_pulse(asleep: Callable[[int], bool]) -> Callable[[Any, float], bool]:
    """Whether `event.wait(timeout)` in a child that sleeps says True for set(); clear().

    The child is stopped meanwhile, so that it certainly looks only afterwards. If its time was over before that, on a
    busy machine, it is given more.
    """

    def pulse(event: Any, timeout: float) -> bool:
        child = os.fork()
        if child == 0:
            heard = False
            try:
                heard = event.wait(timeout)
            finally:
                os._exit(0 if heard is True else 1)
        slept = asleep(child)
        os.kill(child, signal.SIGSTOP)
        if not os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]):
            assert timeout < HANG, f"the wait of {timeout} s is over{'' if slept else ', and never slept'}"
            return pulse(event, 8 * timeout)
        event.set()
        event.clear()
        os.kill(child, signal.SIGCONT)
        return os.waitpid(child, 0)[1] == 0

    return pulse
