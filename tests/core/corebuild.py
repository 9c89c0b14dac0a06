"""The core on the simulated floor 0, as a program."""

from __future__ import annotations

from pathlib import Path

from harness.cbuild import CORE, compile_c

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SIM = HERE / "sim"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wstrict-prototypes", "-Werror"]
SIM_FLAGS = ["-O1", "-g", "-DTOC_SIM", f"-I{SIM}", *WARNINGS]


#: What runs on the simulated floor 0. What stands under a lock has no verbs there.
SIMULATED = [
    *(f"parts/{stem}.c" for stem in ("bell", "place", "who")),
    *(f"objects/{stem}.c" for stem in ("event", "event_handle", "event_own", "handle_about", "handle_listen")),
    *(f"objects/{stem}.c" for stem in ("handle_owner", "object", "removal", "signal")),
]
QUEUE_ONLY = {"queues", "queues_judge", "queues_roles"}
EVENT_ONLY = {"owned", "scenarios", "signals"}
WRAPS = "-Wl,--wrap=calloc,--wrap=malloc,--wrap=realloc,--wrap=free,--wrap=strdup"


def compile_sim(directory: Path, core: Path = CORE) -> Path:
    """The core above floor 0, as it is, on the simulated floor 0."""
    own = sorted(p for p in SIM.glob("*.c") if p.stem not in QUEUE_ONLY)
    sources = [core / name for name in SIMULATED] + own  # which include held.c and handle.c
    return compile_c(directory / "sim", sources, *SIM_FLAGS, core=core, link=(WRAPS,))


def compile_queue_sim(directory: Path, core: Path = CORE) -> Path:
    """The same for the queue, with what it stands on."""
    stems = ("object.c", "removal.c", "handle_*.c", "queue*.c")
    sources = [p for stem in stems for p in sorted((core / "objects").glob(stem))]
    sources += [core / "parts" / f"{stem}.c" for stem in ("bell", "place", "short_lock", "change")]
    sources += sorted((core / "parts").glob("log_*.c"))
    sources += sorted(p for p in SIM.glob("*.c") if p.stem not in EVENT_ONLY)
    return compile_c(directory / "queue", sources, *SIM_FLAGS, core=core, link=(WRAPS,))
