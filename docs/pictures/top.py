"""The picture of `tocsin top` in docs/howto/top.md: `python docs/pictures/top.py` draws it anew, from a run of its own.

Real objects in a place of their own, real processes that work on them, and what `tocsin top` makes of them: nothing in
it is invented but the names.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tocsin import DataEvent, Event, Lock, Queue
from tocsin.cli._sample import Sampler
from tocsin.cli._view import View
from tocsin.cli._walk import places

COLUMNS, LINES = 80, 20

WORK = {
    "./render.py": "for job in (q.receive() for q in [tocsin.Queue('render/jobs')] for _ in iter(int, 1)):\n"
    "    with job: time.sleep(0.004); tocsin.Queue('render/done').put(job.item); tocsin.Signal('frame').signal()",
    "./feed.py": "q = tocsin.Queue('render/jobs')\nwhile True: q.put({'frame': 1}); time.sleep(0.002)",
    "./collect.py": "for item in tocsin.Queue('render/done'): tocsin.DataEvent('progress').signal(item)",
    "./show.py": "for n in tocsin.Signal('frame'): pass",
    "./weather.py": "d = tocsin.DataEvent('weather')\nwhile True: d.signal({'wind': 7}); time.sleep(0.02)",
    "./migrate.py": "l = tocsin.Lock('db/migrate'); l.acquire(); time.sleep(1e6)",
    "./serve.py": "tocsin.Event('stop').wait()",
    "./build.py": "e = tocsin.Event('build/parser'); e.own(); time.sleep(1e6)",
    "./link.py": "tocsin.wait_all(tocsin.Event('build/parser'), tocsin.Event('build/lexer'))",
    "./queue.py": "tocsin.Lock('db/migrate').acquire()",
}


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place, ExitStack() as workers:
        Event("build/lexer", at=place).set()
        for made in (DataEvent("progress", at=place), Lock("db/backup", at=place), Queue("mail", at=place)):
            made.close()
        for command, script in WORK.items():
            code = f"import time, tocsin\n{script}"
            for _ in range(3 if command == "./serve.py" else 1):
                process = subprocess.Popen([sys.executable, "-c", code, command], env={"TOCSIN_AT": place})
                workers.callback(process.wait)
                workers.callback(process.kill)
        time.sleep(3)
        sampler, view = Sampler(places([], place), 1.0), View("user", 1.0)
        sampler.take()
        time.sleep(1)
        draw(view, sampler)


def draw(view: View, sampler: Sampler) -> None:
    console = Console(width=COLUMNS, record=True, file=StringIO(), force_terminal=True)
    for text, style in view.lines(sampler.take(), COLUMNS, LINES):
        console.print(Text(f"{text:<{COLUMNS}}"[:COLUMNS], style=style), no_wrap=True, overflow="crop")
    target = Path(__file__).with_suffix(".svg")
    picture = console.export_svg(title="tocsin top")
    # The fonts of its own that it would fetch from the network: the reader's will do.
    target.write_text(re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL))


if __name__ == "__main__":
    main()
