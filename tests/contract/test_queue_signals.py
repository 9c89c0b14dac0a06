"""Signals: handlers run at once while a call sleeps, and may use the very queue that it sleeps on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child

if TYPE_CHECKING:
    from tocsin import Queue

BEGIN = "q = tocsin.Queue('q', at=sys.argv[1], maxsize=2)\n"
CALLS = {
    "get": "q.get()",
    "receive": "q.receive()",
    "get_many": "q.get_many(3)",
    "put": "q.put_many([1, 2]), q.put(3)",
    "put_many": "q.put_many([1, 2, 3])",
    "join": "q.put(1), q.join()",
}


@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_ends_it(place: str, call: str) -> None:
    with Child(
        BEGIN + f"say('on')\ntry: {CALLS[call]}\nexcept KeyboardInterrupt: say('out', q.qsize())", place
    ) as child:
        assert child.hear() == "on"
        child.until_asleep()
        child.signal(signal.SIGINT)
        assert child.hear().startswith("out")
        child.check()


@pytest.mark.parametrize(
    ("call", "handler", "result"),
    [
        ("q.get()", "q.put('from the handler')", "from the handler"),
        ("q.receive().item", "q.put('from the handler')", "from the handler"),
        ("q.put_many([1, 2, 3])", "q.get()", "3"),
        ("(q.put(1), q.get(), q.join())[2]", "q.task_done()", "True"),
    ],
)
def test_a_handler_does_what_is_waited_for(place: str, call: str, handler: str, result: str) -> None:
    # Whoever connects to a server sleeps, too: so he has been there before he says that he waits.
    begin = "q.put(0), q.get(), q.task_done()\n" if "put_many" not in call else ""
    script = f"{begin}signal.signal(signal.SIGUSR1, lambda *_: {handler})\nsay('on')\nsay({call})\nos._exit(0)"
    with Child(BEGIN + script, place) as child:
        assert child.hear() == "on"
        child.until_asleep()
        child.signal(signal.SIGUSR1)
        assert child.hear() == result


def test_other_signals_lose_nothing(queue: Queue[Any], place: str) -> None:
    """A get that is interrupted again and again goes on, with its own deadline."""
    script = """
q = tocsin.Queue('q', at=sys.argv[1])
times = []
signal.signal(signal.SIGUSR1, lambda *_: times.append(1))
say('on')
found = [q.get() for _ in range(200)]
say(found == list(range(200)), len(times) > 0)
"""
    with Child(script, place) as child:
        assert child.hear() == "on"
        for number in range(200):
            child.signal(signal.SIGUSR1)
            queue.put(number)
        assert child.hear() == "True True"
        child.check()
