"""Ownership over fork, exec and spawn: a child owns nothing, and what it inherits for a moment hides no death."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from harness.child import Child
from harness.until import until

from tocsin import Event, OwnerDied

FORK = """
import subprocess
event = Event("x", at=sys.argv[1])
event.own(command="make all")
def fork(function):
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return pid
"""


def test_the_childs_end_and_its_close_change_nothing(event: Event, place: str) -> None:
    script = """
def child():
    assert event.owner == (os.getppid(), "make all", True), event.owner
    event.disown()
    event.close()
for _ in range(3):
    assert os.waitpid(fork(child), 0)[1] == 0
    assert os.waitpid(fork(lambda: None), 0)[1] == 0
    subprocess.run(["true"], check=True)
assert event.owner.alive
say("done")
hear()
event.set()
"""
    with Child(FORK + script, place) as child:
        assert child.hear() == "done"
        assert event.owner == (child.pid, "make all", True)
        assert not event.wait(0.01)
        child.say()
        assert event.wait()
        child.check()


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_child_that_lives_on_hides_no_death(event: Event, place: str, how: str) -> None:
    script = """
if sys.argv[2] == "fork":
    say(fork(signal.pause))
else:
    say(os.posix_spawn("/bin/sleep", ["sleep", "1000"], os.environ))
signal.pause()
"""
    with Child(FORK + script, place, how) as child:
        orphan = int(child.hear())
        try:
            child.signal(signal.SIGKILL)
            with pytest.raises(OwnerDied) as caught:
                event.wait()
            assert caught.value.owner.pid == child.pid
            os.kill(orphan, 0)
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_the_child_may_set_and_own_for_itself(event: Event, place: str) -> None:
    script = """
def refused():
    try:
        event.own()
    except RuntimeError:
        say("refused")
os.waitpid(fork(refused), 0)
event.disown()
def mine():
    event.own(command="child")
    say(os.getpid())
    hear()
pid = fork(mine)
os.waitpid(pid, 0)
say(event.owner.pid)
hear()
event.clear()
def keep():
    event.own()
    event.set()
os.waitpid(fork(keep), 0)
say(event.wait(0))
"""
    with Child(FORK + script, place) as child:
        assert child.hear() == "refused"
        pid = int(child.hear())
        assert event.owner == (pid, "child", True)
        child.say()
        with pytest.raises(OwnerDied) as caught:
            event.wait()
        assert caught.value.owner == (pid, "child", False)
        assert int(child.hear()) == pid
        child.say("clear it")
        assert child.hear() == "True"
        child.check()


def test_an_anonymous_event_of_a_forked_family() -> None:
    """The child owns and dies; the parent, who made the event, is told."""
    with Child("""
event = Event()
pid = os.fork()
if pid == 0:
    event.own()
    say("owned")
    signal.pause()
assert not event.wait(0)
hear()
os.kill(pid, signal.SIGKILL)
try:
    event.wait()
except tocsin.OwnerDied as died:
    assert died.owner.pid == pid
    say("told")
os.waitpid(pid, 0)
""") as child:
        assert child.hear() == "owned"
        child.say()
        assert child.hear() == "told"
        child.check()


def test_a_stopped_owner_lives(event: Event, place: str) -> None:
    """Slow is not dead."""
    with Child(FORK + "say('owns')\nhear()\nevent.set()\n", place) as child:
        assert child.hear() == "owns"
        child.signal(signal.SIGSTOP)
        stat = f"/proc/{child.pid}/stat"
        until(lambda: Path(stat).read_text().rpartition(")")[2].split()[0] == "T", "it is stopped")
        assert not event.wait(0.05)
        assert event.owner.alive
        child.signal(signal.SIGCONT)
        child.say()
        assert event.wait()
        child.check()
