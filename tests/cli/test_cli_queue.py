"""put, get and receive: work from shell to shell, which no kill and no closed pipe loses."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.until import until

from tocsin import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from subprocess import CompletedProcess
    from typing import Any

Run = Callable[..., "CompletedProcess[str]"]
Shell = Callable[[str], "CompletedProcess[str]"]


@pytest.fixture
def jobs(place: str) -> Iterator[Queue[Any]]:
    with Queue("jobs", at=place) as queue:
        yield queue


def said(result: CompletedProcess[str], code: int = 0) -> str:
    assert (result.returncode, result.stderr) == (code, "")
    return result.stdout


def drain(queue: Queue[Any]) -> list[Any]:
    return queue.get_many(10_000, block=False) if queue.qsize() else []


def test_put_and_get(run: Run, jobs: Queue[Any]) -> None:
    assert said(run("tocsin", "put", "jobs", '{"id": 1}', "[2]", "null", '"ü"')) == ""
    assert jobs.qsize() == 4
    assert said(run("tocsin", "get", "jobs")) == '{"id":1}\n'
    assert said(run("tocsin", "peek", "jobs")) == "[2]\n"
    assert said(run("tocsin", "get", "jobs", "--count", "2")) == "[2]\nnull\n"
    assert said(run("tocsin", "get", "jobs", "--raw")) == "ü\n"
    assert said(run("tocsin", "get", "jobs", "--timeout", "0"), 1) == ""
    assert said(run("tocsin", "peek", "jobs"), 1) == ""
    assert jobs.join(60)  # what a command took is done


def test_lines_from_standard_input(run: Run, jobs: Queue[Any]) -> None:
    lines = [{"n": n, "text": "x" * (n % 1000)} for n in range(2000)]
    text = "\n".join(json.dumps(line) for line in lines)
    assert json.loads(said(run("tocsin", "put", "jobs", "--json", input=text + "\n\n  \n")))["put"] == 2000
    assert (
        json.loads(said(run("tocsin", "put", "jobs", "-", "--json", input='"the last line has no newline"')))["put"]
        == 1
    )
    assert drain(jobs) == [*lines, "the last line has no newline"]
    assert json.loads(said(run("tocsin", "put", "jobs", "--json", input=""))) == {
        "name": "jobs",
        "at": jobs.at,
        "put": 0,
    }


def test_a_line_is_put_when_it_comes(jobs: Queue[Any]) -> None:
    with Child.of(["tocsin", "put", "jobs"]) as put:
        for n in range(3):
            put.say(str(n))
            assert jobs.get(timeout=60) == n
        put.process.stdin.close()
        assert put.process.wait(60) == 0


def test_a_wrong_line(run: Run, jobs: Queue[Any]) -> None:
    wrong = run("tocsin", "put", "jobs", input="1\n2\nthree\n4\n")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert len(wrong.stderr.splitlines()) == 1
    assert "line 3" in wrong.stderr
    assert "2 before it were put" in wrong.stderr
    assert drain(jobs) == [1, 2]


def test_a_line_that_is_too_large(run: Run, jobs: Queue[Any]) -> None:
    """Those before it are in, also when they were read together with it."""
    failed = run("tocsin", "put", "jobs", input=f'1\n2\n"{"x" * (65 << 20)}"\n4\n')
    assert failed.returncode == 3
    assert len(failed.stderr.splitlines()) == 1
    assert "2 before it were put" in failed.stderr
    refused = run("tocsin", "put", "jobs", "--max-deliveries=9", "5")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert drain(jobs) == [1, 2]


def test_a_wrong_argument_puts_nothing(run: Run, jobs: Queue[Any]) -> None:
    wrong = run("tocsin", "put", "jobs", "1", "two")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "'two' is no JSON" in wrong.stderr
    assert jobs.empty()


def test_raw(run: Run, place: str) -> None:
    said(run("tocsin", "put", "bytes", "--raw", "plain {text}", ""))
    assert said(run("tocsin", "get", "bytes", "--count", "2")) == "plain {text}\n\n"
    with Queue("bytes", codec="raw") as queue:
        queue.put(b"\xff\x00")
    rows = [json.loads(said(run("tocsin", "peek", "bytes", "--json")))]
    rows.append(json.loads(said(run("tocsin", "get", "bytes", "--json"))))
    assert [row["base64"] for row in rows] == ["/wA="] * 2
    lines = run("tocsin", "put", "bytes", "--raw", input="one\n\nthree")
    assert lines.returncode == 0
    assert said(run("tocsin", "get", "bytes", "--count", "3")) == "one\n\nthree\n"
    other = run("tocsin", "put", "bytes", "1")
    assert other.returncode == 3
    assert "codec" in other.stderr
    assert len(other.stderr.splitlines()) == 1


def test_what_is_fixed_when_it_is_made(run: Run) -> None:
    said(run("tocsin", "put", "small", "--maxsize=2", "--max-bytes=1000", "--max-deliveries=3", "1", "2"))
    with Queue("small") as queue:
        found = queue.stats()
        assert (found.maxsize, found.max_bytes, found.max_deliveries, found.durable) == (2, 1000, 3, False)
    assert said(run("tocsin", "put", "small", "3", "--timeout", "0"), 1) == ""
    part = run("tocsin", "put", "small", "--json", "--timeout=0", input="3\n4\n")
    assert part.returncode == 1
    assert json.loads(part.stdout)["put"] == 0
    differs = run("tocsin", "put", "small", "--maxsize=5", "5")
    assert differs.returncode == 3
    assert "maxsize=2" in differs.stderr
    assert len(differs.stderr.splitlines()) == 1


def test_put_waits_for_room(run: Run) -> None:
    with Queue("small", maxsize=1) as queue, Child.of(["tocsin", "put", "small", "1", "2", "3"]) as put:
        until(lambda: queue.qsize() == 1, "the first is in")
        put.until_asleep()
        assert [queue.get(timeout=60) for _ in range(3)] == [1, 2, 3]
        assert put.check() == ""


def test_get_waits_for_an_item(jobs: Queue[Any]) -> None:
    with Child.of(["tocsin", "get", "jobs", "--count=2"]) as get:
        for n in range(2):
            get.until_asleep()
            jobs.put(n)
            assert get.hear() == str(n)
        assert get.check() == ""


def test_get_all_that_is_there(run: Run, jobs: Queue[Any]) -> None:
    jobs.put_many(range(100))
    every = run("tocsin", "get", "jobs", "--count=inf", "--timeout=0")
    assert (every.returncode, every.stderr) == (1, "")
    assert every.stdout.split() == [str(n) for n in range(100)]
    jobs.put(1)
    jobs.shutdown()
    assert said(run("tocsin", "get", "jobs", "--count=inf")) == "1\n"  # nothing more will ever come: the end
    over = run("tocsin", "get", "jobs")
    assert (over.returncode, over.stdout) == (3, "")
    assert "shut down" in over.stderr
    closed = run("tocsin", "put", "jobs", "1")
    assert closed.returncode == 3
    assert "shut down" in closed.stderr


def test_get_in_json(run: Run, jobs: Queue[Any]) -> None:
    jobs.put({"id": 7})
    found = json.loads(said(run("tocsin", "get", "jobs", "--json")))
    assert found == {"name": "jobs", "sequence": 1, "attempt": 1, "item": {"id": 7}}


@pytest.mark.parametrize("verb", ["get", "receive"])
def test_a_reader_that_leaves_loses_nothing(verb: str, jobs: Queue[Any]) -> None:
    """The pipe breaks after any number of lines; what was not read by then is still in the queue."""
    jobs.put_many(range(200))
    script = f"tocsin {verb} jobs --count=inf | head -n 3; echo ${{PIPESTATUS[0]}}"
    with Child.of(["bash", "-c", script]) as pipe:
        assert [pipe.hear() for _ in range(3)] == ["0", "1", "2"]
        until(lambda: jobs.qsize() < 200, "some are taken")
        while pipe.process.poll() is None:  # it learns of the closed pipe when it has something to print
            jobs.put("more")
            os.sched_yield()
        assert pipe.end() == 0
        assert pipe.rest == "141\n"
        assert pipe.errors() == ""
    left = [item for item in drain(jobs) if item != "more"]
    printed = 200 - len(left)  # the kernel's pipe took some that head never read: they were delivered
    assert printed >= 3
    assert sorted(left) == list(range(printed, 200))
    assert jobs.stats().held == 0


def test_a_get_that_is_killed_loses_nothing(jobs: Queue[Any]) -> None:
    """Whatever it had in hand comes back, so each item is printed or still there; one may be both."""
    padding = "x" * 10_000  # what is there is more than the pipes take, so each is killed in the middle of a line
    jobs.put_many([[n, padding] for n in range(300)])
    seen: set[int] = set()
    for _ in range(4):
        with Child.of(["tocsin", "get", "jobs", "--count=inf"]) as get:
            seen.add(json.loads(get.hear())[0])
            get.signal(signal.SIGKILL)
            assert get.end() == -signal.SIGKILL
            seen |= {json.loads(line)[0] for line in get.rest.splitlines(keepends=True) if line.endswith("\n")}
    left = set()
    while not jobs.join(0):
        with jobs.receive(timeout=60) as delivery:
            left.add(delivery.item[0])
    assert seen | left == set(range(300))


@pytest.mark.parametrize("verb", ["get", "receive"])
def test_an_output_that_takes_nothing_loses_nothing(verb: str, shell: Shell, jobs: Queue[Any]) -> None:
    jobs.put("item")
    for output in (">/dev/full", ">&-"):
        failed = shell(f"tocsin {verb} jobs {output}")
        assert failed.returncode == 3
        assert len(failed.stderr.splitlines()) == 1
        assert "standard output" in failed.stderr
    with jobs.receive(timeout=60) as delivery:
        assert delivery.item == "item"


def test_receive_runs_a_command(run: Run, jobs: Queue[Any]) -> None:
    jobs.put({"id": 1})
    result = run(
        "tocsin", "receive", "jobs", "--", "sh", "-c", 'cat; echo "attempt $TOCSIN_ATTEMPT of $TOCSIN_SEQUENCE"'
    )
    assert said(result) == '{"id":1}\nattempt 1 of 1\n'
    assert jobs.join(60)


def test_a_command_that_fails_gives_the_item_back(run: Run, jobs: Queue[Any]) -> None:
    jobs.put("bad")
    failed = run("tocsin", "receive", "jobs", "--", "sh", "-c", "echo work; exit 7")
    assert (failed.returncode, failed.stdout) == (3, "work\n")
    assert len(failed.stderr.splitlines()) == 1
    assert "ended with 7" in failed.stderr
    killed = run("tocsin", "receive", "jobs", "--", "sh", "-c", "kill -9 $$")
    assert killed.returncode == 3
    assert "SIGKILL" in killed.stderr
    with jobs.receive(timeout=60) as delivery:
        assert (delivery.item, delivery.attempt) == ("bad", 3)


def test_after_the_last_attempt_it_is_a_dead_letter(run: Run, place: str) -> None:
    with Queue("few", max_deliveries=2) as queue:
        queue.put("bad")
        queue.put("good")
        script = 'read item; test "$item" = \'"good"\''
        result = run("tocsin", "receive", "few", "--count=inf", "--timeout=0", "--", "sh", "-c", script)
        assert result.returncode == 3
        assert len(result.stderr.splitlines()) == 2
        assert queue.empty()
        assert queue.dead.qsize() == 1
    assert "few.dead" in [row["name"] for row in json.loads(said(run("tocsin", "ls", "--json")))]


def test_a_command_that_does_not_read_its_item(run: Run, jobs: Queue[Any]) -> None:
    jobs.put("x" * 1_000_000)
    said(run("tocsin", "receive", "jobs", "--", "true"))
    assert jobs.join(60)


def test_a_command_that_is_not_there_takes_nothing(run: Run, jobs: Queue[Any], place: str) -> None:
    jobs.put("item")
    Path(place, "not-executable").write_text("#!/bin/sh\n")
    for command in ("no-such-command-here", f"{place}/not-executable", "/", ""):
        missing = run("tocsin", "receive", "jobs", "--", command)
        assert (missing.returncode, missing.stdout) == (3, "")
        assert len(missing.stderr.splitlines()) == 1
    Path(place, "bad-interpreter").write_text("#!/no/such/interpreter\n")
    os.chmod(f"{place}/bad-interpreter", 0o700)
    assert run("tocsin", "receive", "jobs", "--", f"{place}/bad-interpreter").returncode == 3
    with jobs.receive(timeout=60) as delivery:
        assert (delivery.item, delivery.attempt) == ("item", 2)


def test_a_delay(run: Run, jobs: Queue[Any]) -> None:
    jobs.put("later")
    assert run("tocsin", "receive", "jobs", "--delay", "3600", "--", "false").returncode == 3
    found = jobs.stats()
    assert (found.ready, found.delayed, found.held) == (0, 1, 0)


@pytest.mark.parametrize("when", ["at work", "at its start"])
def test_ctrl_c_gives_the_item_back_and_ends_the_command(when: str, jobs: Queue[Any]) -> None:
    jobs.put("item")
    script = f"echo $$; {'kill -INT $PPID; ' if when == 'at its start' else ''}exec sleep 3600"
    with Child.of(["tocsin", "receive", "jobs", "--", "sh", "-c", script], start_new_session=True) as worker:
        child = int(worker.hear())
        if when == "at work":
            worker.signal(signal.SIGINT)  # to it alone; at a terminal the command gets it too
        assert worker.end() == -signal.SIGINT
        assert worker.errors() == ""
        assert not Path(f"/proc/{child}").exists()
    with jobs.receive(timeout=60) as delivery:
        assert (delivery.item, delivery.attempt) == ("item", 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_is_killed(number: signal.Signals, jobs: Queue[Any]) -> None:
    """Its item goes to another worker, so its command must not go on."""
    jobs.put("item")
    command = ["tocsin", "receive", "jobs", "--", "sh", "-c", "echo $$; exec sleep 3600"]
    with Child.of(command) as worker:
        child = int(worker.hear())
        worker.signal(number)
        assert worker.process.wait(60) == -number
        until(lambda: state(child) in ("gone", "Z"), "the command has ended too")
    with jobs.receive(timeout=60) as delivery:
        assert (delivery.item, delivery.attempt) == ("item", 2)


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


@pytest.mark.parametrize("command", [["get", "jobs"], ["receive", "jobs", "--", "cat"]], ids=lambda c: c[0])
def test_ctrl_c_while_it_waits(command: list[str]) -> None:
    with Child.of(["tocsin", *command]) as waiter:
        waiter.until_asleep()
        waiter.signal(signal.SIGINT)
        assert waiter.end() == -signal.SIGINT
        assert waiter.errors() == ""


def test_a_pipeline_of_shells(shell: Shell) -> None:
    script = """
        tocsin put numbers --maxsize 10 </dev/null    # made before anybody takes it as it is
        seq 1 300 | tocsin put numbers &
        for i in 1 2 3; do
            (for j in $(seq 1 10); do tocsin get numbers --count 10; done) &
        done
        wait
    """
    result = shell(script)
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(map(int, result.stdout.split())) == list(range(1, 301))


def test_looking_at_a_queue(run: Run, place: str, jobs: Queue[Any]) -> None:
    jobs.put_many(["a", "b", "c"])
    held = jobs.receive()
    before = sorted(os.listdir(place))
    assert said(run("tocsin", "status", "jobs")) == "jobs: 2 ready, 1 held\n"
    (row,) = json.loads(said(run("tocsin", "ls", "--json")))
    assert (row["kind"], row["state"], row["ready"], row["held"], row["generation"]) == (
        "queue",
        "2 ready, 1 held",
        2,
        1,
        3,
    )
    (row,) = json.loads(said(run("tocsin", "stat", "jobs", "--json")))
    assert (row["kind"], row["ready"], row["delayed"], row["held"], row["maxsize"], row["codec"]) == (
        "queue",
        2,
        0,
        1,
        0,
        "json",
    )
    assert "jobs" in said(run("tocsin", "ls"))
    assert sorted(os.listdir(place)) == before
    held.ack()
    drain(jobs)
    assert said(run("tocsin", "status", "jobs"), 1) == "jobs: 0 ready\n"
    assert said(run("tocsin", "status", "none"), 1) == "none: not there\n"
    jobs.shutdown()
    assert said(run("tocsin", "status", "jobs"), 1) == "jobs: 0 ready, shut down\n"


def test_removing_a_queue_leaves_nothing(run: Run, place: str) -> None:
    with Queue("gone") as queue:
        queue.put_many(["x" * 10_000] * 200)
        queue.fileno()
        with Child.of(["tocsin", "get", "gone2"]) as waiter:
            waiter.until_asleep()
            said(run("tocsin", "rm", "gone2"))
            assert waiter.end() == 3
            assert len(waiter.errors().splitlines()) == 1
        said(run("tocsin", "rm", "gone"))
    assert [name for name in os.listdir(place) if "gone" in name or "gone2" in name] == []


WRONG = {
    "put, no name": (["put"], 2, "NAME"),
    "get, two names": (["get", "a", "b"], 2, "b"),
    "count": (["get", "x", "--count", "0"], 2, "count"),
    "count, no number": (["receive", "x", "--count", "many"], 2, "count"),
    "maxsize": (["put", "x", "1", "--maxsize", "-1"], 2, "limit"),
    "delay": (["receive", "x", "--delay", "-1", "--", "cat"], 2, "delay"),
    "delay, for ever": (["receive", "x", "--delay", "inf", "--", "cat"], 2, "delay"),
    "timeout": (["get", "x", "--timeout", "soon"], 2, "timeout"),
    "an event": (["get", "event"], 3, "kind"),
    "put into an event": (["put", "event", "1"], 3, "kind"),
    "no-create": (["get", "none", "--no-create"], 3, "none"),
    "too large a number": (["put", "x", "1e999"], 2, "no JSON"),
    "another place": (["put", "x", "1", "--at", "redis://h"], 3, "redis://h"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_queue_calls(case: str, run: Run, place: str) -> None:
    assert run("evt_set", "event").returncode == 0
    words, code, says = WRONG[case]
    result = run("tocsin", *words)
    assert (result.returncode, result.stdout) == (code, ""), result
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert says in result.stderr
    assert [name for name in os.listdir(place) if name[0] != "."] == ["event"]


def test_rm_finds_what_a_cleaner_left(run: Run, place: str) -> None:
    with Queue("lost") as queue, Queue("lost.other") as other:
        queue.put("x")
        other.put("y")
        os.unlink(Path(place, "lost"))  # its segments stay behind
    assert [name for name in os.listdir(place) if name.startswith(".lost.") and "other" not in name]
    said(run("tocsin", "rm", "-f", "lost"))
    assert not [name for name in os.listdir(place) if name.startswith(".lost.") and "other" not in name]
    assert said(run("tocsin", "get", "lost.other")) == '"y"\n'
