"""tocsin work: an item per run of a command, whose end decides what becomes of the item."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.commands import Run, said

from tocsin import Queue

if TYPE_CHECKING:
    from typing import Any

ALL = ("tocsin", "work", "jobs", "--until-empty", "--")


def test_each_item_is_one_line_of_json_on_standard_input(run: Run, jobs: Queue[Any]) -> None:
    items = ["two words", 7, {"id": [1, None]}, "ä\n"]
    jobs.put_many(items)
    assert said(run(*ALL, "cat")) == '"two words"\n7\n{"id":[1,null]}\n"ä\\n"\n'
    jobs.put_many(items)
    same = said(run("tocsin", "receive", "jobs", "--count", "4", "--", "cat"))
    assert same == '"two words"\n7\n{"id":[1,null]}\n"ä\\n"\n', "as receive does it"


def test_the_item_in_place_of_braces(run: Run, jobs: Queue[Any]) -> None:
    """Text as it is, so that it can be a file's name; anything else as JSON. Standard input is empty then."""
    jobs.put_many(["two words", 7, {"id": 1}, "$(id)", "ä"])
    script = 'cat; printf "<%s>" "$@"; echo'
    told = said(run(*ALL, "sh", "-c", script, "{}", "a{}b{}", "{}", "{ }"))
    assert told.splitlines() == [
        f"<a{x}b{x}><{x}><{{ }}>" for x in ("two words", "7", '{"id":1}', "$(id)", "ä")
    ]  # fmt: skip


def test_the_items_of_a_raw_queue_are_bytes(run: Run, place: str) -> None:
    with Queue("raw", codec="raw") as queue:
        for command in (["cat"], ["printf", "%s\n", "{}"]):
            queue.put(b"\xff\xfe")
            found = run("tocsin", "work", "raw", "--until-empty", "--", *command, encoding="latin-1")
            assert (found.returncode, found.stdout) == (0, "\xff\xfe\n")


def test_what_the_command_is_told(run: Run, jobs: Queue[Any]) -> None:
    jobs.put_many(["a", "b"])
    script = 'echo "$TOCSIN_QUEUE $TOCSIN_SEQUENCE $TOCSIN_ATTEMPT"; test "$TOCSIN_ATTEMPT$TOCSIN_SEQUENCE" != 11'
    result = run(*ALL, "sh", "-c", script, env={**os.environ, "TOCSIN_ATTEMPT": "99", "OTHER": "kept"})
    assert result.stdout == "jobs 1 1\njobs 2 1\njobs 1 2\n"
    assert result.returncode == 0, "what failed first was done in the end"
    assert "attempt 1 of 5: sh ended with 1: the item was given back" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_large_item_and_a_command_that_does_not_read_it(run: Run, jobs: Queue[Any]) -> None:
    jobs.put("x" * 3_000_000)
    jobs.put("y" * 3_000_000)
    assert said(run(*ALL, "sh", "-c", 'test "$TOCSIN_SEQUENCE" = 1 || wc -c')).strip() == "3000003"
    assert jobs.join(60)


def test_what_fails_for_good_is_a_dead_letter_with_its_reason(run: Run, place: str) -> None:
    with Queue("few", max_deliveries=2) as queue:
        queue.put_many(["good", "bad", "worse"])
        script = "read item; case $item in *bad*) exit 7;; *worse*) kill -9 $$;; esac"
        result = run("tocsin", "work", "few", "--until-empty", "--", "sh", "-c", script)
        assert (result.returncode, result.stdout) == (3, "")
        assert len(result.stderr.splitlines()) == 4
        assert result.stderr.count("attempt 2 of 2") == result.stderr.count("put aside in few.dead") == 2
        assert queue.stats().unfinished == 0
        letters = {letter["item"]: (letter["reason"], letter["attempts"]) for letter in queue.dead.get_many(10)}
    assert letters == {"bad": ("sh ended with 7", 2), "worse": ("sh was ended by SIGKILL", 2)}


def test_an_item_that_can_not_be_an_argument(run: Run, place: str) -> None:
    """It is the item's fault, so the others are done."""
    with Queue("few", max_deliveries=1) as queue:
        queue.put_many(["zero\0byte", "x" * 3_000_000, "good"])
        result = run("tocsin", "work", "few", "--until-empty", "--", "echo", "{}")
        assert (result.returncode, result.stdout) == (3, "good\n")
        assert "zero byte" in result.stderr
        assert "longer than the kernel takes" in result.stderr
        assert queue.dead.qsize() == 2


def test_a_command_that_is_not_there_takes_nothing(run: Run, jobs: Queue[Any], place: str) -> None:
    jobs.put("item")
    Path(place, "not-executable").write_text("#!/bin/sh\n")
    wrong = [("no-such-command-here", 127), ("", 127), ("/no/such", 127), (f"{place}/not-executable", 126), ("/", 126)]
    for command, code in wrong:
        missing = run(*ALL, command)
        assert (missing.returncode, missing.stdout) == (code, ""), command
        assert len(missing.stderr.splitlines()) == 1
        assert "nothing was taken" in missing.stderr
    with jobs.receive(timeout=60) as delivery:
        assert delivery.attempt == 1


