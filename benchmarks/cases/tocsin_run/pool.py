"""`tocsin work` on a queue beside `xargs -P` on a list, the start of both counted in: the same command, two at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.tocsin_run.start import beside
from benchmarks.harness import Table, rounds
from benchmarks.procs import place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cases import Effort

WORK, BRACES = "tocsin work -j 2 -- true", "tocsin work -j 2 -- true {}"
RECEIVE, XARGS = "tocsin receive -- true", "xargs -P 2 -n 1 true"


def run(effort: Effort) -> Iterator[Table]:
    count = effort.of(400, 200)
    table = Table("pool", f"an item of {count:,}, each to a command of its own", "us", rate="items")
    ours, true, xargs = beside("tocsin"), shutil.which("true"), shutil.which("xargs")
    assert ours, "tocsin is not installed"
    assert true, "there is no `true`"
    with place() as here:
        env = {"PATH": os.defpath, "LC_ALL": "C", "TOCSIN_AT": here}
        lines = "".join(f"{n}\n" for n in range(count)).encode()
        listed = os.path.join(here, ".list")
        with open(listed, "wb") as file:
            file.write(lines)

        def timed(command: list[str], stdin: str = os.devnull) -> float:
            with open(stdin, "rb") as file:
                begin = time.perf_counter()
                subprocess.run(command, stdin=file, env=env, check=True)
                return (time.perf_counter() - begin) * 1e6 / count

        def from_queue(*words: str) -> float:
            subprocess.run([ours, "put", "jobs"], input=lines, env=env, check=True)
            return timed([ours, *words])

        measures: dict[str, Callable[[], float]] = {
            WORK: partial(from_queue, "work", "jobs", "-j2", "--until-empty", "--", true),
            BRACES: partial(from_queue, "work", "jobs", "-j2", "--until-empty", "--", true, "{}"),
            RECEIVE: partial(from_queue, "receive", "jobs", f"--count={count}", "--", true),
        }
        if xargs:
            measures[XARGS] = partial(timed, [xargs, "-P", "2", "-n", "1", true], listed)
        else:
            table.absent[XARGS] = "xargs is not installed"
        rounds(table, measures, effort.rounds())
    table.at_most("an item, with redelivery", WORK, XARGS, 1.5)
    table.print(XARGS)
    yield table


CASES = {"pool": run}
