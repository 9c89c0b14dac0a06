"""What type checkers must say, line by line. Not run: `test_reveal_type.py` gives it to mypy and pyright.

A comment behind a `reveal_type` is the type that it must show; a comment `error` means that the line must be refused.
"""

from __future__ import annotations

from typing import TypedDict, reveal_type

import msgspec

from tocsin import DataEvent, Delivery, Queue, Signal


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
