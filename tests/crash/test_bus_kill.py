"""An emitter in Python is killed at any instruction of `Bus.emit`: the others hear it whole or not at all, in order."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.prove import cases

if TYPE_CHECKING:
    from collections.abc import Callable

#: What the others do: two sleep in the futex, one at the bell; all say in the end what they have heard, in its order.
HEARD = """
def sound(who, n, text):
    assert text == "%d.%d" % (who, n) * (n % 7 + who % 50), (who, n, text)
    heard.append((who, n))
import json
heard = []
"""
HANDLER = (
    HEARD
    + """
bus = tocsin.Bus("bus", at=sys.argv[1])
bus.on_error = lambda error, event, handler: say("WRONG", repr(error))
bus.register("job.done", sound)
bus.register("end", lambda: say(json.dumps(heard)))
say("listening"); hear()
"""
)
SUBSCRIBER = (
    HEARD
    + """
bus = tocsin.Bus("bus", at=sys.argv[1])
with bus.subscribe("**") as events:
    say("listening")
    for event in events:
        if event.name == "end": break
        if event.name == "job.done": sound(*event.args)
say(json.dumps(heard)); hear()
"""
)
TASK = (
    HEARD
    + """
import asyncio
from tocsin._topic import Topic
async def main():
    with Topic("bus", at=sys.argv[1], replay=0) as topic:
        say("listening")
        while True:
            name, args, kwargs = json.loads((await topic.read_async())[1])
            if name == "end": break
            if name == "job.done": sound(*args)
asyncio.run(main())
say(json.dumps(heard)); hear()
"""
)
#: Forks the emitters, and kills each at an instruction of its call. Between two deaths it emits itself: nobody hangs.
KILLER = """
import random
from harness import stepping
bus = tocsin.Bus("bus", at=sys.argv[1])
kind, kills, draw = sys.argv[2], int(sys.argv[3]), random.Random(int(sys.argv[4]))
def emit(who, n, bus=bus):
    bus.emit("job.done", (who, n, "%d.%d" % (who, n) * (n % 7 + who % 50)))
def emitter(who):
    if kind == "first":  # of its process: with all that is done once
        own = []
        return stepping.forked(lambda: own.append(tocsin.Bus("bus", at=sys.argv[1])), lambda: emit(who, 0, own[0]))
    return stepping.forked(lambda: [emit(who, n) for n in range(3)], lambda: emit(who, 3))
try: total, first, last = stepping.length(emitter(0), "/_core.")
except stepping.NotPermitted: say("not permitted"); sys.exit()
within = 0
for who in range(1, kills + 1):
    # Mostly in the core, where others could be harmed; it takes a fourth of the call.
    steps = draw.randrange(first, last) if draw.random() < 0.9 else draw.randrange(total)
    within += stepping.kill_after(emitter(who), steps)
    bus.emit("after", (who,))
bus.emit("end")
say(within, total)
"""


@pytest.mark.prove
@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("kind", ["one of many", "first"])
def test_an_emit_is_heard_wholly_or_not_at_all(kind: str, place: str, seed: int, tally: Callable[[str], None]) -> None:
    kills = cases(25, 3_000) if kind != "first" else cases(5, 500)  # which is ten times as long
    with ExitStack() as stack:
        others = [stack.enter_context(Child(script, place)) for script in (HANDLER, SUBSCRIBER, TASK)]
        for child in others:
            assert child.hear() == "listening"
        with Child(KILLER, place, kind, str(kills), str(seed)) as killer:
            told = killer.hear(3 * 3600)
            if told == "not permitted":
                pytest.skip("nobody may trace here (ptrace): try it outside of the container")
            killer.check()
        within, length = map(int, told.split())
        found = [json.loads(child.hear()) for child in others]
        for child in others:
            child.say()
            child.check()
    assert found[1] == found[0], seed
    assert found[2] == found[0], seed
    whole = 0
    begun = 0 if kind == "first" else 3
    for who in range(kills + 1):
        numbers = [n for emitter, n in found[0] if emitter == who]
        assert numbers in ([*range(begun)], [*range(begun + 1)]), f"{who}: {numbers}, seed {seed}"
        whole += len(numbers) > begun
    assert [0, begun] in found[0]  # the one that was not killed
    assert within > 0
    tally(f"{within} of {kills} killed within {length:,} instructions, {whole - 1} emits were heard, seed {seed}")
