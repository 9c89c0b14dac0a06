"""Eight processes on one bus, two of which are killed and started again: the others hear each emit once, in order."""

from __future__ import annotations

import contextlib
import json
import random
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.prove import cases
from harness.until import until

from tocsin._topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable

EMITTERS, LISTENERS = 3, 3

#: Emits its numbers, and waits for whoever listens; what it has emitted it says in the end.
EMITTER = """
from tocsin._topic import Topic
t = Topic('x', at=sys.argv[1])
who, count = sys.argv[2].encode(), int(sys.argv[3])
say('ready'); hear()
for number in range(count): t.emit(b'%s %d' % (who, number) + b'.' * (number % 97), wait=None)
say('done')
"""
#: Hears all of it, and judges: every emit once, each emitter's in its order and whole. A line on its input is the end.
LISTENER = """
import json, select
from queue import Empty
from tocsin._topic import Topic
t = Topic('x', at=sys.argv[1], replay=0)
say('ready')
heard, last, total = {}, None, None
while total is None or last is None or last < total:
    if total is None and select.select([sys.stdin], [], [], 0)[0]:
        total = int(hear())
        continue
    try: found = t.read_many(1000, 0.05 if total is None else None)
    except Empty: continue
    for number, payload in found:
        assert last is None or number == last + 1, (last, number)
        last = number
        who, which = payload.rstrip(b'.').split()
        which = int(which)
        assert len(payload) == len(b'%s %d' % (who, which)) + which % 97
        heard.setdefault(who.decode(), []).append(which)
say(json.dumps(heard))
"""
#: Both, until it is killed; the rest of the time it is on its feet again and never knows where it was.
VICTIM = """
from tocsin._topic import Topic
from queue import Empty
t = Topic('x', at=sys.argv[1], replay=0)
say('ready')
number = 0
while True:
    try:
        t.emit(b'%s %d' % (sys.argv[2].encode(), number) + b'.' * (number % 97), wait=0.001)
        number += 1
    except TimeoutError: pass  # it may be itself that has to read first
    try: t.read_many(1000, 0)
    except Empty: pass
"""


@pytest.mark.timeout(1800)
def test_two_of_eight_are_killed(place: str, seed: int, tally: Callable[[str], None]) -> None:
    count, kills, draw = cases(8_000, 100_000), cases(12, 150), random.Random(seed)
    with contextlib.ExitStack() as stack:
        topic = stack.enter_context(Topic("x", at=place, max_bytes=256 << 10))
        listeners = [stack.enter_context(Child(LISTENER, place)) for _ in range(LISTENERS)]
        emitters = [stack.enter_context(Child(EMITTER, place, f"e{i}", str(count))) for i in range(EMITTERS)]
        for child in listeners + emitters:
            child.hear()
        for child in emitters:
            child.say()
        names: list[str] = []

        def victim(which: int) -> Child:
            names.append(f"v{which}.{len(names)}")
            child = stack.enter_context(Child(VICTIM, place, names[-1]))
            child.hear()
            return child

        victims = [victim(0), victim(1)]
        for _ in range(kills):
            which = draw.randrange(2)
            before = topic.head
            until(lambda: topic.head > before + draw.randrange(200), "somebody emits")  # noqa: B023
            victims[which].kill()
            victims[which] = victim(which)
        for child in emitters:
            assert child.check() == "done\n"
        for child in victims:
            child.kill()
        total = topic.emit(b"end 0", wait=None)  # it, too, takes nothing from who is slow
        for child in listeners:
            child.say(str(total))
        found = [json.loads(child.hear()) for child in listeners]
        for child in listeners:
            child.check()
        for heard in found:
            assert heard == found[0]
            assert sum(map(len, heard.values())) == total
            for who in (*(f"e{i}" for i in range(EMITTERS)), *names):
                numbers = heard.get(who, [])
                assert numbers == list(range(len(numbers)))
                assert who[0] == "v" or len(numbers) == count
        assert topic.subscribers == 0
    tally(f"{total:,} emits of {EMITTERS + len(names)} processes, {kills + 2} of them killed, seed {seed}")
