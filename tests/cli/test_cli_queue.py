"""put, get and peek: items from shell to shell, which no kill and no closed pipe loses."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.commands import Run, Shell, said
from harness.until import until

from tocsin import Queue

if TYPE_CHECKING:
    from typing import Any


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

        def over() -> bool:
            """It learns of the closed pipe when it has something to print; one at a time, as its end may be slow."""
            if jobs.empty() and pipe.process.poll() is None:
                jobs.put("more")
            return pipe.process.poll() is not None

        until(over, "it has ended")
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
