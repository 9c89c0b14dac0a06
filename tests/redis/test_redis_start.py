"""What a command at a server imports: redis-py, and the loop that comes with it, load longer than a command works."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from harness.child import Child

from tocsin import Event, Queue

if TYPE_CHECKING:
    from harness.servers import RedisServer

HEAVY = {"redis", "ssl", "asyncio", "logging", "inspect", "subprocess", "importlib.metadata", "msgspec"}
CALLS = ("set e", "clear e", "wait e", "status e", "signal s", "emit b n", "put q 1", "get q", "receive q")
#: A call of `tocsin`, which says what was loaded when it ended.
CODE = """
import os, sys
def end(code): os.write(2, ("\\n".join(sys.modules) + "\\n").encode()); real(code)
real, os._exit = os._exit, end
sys.argv[0] = "tocsin"
from tocsin.cli import main
sys.exit(main())
"""


def loaded_by(call: str, place: str) -> set[str]:
    with Child.of([sys.executable, "-I", "-c", CODE, *call.split()], env={"TOCSIN_AT": place}) as child:
        assert child.end() == 0, child.errors()
        return set(child.errors().splitlines())


@pytest.mark.parametrize("call", CALLS)
def test_no_login_no_redis_py(call: str, place: str) -> None:
    with Event("e", at=place) as event, Queue("q", at=place) as queue:
        event.set()
        queue.put(1)
        loaded = loaded_by(call, place)
    assert "hiredis" in loaded
    assert sorted(HEAVY & loaded) == []


def test_redis_py_logs_in(server: RedisServer) -> None:
    assert "redis" in loaded_by("set e", server.url(db=1))
