"""A command at a Redis server, from its spawn until it is reaped, beside the same by hand in a Python with redis-py."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.cases.event.start import EVT_SET, median_us
from benchmarks.cases.redis import place
from benchmarks.cases.tocsin_run.start import beside
from benchmarks.harness import Table, rounds
from benchmarks.peers import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.cases import Effort

BARE, BY_HAND = "python -c pass", "redis-py by hand: XADD"
SET, PUT, LOGIN = "evt_set e", "tocsin put q 1", "evt_set e, in another database"
CODE = "import sys, redis; redis.Redis(unix_socket_path=sys.argv[1]).xadd('by-hand', {'e': 1}, maxlen=1)"


def run(effort: Effort) -> Iterator[Table]:
    table = Table("startup at a server", "a command at a Redis server, from its spawn until it is reaped", "us")
    evt_set, tocsin = beside(EVT_SET), beside("tocsin")
    assert evt_set, "evt_set is not installed"
    assert tocsin, "tocsin is not installed"
    at = place()
    env = {"PATH": f"{os.path.dirname(tocsin)}:{os.defpath}", "LC_ALL": "C.UTF-8", "TOCSIN_AT": at}
    theirs = {**env, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}  # the peers' directory is in it
    measures = {
        BARE: partial(median_us, [sys.executable, "-c", "pass"], env, 3),
        SET: partial(median_us, [evt_set, "e"], env, 3),
        PUT: partial(median_us, [tocsin, "put", "q", "1"], env, 3),
        LOGIN: partial(median_us, [evt_set, "e"], {**env, "TOCSIN_AT": f"{at}&db=1"}, 3),
        BY_HAND: partial(median_us, [sys.executable, "-c", CODE, redis_server.socket()], theirs, 3),
    }
    for measure in measures.values():
        measure()
    rounds(table, measures, effort.rounds())
    for one in (SET, PUT):
        table.at_most(f"{one}, at a server", one, BY_HAND, 1.0)
    table.print(BARE)
    yield table


CASES = {"server": run}
