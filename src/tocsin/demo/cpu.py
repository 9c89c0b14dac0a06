"""CPU time, ours and everybody else's."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def others_cpu() -> float:
    """What the machine has used (all of the first line of /proc/stat but idle and waiting for disks), less ours."""
    user, nice, system, _idle, _disk, interrupts, soft, *_ = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    used = sum(map(int, (user, nice, system, interrupts, soft))) / os.sysconf("SC_CLK_TCK")
    return used - time.process_time() - children_cpu()
