"""`tocsin top` at a real terminal: its screen is what stats() says, and the terminal comes back as it was."""

from __future__ import annotations

import itertools
import os
import re
import signal
import termios
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.asleep import until_asleep
from harness.child import Child
from harness.commands import Run, said
from harness.glass import Glass, rows
from harness.terminal import PROMPT, Terminal
from harness.until import until

from tocsin import DataEvent, Event, Lock, Queue, Signal
from tocsin.cli import _sample
from tocsin.cli._walk import places

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = ["tocsin", "top", "--interval", "0.1"]

#: Works on half of the fifty until it is told to stop, and says so.
LOAD = """
from tocsin import DataEvent, Event, Queue, Signal
half = range(int(sys.argv[1]), 10, 2)
events, signals = [Event(f"event-{i}") for i in half], [Signal(f"signal-{i}") for i in half]
datas, queues = [DataEvent(f"data-{i}") for i in half], [Queue(f"queue-{i}") for i in half]
stop, n, parent = Event("stop"), 0, os.getppid()
say("works")
while not stop.is_set() and os.getppid() == parent:  # a test that its watchdog ended stops nobody
    n += 1
    for i, (e, s, d, q) in enumerate(zip(events, signals, datas, queues)):
        e.set(); e.clear(); s.signal()
        d.signal(n)
        if not q.full(): q.put(n)
        if n % (i + 2) == 0 and not q.empty(): q.get()
    stop.wait(0.002)
say("done")
hear()
"""


def objects() -> Iterator[tuple[str, Any]]:
    for i in range(10):
        yield f"event-{i}", Event(f"event-{i}")
        yield f"signal-{i}", Signal(f"signal-{i}")
        yield f"data-{i}", DataEvent(f"data-{i}")
        yield f"queue-{i}", Queue(f"queue-{i}", maxsize=500)
        yield f"lock-{i}", Lock(f"lock-{i}")


def count(made: Any) -> int:
    stats = made.stats()
    found: int = next(getattr(stats, key) for key in ("generation", "count", "version", "puts") if hasattr(stats, key))
    return found


def between(low: int, shown: str, high: int) -> bool:
    """A count of six digits and more is rounded on the screen."""
    unit = {"M": 10**6, "G": 10**9}.get(shown[-1], 1)
    value = float(shown.rstrip("MG")) * unit
    return low - 0.006 * unit <= value <= high + 0.006 * unit


def test_fifty_objects_under_load_are_as_stats_says(place: str) -> None:
    made = dict(objects())
    counted = {name: one for name, one in made.items() if not name.startswith("lock")}
    made["lock-3"].acquire()
    with ExitStack() as all_, Glass([*QUICK], lines=60) as top:
        workers = [all_.enter_context(Child(LOAD, str(i))) for i in (0, 1)]
        stop = Event("stop")
        for worker in workers:
            assert worker.hear() == "works"
        for _ in range(3):
            before = {name: count(one) for name, one in counted.items()}
            frame = top.next(3)
            shown = rows(frame)
            after = {name: count(one) for name, one in counted.items()}
            assert set(shown) == {*made, "stop"}
            for name, low in before.items():
                assert between(low, shown[name]["COUNT"], after[name]), (name, low, shown[name], after[name])
                assert shown[name]["IN/s"] != "-", frame
            for i in range(10):
                assert 0 <= int(shown[f"queue-{i}"]["DEPTH"]) <= 500
        top.shows(lambda f: any(float(row["IN/s"].rstrip("MG-") or 0) > 0 for row in rows(f).values()), "they move")
        stop.set()
        for worker in workers:
            assert worker.hear() == "done"
        shown = rows(top.next(4))  # the look before it is of after the end, too: nothing moves
        for name, one in counted.items():
            assert between(count(one), shown[name]["COUNT"], count(one)), (name, shown[name])
            assert shown[name]["IN/s"] == "0"
        for i in range(10):
            stats = made[f"queue-{i}"].stats()
            assert shown[f"queue-{i}"]["DEPTH"] == str(stats.ready + stats.delayed)
        assert shown["lock-3"]["STATE"] == f"held {os.getpid()}"
        assert shown["lock-4"]["STATE"] == "free"
        assert shown["stop"]["STATE"] == "set"
        # Who has what open is read from /proc, and seldom where that takes long: this test, and a worker.
        top.shows(lambda f: {rows(f)[name]["OPEN"] for name in counted} == {"2"}, "who has them open")
    made["lock-3"].release()


