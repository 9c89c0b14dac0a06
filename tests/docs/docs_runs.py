"""A page's blocks, run one after the other as a reader would: in one directory and one place, in a real shell."""

from __future__ import annotations

import configparser
import contextlib
import doctest
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.asleep import asleep
from harness.cbuild import compile_c, library
from harness.child import Child
from harness.terminal import Terminal, session
from harness.until import until

if TYPE_CHECKING:
    from docs_blocks import Block
    from docs_given import Given

BIN = Path(sys.executable).parent
#: A watchdog for a block, which may start a dozen programs; a page has several.
BLOCK_S = 240.0
#: Between what two commands of a console print.
MARK = "\x1e"
ENDS = "\x1d"


@dataclass
class Running:
    block: Block
    child: Child


class Page:
    """`with Page(directory, environment) as page: page.run(block, given)`."""

    def __init__(self, directory: Path, place: str) -> None:
        self.directory = directory
        home = directory.parent / "home"
        home.mkdir()
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("TOCSIN", "PYTEST"))},
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(home),
            "TOCSIN_AT": place,
        }
        self.files: dict[str, bool] = {}  # saved from blocks; has one below named it?
        self.left_out: list[str] = []
        self._waiting: list[Running] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._waiting:
            end_session(each.child.pid)
        self._stack.close()

    # -- a block

    def run(self, block: Block, given: Given) -> None:
        for name, text in given.files.items():
            self.save(name, text)
        text = block.text
        for old, new in given.instead.items():
            assert old in text, f"{block}: {old!r} isn't there any more"
            text = text.replace(old, new.replace("$HERE", str(self.directory)))
        if block.file:
            self.save(block.file, text)
            self.files[block.file] = False
        if block.language == "ini":
            self.files[str(block.file)] = unit(self.directory / str(block.file))
        if block.file:
            return
        if given.needs and subprocess.run(given.needs, shell=True, check=False, capture_output=True).returncode:
            self.left_out.append(f"{block}: this machine doesn't permit: {given.needs}")
            return
        for name in self.files:
            self.files[name] |= Path(name).stem in text
        if given.terminal:
            self.at_a_terminal(text, given)
            return
        self.begin(block, self.command(block, text, given), given)

    def save(self, name: str, text: str) -> None:
        path = self.directory / name
        assert path.resolve().is_relative_to(self.directory.resolve()), name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if text.startswith("#!"):
            path.chmod(0o755)

    def command(self, block: Block, text: str, given: Given) -> list[str]:
        if block.language == "python":
            return [sys.executable, "-c", given.before + text]
        if block.language == "sh":
            return ["bash", "-ec", given.before + text]
        if block.language == "c":
            source = self.directory / "block.c"
            source.write_text(text)
            return [str(compile_c(self.directory / "block", [source, *library()]))]
        if block.language == "crontab":
            return ["sh", "-ec", given.before + at_once(text)]
        assert commands(text), f"{block}: a console without a `$ ` line"
        lines = [f"{line}\nprintf '{MARK}'" for line in commands(text)]
        return ["bash", "-c", f"exec 2>&1\n{given.before}" + "\n".join(lines) + f"\nprintf '{ENDS}'"]

    def begin(self, block: Block, command: list[str], given: Given) -> None:
        child = self._stack.enter_context(
            Child.of(command, env=self.environment, cwd=self.directory, start_new_session=True)
        )
        running = Running(block, child)
        self._waiting.append(running)
        if block.waits:
            until(lambda: child.process.poll() is not None or sleeps(child.pid), f"{block} waits", BLOCK_S)
            assert child.process.poll() is None, f"{block} doesn't wait: {child.end()} {child.rest} {child.errors()}"
        else:
            self.finish(running, given)

    def finish(self, running: Running, given: Given) -> None:
        block, child = running.block, running.child
        if given.forever:
            while not re.search(given.forever, child.hear()):
                pass
            end_session(child.pid)
            child.end()
            self._waiting.remove(running)
            return
        until(lambda: not alive(child.pid), f"{block} ends, and all that it started", BLOCK_S)
        code = child.end()
        self._waiting.remove(running)
        said = f"{block}\n{child.rest}\n{child.errors()}"
        assert code == given.exit, f"exit {code}: {said}"
        assert "Traceback" not in child.errors(), said
        if block.language == "console":
            self.compare(block, block.text, transcript(block.text, child.rest))
        elif block.output is not None and given.output:
            self.compare(block, block.output, child.rest)

    def compare(self, block: Block, want: str, got: str) -> None:
        checker = doctest.OutputChecker()
        same = checker.check_output(want, got, doctest.ELLIPSIS)
        assert same, f"{block}\n--- printed there:\n{want}\n--- it says:\n{got}"

    def at_a_terminal(self, text: str, given: Given) -> None:
        """Line by line, because a program at a terminal would take the next one for keys."""
        environment = [f"{key}={value}" for key, value in self.environment.items()]
        with Terminal(["env", *environment, "bash", "--norc", "-i"], term="xterm") as terminal:
            terminal.until("<next>")
            terminal.line(f"cd '{self.directory}'")
            for line, keys in zip(text.splitlines(), given.terminal, strict=True):
                terminal.type(f"{line}\n")
                if keys:
                    terminal.until("q quit")
                    terminal.type(keys)
                terminal.until("<next>")
                said = terminal.line('echo "code=$?"')
                assert "code=0" in said, f"{line}: {said}"

    # -- the end of the page

    def end(self, given: dict[str, Given]) -> None:
        """Who waited was let go by what stood below, and each file was used."""
        for running in [*self._waiting]:
            self.finish(running, given[str(running.block)])
        unused = [name for name, used in self.files.items() if not used]
        assert not unused, f"saved, and never used: {unused}"


