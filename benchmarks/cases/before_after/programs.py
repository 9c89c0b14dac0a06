"""The programs of docs/examples as children that wait, and what ends each one's wait."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cases.before_after import COUNT, JOBS, READY
from benchmarks.procs import asleep, children_die_with_us
from tocsin import Lock, Queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXAMPLES = Path(__file__).resolve().parents[3] / "docs/examples"
BIN = os.path.dirname(sys.executable)
LIFE_S = 60

_begin = children_die_with_us()


@dataclasses.dataclass(frozen=True)
class Habit:
    """One program, in a directory of its own."""

    name: str
    command: list[str]
    period_s: float  # how long it naps; 0: not at all
    prepare: Callable[[], Callable[[], None]]  # in its directory, before it starts; what that gives ends the wait
    forever: bool = False


class Waiter:
    """A habit's program that runs and waits."""

    def __init__(self, habit: Habit, folder: str) -> None:
        self.habit = habit
        os.makedirs(folder)
        self.folder = folder
        with self._there():
            self._release = habit.prepare()
            # Between fork and exec, which is safe here: the bench has no threads.
            self.process = subprocess.Popen(habit.command, stdout=subprocess.PIPE, preexec_fn=_begin)  # noqa: PLW1509

    @contextlib.contextmanager
    def _there(self) -> Iterator[None]:
        before, variables = os.getcwd(), dict(os.environ)
        os.chdir(self.folder)
        os.environ |= {"TOCSIN_AT": f"{self.folder}/", "PATH": f"{BIN}:{variables['PATH']}"}
        try:
            yield
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(variables)

    def until_asleep(self) -> None:
        asleep([(self.process.pid, self.process.pid)])

    def release(self) -> None:
        with self._there():
            self._release()

    def answer_us(self) -> float:
        """From just before its wait is ended until it says so."""
        start = time.perf_counter_ns()
        self.release()
        self.hear()
        return (time.perf_counter_ns() - start) / 1e3

    def hear(self) -> None:
        assert self.process.stdout
        if not select.select([self.process.stdout], [], [], LIFE_S)[0] or not os.read(self.process.stdout.fileno(), 99):
            message = f"{self.habit.name} said nothing"
            raise RuntimeError(message)

    def end_ms(self) -> float:
        """The CPU of all its life, with that of the children that it waited for: wait4(2)."""
        if self.habit.forever:
            self.process.terminate()
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.close()
        return (used.ru_utime + used.ru_stime) * 1e3

    def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


def spawned(*command: str) -> Callable[[], None]:
    """A script's other half is a program, too."""
    return lambda: subprocess.run(command, check=True)


def data_to_import(*command: str) -> Callable[[], Callable[[], None]]:
    def prepare() -> Callable[[], None]:
        Path("data").write_text("line\n")
        return spawned(*command)

    return prepare


def number() -> None:
    Path("number").write_text("0\n")


def lock_file() -> Callable[[], None]:
    number()
    os.close(os.open("count.lock", os.O_CREAT | os.O_EXCL))
    return lambda: os.unlink("count.lock")


def lock() -> Callable[[], None]:
    number()
    held = Lock("count")
    held.acquire()
    return held.release


def job_file() -> Callable[[], None]:
    Path("file").write_text("line\n")
    os.makedirs("jobs")

    def put() -> None:
        Path("jobs/1.tmp").write_text('{"file": "file"}')
        os.rename("jobs/1.tmp", "jobs/1.json")

    return put


def job() -> Callable[[], None]:
    Path("file").write_text("line\n")
    queue = Queue("jobs")
    return lambda: queue.put({"file": "file"})


def python(file: str, *arguments: str) -> list[str]:
    return [sys.executable, str(EXAMPLES / file), *arguments]


def shell(file: str) -> list[str]:
    return ["sh", str(EXAMPLES / file)]


HABITS = [
    Habit(READY[0], shell("ready/before/import.sh"), 1.0, data_to_import("touch", "ready")),
    Habit(READY[1], shell("ready/after/import.sh"), 0.0, data_to_import("evt_set", "ready")),
    Habit(COUNT[0], python("count/before/count.py", "number"), 0.1, lock_file),
    Habit(COUNT[1], python("count/after/count.py", "number"), 0.0, lock),
    Habit(JOBS[0], python("jobs/before/work.py"), 0.5, job_file, forever=True),
    Habit(JOBS[1], python("jobs/after/work.py"), 0.0, job, forever=True),
]


@contextlib.contextmanager
def all_waiting(folder: str) -> Iterator[list[Waiter]]:
    """One of each, asleep."""
    with contextlib.ExitStack() as stack:
        waiters = []
        for number_, habit in enumerate(HABITS):
            waiters.append(waiter := Waiter(habit, os.path.join(folder, str(number_))))
            stack.callback(waiter.close)
        for waiter in waiters:
            waiter.until_asleep()
        time.sleep(0.1)  # a shell sleeps as soon as its child runs, which may still be on its way to the wait
        yield waiters


def end_of(waiter: Waiter) -> float:
    waiter.release()
    waiter.hear()
    return waiter.end_ms()


