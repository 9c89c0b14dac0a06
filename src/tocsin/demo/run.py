"""The whole demo: plain, with events, with polling, compared."""

from __future__ import annotations

import json as codec
import os
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tocsin.demo.child import Failed
from tocsin.demo.files import batches, sources
from tocsin.demo.job import STAGES, Job, Outcome
from tocsin.demo.pipeline import Pipeline
from tocsin.demo.place import objects_of_its_own
from tocsin.demo.plain import compute
from tocsin.demo.progress import Progress
from tocsin.demo.stop import Stop, Stopped, stopping
from tocsin.demo.tools import Tools
from tocsin.demo.verdict import Verdict

QUICK = 200


def run(directory: str | None, *, quick: bool, json: bool) -> int:
    """See `tocsin.demo.main`."""
    console = Console(quiet=json)
    root = Path(directory or sysconfig.get_path("stdlib")).resolve()
    files = sources(root)
    if not files:
        return _complain(f"no Python source files below {root}", 2)
    try:
        with stopping() as stop:
            work = batches(files[:: max(1, len(files) // QUICK)] if quick else files)
            verdict = _run(Job(root, work, Tools.find()), console, stop)
        if json:
            sys.stdout.write(codec.dumps(verdict.summary(), indent=2) + "\n")
        else:
            verdict.show(console)
    except Stopped as stopped:
        return _complain(str(stopped), stopped.exit_code)
    except (Failed, OSError) as failed:  # OSError: the tree went away, no room, the reader of our output left
        return _complain(str(failed), 1)
    return 0 if verdict.equal else 1


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"demo: {text}\n")
    return code


def _run(job: Job, console: Console, stop: Stop) -> Verdict:
    count = sum(map(len, job.work))
    console.print(
        f"{job.root}: {count:,} Python files, {len(job.work)} batches, {job.window} in flight, {job.workers} workers",
        soft_wrap=True,
    )
    began = time.monotonic()
    with Progress(console, "plain: one process, one loop", ["plain"], len(job.work)).shown() as progress:

        def done() -> None:
            progress.advance("plain")
            stop.check()

        plain = compute(job.root, job.work, done)
    alone = time.monotonic() - began
    return Verdict(
        job.root, plain, alone, _pipeline("events", job, console, stop), _pipeline("polling", job, console, stop)
    )


def _pipeline(how: str, job: Job, console: Console, stop: Stop) -> Outcome:
    """One run, in a directory of its own that doesn't outlive it: on a RAM disk, unless TMPDIR says otherwise."""
    ram = "/dev/shm"  # noqa: S108 - only as the parent of a directory with mode 0700
    base = ram if "TMPDIR" not in os.environ and os.access(ram, os.W_OK | os.X_OK) else None
    title = {"events": "with events and queues", "polling": "with 50 ms polling"}[how]
    progress = Progress(console, title, STAGES, len(job.work))
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-demo-", dir=base) as place,
        progress.shown(),
        objects_of_its_own(Path(place) / "events") as at,
    ):
        return Pipeline(how, job, Path(place), at).execute(progress, stop)
