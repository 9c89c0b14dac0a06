"""The main job on real input: a pipeline of four different kinds of process that wait for each other.

    tocsin demo [DIR]        or: python -m tocsin.demo [DIR]

======== ========================== ===================================== =============================
stage    is                         waits for                             hands over
======== ========================== ===================================== =============================
archive  a POSIX shell script       report/N-5 (no more in flight)        archive/N, a tar
hash     a C program                archive/N                             hash/N, SHA-256; an item: batch N
parse    threaded Python processes  an item of the C program's            an item: the counts of batch N
report   an asyncio Python          hash/N and the item, concurrently     report/N, the sum
======== ========================== ===================================== =============================

NAME/N is an Event with the name of the file that holds the result, and the file is complete before the event
is set. Items go through two Queues. Half-way one of the parsing processes is killed with SIGKILL, with items in
hand: they come back to another one, and a new process takes its place. Then the same pipeline runs with 50 ms
polling for files, and a table compares the two.
"""

from __future__ import annotations


def main(directory: str | None = None, *, quick: bool = False, json: bool = False) -> int:
    """Run the demo on `directory` (None: the standard library's source), and return the exit code.

    0: both pipelines computed what a plain loop computes. 1: they did not, or a stage died. 2: there is
    nothing to work on. 130: Ctrl-C. `quick` takes some 200 files of the tree. `json`: one object on
    standard output, and nothing else.
    """
    from tocsin.demo.run import run  # here, because each stage imports this package too

    return run(directory, quick=quick, json=json)