def unit(path: Path) -> bool:
    """A systemd unit: what it starts is our program; and systemd understands all of it, where it is installed."""
    read = configparser.ConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read_string(path.read_text())
    assert read.has_section("Unit"), path
    assert read.has_section("Timer") or shlex.split(read["Service"]["ExecStart"])[0] == "/usr/bin/tocsin", path
    path.write_text(path.read_text().replace("/usr/bin/", f"{BIN}/"))
    if shutil.which("systemd-analyze"):
        done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
        found = [line for line in done.stderr.splitlines() if path.name in line]
        assert not found, done.stderr
    return True


def at_once(table: str) -> str:
    """What cron would do at the minute at which all lines are due."""
    script, jobs = [], 0
    for line in table.splitlines():
        times = re.match(r"(?:[\d*,/-]+\s+){5}", line)
        if times:
            jobs += 1
            script.append(f"( {line[times.end():]} ) & job{jobs}=$!")
        else:
            script.append(f"export {line}")
    return "\n".join([*script, *(f"wait $job{number + 1}" for number in range(jobs))])


def commands(text: str) -> list[str]:
    """Of a console: what stands behind `$ `."""
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


def transcript(text: str, said: str) -> str:
    """What a console would show: each command and what it said."""
    assert said.endswith(ENDS), said
    parts = said.removesuffix(ENDS).split(MARK)
    shown = [f"$ {command}\n{output}" for command, output in zip(commands(text), parts, strict=False)]
    return "".join(part if part.endswith("\n") else part + "\n" for part in shown)


def sleeps(leader: int) -> bool:
    """Somebody in the session waits for an object, or for descriptors."""
    return any(asleep(pid) for pid in session(leader))


def alive(leader: int) -> list[int]:
    """Who of a session has not ended. One whose end nobody has asked for yet (a zombie) has."""
    found = []
    for pid in session(leader):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                found.append(pid)
    return found


def end_session(leader: int) -> None:
    for pid in session(leader):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
