"""What type checkers must say, line by line. Not run: `test_reveal_type.py` gives it to mypy and pyright.

A comment behind a `reveal_type` is the type that it must show; a comment `error` means that the line must be refused.
"""

from __future__ import annotations

from typing import TypedDict, reveal_type

import msgspec

from tocsin import (
    Bus,
    DataEvent,
    Delivery,
    Event,
    Lock,
    OwnerDied,
    Queue,
    Signal,
    WaitSet,
    Watchpoint,
    WatchpointHandler,
    wait_all,
    wait_all_async,
    wait_any,
    wait_any_async,
)


class Job(msgspec.Struct):
    id: int


class Row(TypedDict):
    id: int


jobs = Queue("jobs", type=Job)
anything = Queue("x")
raw = Queue("r", codec="raw")

reveal_type(jobs)  # Queue[Job]
reveal_type(anything)  # Queue[Any]
reveal_type(Queue())  # Queue[Any]
reveal_type(Queue("x", type=None))  # Queue[Any]
reveal_type(Queue("x", codec="json", maxsize=3))  # Queue[Any]
reveal_type(raw)  # Queue[bytes]
reveal_type(Queue("x", type=dict[str, int]))  # Queue[dict[str, int]]
reveal_type(Queue("x", type=Row))  # Queue[Row]
reveal_type(Queue("x", type=int | None))  # Queue[Any]

reveal_type(jobs.get())  # Job
reveal_type(jobs.get(True, 1.5))  # Job
reveal_type(jobs.get_nowait())  # Job
reveal_type(jobs.get_many(3))  # list[Job]
reveal_type(jobs.peek())  # Job
reveal_type(jobs.receive())  # Delivery[Job]
reveal_type(jobs.receive().item)  # Job
reveal_type(jobs.dead)  # Queue[Any]
reveal_type(jobs.join())  # bool
reveal_type(jobs.qsize())  # int
reveal_type(jobs.put_many([Job(1)]))  # int
reveal_type(raw.get())  # bytes

for job in jobs:
    reveal_type(job)  # Job
with jobs.receive() as delivery:
    reveal_type(delivery)  # Delivery[Job]
with Queue("jobs", type=Job) as opened:
    reveal_type(opened)  # Queue[Job]


async def main() -> None:
    reveal_type(await jobs.get_async())  # Job
    reveal_type(await jobs.get_many_async(2))  # list[Job]
    reveal_type(await jobs.join_async(1))  # bool
    async for each in jobs:
        reveal_type(each)  # Job
    async with await jobs.receive_async() as held:
        reveal_type(held.item)  # Job
    await jobs.put_async("x")  # error


def work(queue: Queue[Job]) -> Delivery[Job]:
    return queue.receive()


work(jobs)
work(anything)
work(raw)  # error
jobs.put(Job(1))
jobs.put({"id": 1})  # error
jobs.put_many(["x"])  # error
raw.put("text")  # error
jobs.get("x", "y")  # error
Queue(10)  # error
Queue("x", codec="pickle")  # error

value = DataEvent("x", type=Job)
reveal_type(value)  # DataEvent[Job]
reveal_type(value.wait())  # Job
reveal_type(value.latest())  # Job
reveal_type(value.latest(None))  # Job | None
reveal_type(value.signal(Job(1)))  # int
reveal_type(DataEvent("x"))  # DataEvent[Any]
reveal_type(DataEvent("x", type=dict[str, int]))  # DataEvent[dict[str, int]]
for one in value:
    reveal_type(one)  # Job
reveal_type(Signal().wait())  # int
reveal_type(list(Signal()))  # list[int]
value.signal("x")  # error
DataEvent("x", "y")  # error

event = Event("built")
reveal_type(event.own())  # None
reveal_type(event.disown())  # None
reveal_type(event.owner)  # Owner | None
if event.owner:
    reveal_type(event.owner.pid)  # int
    reveal_type(event.owner.alive)  # bool
event.own("make")  # error
event.owner = None  # error
try:
    event.wait()
except OwnerDied as died:
    reveal_type(died.owner)  # Owner | None

lock = Lock("deploy")
reveal_type(lock.acquire())  # bool
reveal_type(lock.acquire(False))  # bool
reveal_type(lock.acquire(True, 1.5))  # bool
reveal_type(lock.release())  # None
reveal_type(lock.locked())  # bool
reveal_type(lock.abandoned)  # bool
reveal_type(lock.holder)  # Owner | None
with lock as taken:
    reveal_type(taken)  # Lock
