"""A worker of random_kill in Python: a task of an asyncio loop and a thread beside it, both waiting for one event.

    worker.py DIR PAGE SLOT

PAGE is busy.h's page: two words, then eight bytes for each slot, the second half of which is its phase. The task
owns slot SLOT, the thread the one after it.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import sys
import threading
import time
from pathlib import Path

from tocsin import Event, ObjectRemoved

PARKED, WAIT_SET, WAIT_CLEAR, BETWEEN = 1, 3, 4, 11
DIR, PAGE, SLOT = sys.argv[1], sys.argv[2], int(sys.argv[3])

with Path(PAGE).open("r+b") as file:
    page = mmap.mmap(file.fileno(), 0)


def write_phase(slot: int, phase: int) -> None:
    struct.pack_into("<I", page, 8 + 8 * slot + 4, phase)


def frozen() -> bool:
    return struct.unpack_from("<I", page, 0)[0] != 0


def open_event() -> Event:
    return Event("x", at=DIR)


def may_begin(slot: int) -> bool:
    """Say first that we begin, and look then: random_kill does it the other way round."""
    write_phase(slot, BETWEEN)
    if not frozen():
        return True
    write_phase(slot, PARKED)
    return False


async def task() -> None:
    event = open_event()
    while True:
        try:
            if may_begin(SLOT):
                write_phase(SLOT, WAIT_SET)
                await event.wait_async()
            if may_begin(SLOT):
                write_phase(SLOT, WAIT_CLEAR)
                await event.wait_clear_async()
            else:
                await asyncio.sleep(0.001)
        except ObjectRemoved:
            write_phase(SLOT, BETWEEN)
            event.close()
            event = open_event()


def thread() -> None:
    slot = SLOT + 1
    event = open_event()
    while True:
        try:
            if may_begin(slot):
                write_phase(slot, WAIT_CLEAR)
                event.wait_clear()
            if may_begin(slot):
                write_phase(slot, WAIT_SET)
                event.wait()
            else:
                time.sleep(0.001)
        except ObjectRemoved:
            write_phase(slot, BETWEEN)
            event.close()
            event = open_event()


threading.Thread(target=thread, daemon=True).start()
asyncio.run(task())