def test_a_command_that_goes_away_stops_it_at_once(run: Run, jobs: Queue[Any], place: str) -> None:
    jobs.put_many([1, 2, 3, 4])
    script = Path(place, "once")
    script.write_text('#!/bin/sh\nrm "$0"\ncat\n')
    script.chmod(0o700)
    result = run(*ALL, str(script))
    assert (result.returncode, result.stdout) == (127, "1\n")
    assert "there is no such command: the item was given back" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert sorted((one.attempt for one in received(jobs, 3)), reverse=True) == [2, 1, 1]
    interpreter = Path(place, "bad-interpreter")
    interpreter.write_text("#!/no/such/interpreter\n")
    interpreter.chmod(0o700)
    jobs.put(5)
    assert run(*ALL, str(interpreter)).returncode == 127


def received(queue: Queue[Any], count: int) -> list[Any]:
    found = [queue.receive(timeout=60) for _ in range(count)]
    for one in found:
        one.ack()
    return found


def test_retry_delay(run: Run, place: str) -> None:
    """Until empty is until nothing waits for its time, either."""
    with Queue("few", max_deliveries=3) as queue:
        queue.put("item")
        begin = os.times().elapsed
        result = run("tocsin", "work", "few", "--until-empty", "--retry-delay=0.3", "--", "false")
        assert (result.returncode, queue.dead.qsize()) == (3, 1)
        assert os.times().elapsed - begin >= 0.59


@pytest.mark.parametrize("delay", ["0", "0.2"])
def test_a_shutdown_ends_it_when_all_is_done(delay: str, jobs: Queue[Any]) -> None:
    """What fails after the shutdown is still its own to do again."""
    script = 'echo $TOCSIN_ATTEMPT; evt_wait shut; test "$TOCSIN_ATTEMPT" = 3'
    with Child.of(["tocsin", "work", "jobs", "-j", "3", f"--retry-delay={delay}", "--", "sh", "-c", script]) as worker:
        jobs.put_many([1, 2])
        assert {worker.hear(), worker.hear()} == {"1"}
        jobs.shutdown()
        worker.until_asleep()
        said_by_others("evt_set", "shut")
        assert worker.end() == 0
        assert sorted(worker.rest.split()) == ["2", "2", "3", "3"]
    assert jobs.stats().unfinished == 0


def said_by_others(*command: str) -> None:
    with Child.of(command) as other:
        other.check()


def test_an_idle_worker_hears_of_items_and_of_the_shutdown(jobs: Queue[Any]) -> None:
    with Child.of(["tocsin", "work", "jobs", "--", "cat"]) as worker:
        for item in ("1", "2"):
            worker.until_asleep()
            jobs.put(int(item))
            assert worker.hear() == item
        jobs.shutdown()
        assert worker.check() == ""


@pytest.mark.parametrize("when", ["idle", "at work"])
def test_removed_meanwhile(when: str, jobs: Queue[Any]) -> None:
    """What is in hand is finished, and then it says what happened."""
    idle = when == "idle"
    script = "echo begun; evt_wait go; echo done"
    with Child.of(["tocsin", "work", "jobs", "-j2", "--", "sh", "-c", script]) as worker:
        if not idle:
            jobs.put(1)
            assert worker.hear() == "begun"
        worker.until_asleep()
        jobs.unlink()
        if not idle:
            said_by_others("evt_set", "go")
        assert worker.end() == 3
        assert worker.rest == ("" if idle else "done\n")
        assert "removed" in worker.errors()
        assert len(worker.errors().splitlines()) == 1


def test_wrong_calls(run: Run, jobs: Queue[Any], place: str) -> None:
    jobs.put("item")
    for words in (
        ["jobs"], ["jobs", "--"], [], ["jobs", "-j", "many", "--", "true"], ["jobs", "-j", "-1", "--", "true"],
        ["jobs", "-j", "10001", "--", "true"], ["jobs", "--timeout", "0", "--", "true"],
        ["jobs", "--timeout", "soon", "--", "true"], ["jobs", "--grace", "-1", "--", "true"],
        ["jobs", "--retry-delay", "inf", "--", "true"], ["", "--", "true"], ["a//b", "--", "true"],
        ["jobs", "--nonsense", "--", "true"],
    ):  # fmt: skip
        wrong = run("tocsin", "work", *words)
        assert (wrong.returncode, wrong.stdout) == (2, ""), words
        assert len(wrong.stderr.splitlines()) == 1, wrong.stderr
    missing = run("tocsin", "work", "nowhere", "--no-create", "--until-empty", "--", "true")
    assert missing.returncode == 3
    assert len(missing.stderr.splitlines()) == 1
    assert not Path(place, "nowhere").exists()
    said_by_others("evt_set", "an-event")
    assert run("tocsin", "work", "an-event", "--", "true").returncode == 3
    assert jobs.qsize() == 1


def test_the_page_works_as_printed(run: Run, place: str, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/howto/work.md").read_text()
    blocks = [block.partition("```")[0] for block in page.split("```sh\n")[1:]]
    for name in ("a.log", "b c.log"):
        (tmp_path / name).write_text(name)
    assert said(run("sh", "-ec", blocks[0], cwd=tmp_path)) == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log.gz", "b c.log.gz"]
    (tmp_path / "inbox").mkdir()
    for name in ("a.log", "b c.log"):
        (tmp_path / "inbox" / name).write_text(name)
    (tmp_path / "import").write_text('#!/bin/sh\necho "imported $1"\n')
    (tmp_path / "import").chmod(0o700)
    after = blocks[2].replace("-j 4 --", "-j 4 --until-empty --")
    for block in (blocks[1], after):
        told = said(run("sh", "-ec", block, cwd=tmp_path))
        assert sorted(told.splitlines()) == ["imported inbox/a.log", "imported inbox/b c.log"]