def test_rates_are_what_counts_differ_in(place: str) -> None:
    """Two frames, one after the other: the second's rate is their difference by the seconds that it names.

    The seconds are from look to look, and the rate is by the moments when this object was read. On a busy machine these
    lie apart now and then, so that one of some pairs must agree.
    """
    feeder = """
        mine, s, pace = os.getppid(), tocsin.Signal('s'), Event('never')
        say('go')
        while os.getppid() == mine:
            s.signal()
            pace.wait(0.001)
    """
    with Signal("s"), Event("never"), Child(feeder) as child, Glass(["tocsin", "top", "--interval", "0.5"]) as top:
        child.hear()
        first, pairs = top.next(3), []
        while len(pairs) < 10:
            second = top.next()
            seconds = float(re.findall(r"([0-9.]+) s ", second[0])[0])
            moved = int(rows(second)["s"]["COUNT"]) - int(rows(first)["s"]["COUNT"])
            rate = float(rows(second)["s"]["IN/s"])
            first = second
            if not moved:  # a busy machine let nobody signal
                continue
            pairs.append((moved, seconds, rate))
            # The seconds are rounded to a tenth, and the rate to a digit or to 1.
            if moved / (seconds + 0.06) - 2 <= rate <= moved / max(seconds - 0.06, 0.01) + 2:
                return
        pytest.fail(f"no rate is what the counts differ in: {pairs}")


def test_at_eighty_columns_and_others(place: str) -> None:
    Event("with/a/name/that/is/far/too/long/for/one/column").close()
    Queue("q").close()
    with Glass(QUICK) as top:
        frame = top.next(3)
        assert len(frame) == 24
        assert frame[1].split() == ["KIND", "STATE", "COUNT", "DEPTH", "IN/s", "OUT/s", "OPEN", "WAIT", "NAME"]
        assert frame[-1].startswith("q quit")
        names = rows(frame)
        assert "q" in names
        assert any(re.fullmatch(r"with/a/nam…ne/column|with/.+….+column", name) for name in names)
        for columns, lines in ((50, 10), (132, 40), (20, 5), (80, 24)):
            top.resize(columns, lines)
            top.shows(lambda f, n=lines: len(f) == n and f[-1].startswith("q"), f"{columns} by {lines}")
            frame = top.next(3)
            assert all(len(line) <= columns for line in frame)
            if columns >= 50:
                assert "q" in rows(frame)
        assert top.shell.poll() is None


def test_keys(place: str) -> None:
    for i in range(40):
        Event(f"e{i:02}").close()
    with Queue("zz") as q, Event("e05") as event, Child("Event('e05').wait()") as child:
        q.put_many(range(7))
        until(lambda: event.stats().sleepers, "it waits")
        with Glass(QUICK, lines=20) as top:
            top.next(2)
            top.type("n")
            assert next(iter(rows(top.shows(lambda f: "e00" in rows(f), "by name")))) == "e00"
            top.type("d")
            top.shows(lambda f: next(iter(rows(f)), "") == "zz", "by depth")
            top.type("w")
            assert rows(top.shows(lambda f: next(iter(rows(f)), "") == "e05", "by waits"))["e05"]["WAIT"] == "1"
            top.type("n\x1b[F")  # both at once, as they come over a slow line
            top.shows(lambda f: "zz" in rows(f), "the end")
            top.type("\x1b[H")
            top.shows(lambda f: "e00" in rows(f) and "1-17 of 41" in f[-1], "the beginning")
            top.type("pn")  # while it pauses, only a key draws anew, and a frame is whole when the next one begins
            top.shows(lambda f: "PAUSED" in f[0], "a pause")
            q.put(8)
            top.type("dd")
            assert rows(top.shows(lambda f: "zz" in rows(f), "the same"))["zz"]["DEPTH"] == "7"
            top.type("p")
            top.shows(lambda f: rows(f).get("zz", {}).get("DEPTH") == "8", "no pause")
            top.type("q")
            assert top.until_end() == 0
        assert child.process.poll() is None


def test_a_place_that_comes_and_goes_and_what_is_damaged(place: str) -> None:
    here = Path(place, "later")
    with Glass([*QUICK, "--at", str(here)]) as top:
        top.shows(lambda f: any("nothing here yet" in line for line in f), "an empty place")
        assert not here.exists()
        here.mkdir()
        event = Event("x", at=here)
        os.mkfifo(here / "fifo")
        Queue("bad", at=here).close()
        os.truncate(here / "bad", 1000)
        top.shows(lambda f: "x" in rows(f), "an object")
        frame = top.shows(lambda f: any("damaged" in line and "bad" in line for line in f), "a damaged one")
        assert any("not an object" in line or "not an objec" in line for line in frame)
        event.unlink()
        event.close()
        for name in ("bad", "fifo"):
            os.unlink(here / name)
        top.shows(lambda f: any("nothing here yet" in line for line in f), "empty again")
        for left in here.iterdir():
            left.unlink()
        here.rmdir()
        here.write_text("a file now")
        top.shows(lambda f: any("can't be read" in line for line in f), "no place any more")
        here.unlink()
        top.shows(lambda f: any("nothing here yet" in line for line in f), "nothing")
        assert top.shell.poll() is None


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "q"])
def test_the_terminal_comes_back(name: str, place: str) -> None:
    with Event("x"), Glass(QUICK) as top:
        with top.other_end() as theirs:
            top.next(2)
            assert not termios.tcgetattr(theirs)[3] & termios.ICANON
            if name == "q":
                top.type("q")
            else:
                top.shell.send_signal(getattr(signal, name))
            assert top.until_end() == (0 if name == "q" else -getattr(signal, name))
            assert termios.tcgetattr(theirs)[3] & termios.ICANON
        assert top.raw.rfind(b"\x1b[?1049l") > top.raw.rfind(b"\x1b[?1049h") >= 0
        assert top.raw.rfind(b"\x1b[?25h") > top.raw.rfind(b"\x1b[?25l") >= 0
        assert b"Traceback" not in top.raw


