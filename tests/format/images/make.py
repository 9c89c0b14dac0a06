"""Make the images of the present format, each by a process of its own: `python tests/format/images/make.py`.

One that is there is never made again: it is what builds that people use have left behind. See README.md.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FORMAT_H = HERE.parents[2] / "core/parts/format.h"

#: Image -> what its process does in the place `at`, and the state that this leaves, as `states.py` asks for it.
#: os._exit is a death: nothing is given back, nothing is closed.
IMAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "event-clear": ("Event('x', at=at)", {"is_set": False, "generation": 0, "owner_died": False}),
    "event-set": (
        "e = Event('x', at=at); e.set(); e.clear(); e.set()",
        {"is_set": True, "generation": 2, "owner_died": False},
    ),
    "event-listened": (
        "e = Event('x', at=at); e.set(); e.clear(); e.fileno()",
        {"is_set": False, "generation": 1, "owner_died": False},
    ),
    "event-owner-died": (
        "Event('x', at=at).own(); os._exit(0)",
        {"is_set": False, "generation": 0, "owner_died": True},
    ),
    "signal": ("s = Signal('x', at=at); s.signal(); s.signal(); s.signal()", {"count": 3}),
    "data": (
        "d = DataEvent('x', at=at); d.signal({'n': 1}); d.signal({'n': 2, 'word': 'zwölf'})",
        {"version": 2, "latest": {"n": 2, "word": "zwölf"}},
    ),
    "data-long": ("DataEvent('x', at=at).signal('ab' * 2_500)", {"version": 1, "latest": "ab" * 2_500}),
    "data-none": ("DataEvent('x', at=at)", {"version": 0, "latest": None}),
    "queue": (
        (
            "q = Queue('x', at=at, maxsize=10, max_deliveries=3)\n"
            "q.put('done'); q.put('second'); q.put({'n': 3}); q.get(); q.task_done()"
        ),
        {"items": [["second", 1], [{"n": 3}, 1]], "maxsize": 10, "max_deliveries": 3, "durable": False},
    ),
    "queue-consumer-died": (
        "q = Queue('x', at=at); q.put('held'); d = q.receive(); os._exit(0)",
        {"items": [["held", 2]], "maxsize": 0, "max_deliveries": 5, "durable": False},
    ),
    "queue-durable": (
        (
            "q = Queue('x', at=at, durable=True)\n"
            "for n in range(300): q.put(n)\n"
            "for n in range(298): q.get(); q.task_done()"
        ),
        {"items": [[298, 1], [299, 1]], "maxsize": 0, "max_deliveries": 5, "durable": True},
    ),
    "lock-free": ("k = Lock('x', at=at); k.acquire(); k.release()", {"locked": False, "abandoned": False}),
    "lock-holder-died": ("Lock('x', at=at).acquire(); os._exit(0)", {"locked": False, "abandoned": True}),
    "bus": (
        "b = Bus('x', at=at); b.emit('job.begun', (1,)); b.emit('job.done', (1, 'ok'), {'seconds': 2.5})",
        {"events": [["job.begun", [1], {}], ["job.done", [1, "ok"], {"seconds": 2.5}]]},
    ),
}


def present_format() -> int:
    (number,) = re.findall(r"#define TOC_FORMAT (\d+)", FORMAT_H.read_text())
    return int(number)


def files(place: Path) -> dict[str, str | None]:
    """Name -> what is in the file, packed; None: a bell, which is a FIFO."""
    return {
        path.name: None
        if stat.S_ISFIFO(path.stat().st_mode)
        else base64.b64encode(gzip.compress(path.read_bytes(), mtime=0)).decode()
        for path in sorted(place.iterdir())
    }


def main() -> int:
    home = HERE / f"format-{present_format()}"
    home.mkdir(exist_ok=True)
    missing = {name: made for name, made in IMAGES.items() if not (home / f"{name}.json").exists()}
    if not missing:
        print(f"all are in {home} already; an image is never made again", file=sys.stderr)
        return 1
    for name, (script, state) in missing.items():
        with tempfile.TemporaryDirectory() as place:
            code = f"import os\nfrom tocsin import *\nat = {place + '/'!r}\n{script}"
            # By its bare name and from its input: an owner's command line becomes part of the image.
            path = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            subprocess.run(["python3", "-"], input=code, text=True, env=path, check=True)
            image = {"made_by": script, "state": state, "files": files(Path(place))}
        (home / f"{name}.json").write_text(json.dumps(image, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
