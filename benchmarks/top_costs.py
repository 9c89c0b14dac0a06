"""What `tocsin top` costs: `python -m benchmarks.top_costs`. Its processor time, and what a queue at full speed loses.

The queue's rate is measured in windows with and without it, one after the other, and by the processor time that its
two processes got: whatever else the machine does falls on both, and what
contention and cold caches cost is seen.
"""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from tocsin import Event, Queue

WINDOWS, WINDOW_S, OBJECTS = 15, 2.0, 50

WORKER = """
import sys, tocsin
with tocsin.Queue('q', maxsize=1000) as q, tocsin.Event('go') as go:
    go.wait()
    while True:
        {}
"""


def start_top(place: str) -> tuple[subprocess.Popen[bytes], int]:
    ours, theirs = pty.openpty()
    top = subprocess.Popen(
        ["tocsin", "top", "--at", place],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    threading.Thread(target=drain, args=(ours,), daemon=True).start()
    return top, ours


def drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def processor_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def window(queue: Queue[object], workers: list[subprocess.Popen[bytes]]) -> float:
    """Items for a second of the workers' processor time."""
    puts, spent = queue.stats().puts, sum(processor_seconds(worker.pid) for worker in workers)
    time.sleep(WINDOW_S)
    return (queue.stats().puts - puts) / (sum(processor_seconds(worker.pid) for worker in workers) - spent)


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        os.environ["TOCSIN_AT"] = place
        kept = [Event(f"e{i}") for i in range(OBJECTS)]
        workers = [subprocess.Popen([sys.executable, "-c", WORKER.format(what)]) for what in ("q.put(1)", "q.get()")]
        with Queue("q", maxsize=1000) as queue, Event("go") as go:
            go.set()
            time.sleep(2)
            alone, beside = [], []
            for _ in range(WINDOWS):
                alone.append(window(queue, workers))
                top, terminal = start_top(place)
                time.sleep(1.5)  # its start is not what is measured
                before = processor_seconds(top.pid)
                beside.append(window(queue, workers))
                spent = (processor_seconds(top.pid) - before) / WINDOW_S
                top.terminate()
                top.wait()
                os.close(terminal)
                print(
                    f"{alone[-1]:10.0f} {beside[-1]:10.0f} items per processor second without and with;",
                    f"top: {spent:6.1%} of a core",
                    flush=True,
                )
            ratios = [b / a for a, b in zip(alone, beside, strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            print(f"with / without: median {middle:.3f}, quartiles {low:.3f} to {high:.3f}")
            for worker in workers:
                worker.kill()
                worker.wait()
            top, terminal = start_top(place)
            time.sleep(2)
            before = processor_seconds(top.pid)
            time.sleep(20)
            print(f"idle, {OBJECTS} objects: {(processor_seconds(top.pid) - before) / 20:.2%} of a core")
            top.terminate()
            top.wait()
            os.close(terminal)
        del kept


if __name__ == "__main__":
    main()