def test_stopped_and_continued(place: str) -> None:
    """Ctrl-Z gives the terminal to the shell as it was; fg takes it again."""
    with Event("x"), Terminal(["bash", "--norc", "--noprofile", "--noediting", "-i"], term="xterm") as shell:
        shell.until(PROMPT)
        for key, code in (("q", 0), ("\x03", 130)):
            shell.type("tocsin top --interval 0.1\n")
            shell.until(r"event +clear")
            shell.type("\x1a")
            assert "\x1b[?1049l" in shell.until(PROMPT)
            assert "icanon" in shell.line("stty -a").replace("-icanon", "")
            shell.type("fg\n")
            assert "\x1b[?1049h" in shell.until(r"event +clear")
            shell.type(key)
            assert "\x1b[?1049l" in shell.until(PROMPT)
            assert shell.line("echo code $?").strip() == f"code {code}"


def test_it_holds_nothing(place: str) -> None:
    """Between two looks it has nothing of the place open or mapped, holds no lock, and has left no mark in a word."""
    with Queue("q") as q, Event("x") as x, Glass(QUICK) as top:
        q.put(1)
        top.next(3)
        top.type("pn")  # so that no look begins while we look; a frame is whole when the next one begins
        top.shows(lambda f: "PAUSED" in f[0], "a pause")
        until_asleep(top.shell.pid)
        proc = Path(f"/proc/{top.shell.pid}")
        assert place not in (proc / "maps").read_text()
        assert not [link for fd in (proc / "fd").iterdir() if place in (link := os.readlink(fd))]
        assert not [
            line for line in Path("/proc/locks").read_text().splitlines() if line.split()[4:5] == [str(top.shell.pid)]
        ]
        stats = x.stats()
        assert (stats.sleepers, stats.listeners, q.stats().listeners) == (False, False, False)


def test_a_look_that_was_held_up_does_not_put_off_the_next(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look costs processor time. What others take meanwhile, or a SIGSTOP, costs nobody anything."""
    now = itertools.count(1000.0, 60.0)  # a minute goes by between any two looks at the clock
    monkeypatch.setattr(_sample, "monotonic", lambda: next(now))
    with Event("x"):
        sampler = _sample.Sampler(places([], place), 1.0)
        for _ in range(3):
            begun = next(now) + 60.0
            sampler.take()
            assert sampler.due <= begun + 1.0
            assert sampler._read_again <= next(now)


def test_where_there_is_no_screen(run: Run, place: str) -> None:
    with Event("x"), Queue("q") as q:
        q.put(1)
        result = run("tocsin", "top")
        assert (result.returncode, result.stdout) == (2, "")
        assert "--once" in result.stderr
        shown = rows(said(run("tocsin", "top", "--once", "--interval=0.05")).splitlines())
        assert (shown["x"]["STATE"], shown["q"]["DEPTH"], shown["q"]["IN/s"]) == ("clear", "1", "0")
        assert said(run("tocsin", "top", "-n", "3", "--interval=0.05")).count("KIND") == 3
        assert list(rows(said(run("tocsin", "top", "q*", "--once", "--interval=0.05")).splitlines())) == ["q"]
        assert list(rows(said(run("tocsin", "top", place, "--once", "--interval=0.05")).splitlines())) == ["q", "x"]
        for wrong in (["--interval", "0"], ["--interval", "never"], ["user", "--at", place], ["-n", "0"]):
            assert run("tocsin", "top", "--once", *wrong).returncode == 2


def test_a_dumb_terminal_is_told(place: str) -> None:
    with Terminal(["tocsin", "top"], term="dumb") as terminal:
        terminal.until("--once")
        assert terminal.shell.wait() == 2


def test_the_keyboard_may_be_elsewhere(place: str) -> None:
    """Standard input is no terminal: no keys, but a screen."""
    with Event("x"), Glass(["sh", "-c", "exec tocsin top --interval 0.1 </dev/null"]) as top:
        top.shows(lambda f: "x" in rows(f), "a screen")
        top.shell.send_signal(signal.SIGTERM)
        assert top.until_end() == -signal.SIGTERM