lock.acquire("x")  # error


async def locked() -> None:
    reveal_type(await lock.acquire_async())  # bool
    async with lock as held:
        reveal_type(held)  # Lock
    reveal_type(await wait_any_async(event, jobs, timeout=1))  # list[Any]
    reveal_type(await wait_all_async(event, lock))  # bool
    reveal_type(await WaitSet([event]).wait_async())  # list[Any]
    reveal_type(await marks.wait_async("a", 1))  # bool
    async for change in marks.changes():
        reveal_type(change)  # tuple[Any, bool]


reveal_type(wait_any(event, jobs, 0, timeout=1.5))  # list[Any]
reveal_type(wait_all(event, lock))  # bool
wait_any(event, timeout="x")  # error
some = WaitSet([event, lock, 0])
some.add(jobs)
some.discard(event)
reveal_type(some.wait(1))  # list[Any]
reveal_type(some.fileno())  # int
reveal_type(event in some)  # bool
with some as opened_set:
    reveal_type(opened_set)  # WaitSet
some.wait("x")  # error

point = Watchpoint("a", "/run/job")
reveal_type(point.name)  # str
reveal_type(point.directory)  # str
marks = WatchpointHandler([point, Watchpoint(1, "/run/job", name="b")])
reveal_type(marks.create("a"))  # bool
reveal_type(marks.remove(1))  # bool
reveal_type(marks.exists("a"))  # bool
reveal_type(marks.wait("a", timeout=2))  # bool
reveal_type(marks.wait_removed("a"))  # bool
reveal_type(marks.wait_all("a", 1))  # bool
for _, present in marks.changes():
    reveal_type(present)  # bool
with marks as handler:
    reveal_type(handler)  # WatchpointHandler
point.path = "x"  # error
Watchpoint(None, "x")  # error
marks.wait(1.5)  # error

bus = Bus("events")
reveal_type(bus)  # Bus
reveal_type(Bus())  # Bus
reveal_type(bus.name)  # str | None


@bus.on("job.*", policy="wait", limit=10)
async def handle(number: int, *, text: str = "") -> bytes:
    return text.encode() * number


@bus.on("job.done", None, False)
def note(number: int) -> None: ...


reveal_type(note(1))  # None
note("x")  # error
heeder = bus.register("job.done", note, concurrency=None, weak=True)
reveal_type(heeder)  # BusHandler
reveal_type(heeder.pattern)  # str
reveal_type(heeder.queued)  # int
reveal_type(heeder.recurring)  # bool
reveal_type(bus.once("job.done", note))  # BusHandler
reveal_type(bus.unregister(func=note))  # list[BusHandler]
reveal_type(bus.unregister("job.*"))  # list[BusHandler]
reveal_type(bus.emit("job.done", (1,), {"text": "x"}))  # int
reveal_type(bus.emit("job.done", wait=None))  # int
reveal_type(bus.proxy.job.done(1, text="x"))  # int
timer = bus.emit_after(1.5, "job.done", (1,))
reveal_type(timer)  # Timer
reveal_type(timer.cancel())  # bool
reveal_type(timer.pending)  # bool
happened = bus.wait("job.*", timeout=1)
reveal_type(happened)  # BusEvent
reveal_type(happened.name)  # str
reveal_type(happened.args)  # tuple[Any, ...]
reveal_type(happened.kwargs)  # dict[str, Any]
reveal_type(bus.stats())  # BusStats
with bus.subscribe("job.**", policy="wait") as heard:
    reveal_type(heard)  # Subscription
    reveal_type(heard.wait(1))  # BusEvent
    reveal_type(heard.queued)  # int
    reveal_type(wait_any(heard, event))  # list[Any]
    reveal_type(heard.cancel())  # None
    for told in heard:
        reveal_type(told)  # BusEvent
with bus as same:
    reveal_type(same)  # Bus


async def on_the_bus() -> None:
    reveal_type(await handle(2))  # bytes
    reveal_type(await bus.emit_async("job.done", (1,), wait=None))  # int
    reveal_type(await bus.wait_async("job.done", 1))  # BusEvent
    reveal_type(await heard.wait_async())  # BusEvent
    async for told in heard:
        reveal_type(told)  # BusEvent


bus.register("x", 7)  # error
bus.emit("x", "text")  # error
bus.emit(1)  # error
bus.wait("x", timeout="soon")  # error
bus.subscribe("x", limit="many")  # error
Bus("x", loop="none")  # error
