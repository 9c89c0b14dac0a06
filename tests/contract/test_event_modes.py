"""Modes, owners and other users: who may look, who may wait, and what root refuses."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from harness.child import Child
from harness.places import fresh_place, objects_at
from harness.users import BECOME, OTHER, needs_root

from tocsin import ConfigMismatch, Event


@pytest.fixture
def umask() -> None:
    before = os.umask(0o077)
    yield
    os.umask(before)


def bits(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.mark.local("modes are the file system's")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o666, 0o622, 0o700, 0o777])
def test_the_umask_has_no_say(umask: None, place: str, mode: int) -> None:
    with Event("x", at=place, mode=mode) as event:
        event.fileno()
        assert bits(event.path) == mode
        assert event.stats().mode == mode
        bell = next(p for p in Path(place).iterdir() if p.name.endswith(".bell"))
        assert bits(bell) == mode & 0o666


@pytest.mark.local("modes are the file system's")
def test_without_a_mode_it_is_the_owners_alone(place: str) -> None:
    before = os.umask(0)
    try:
        with Event("x", at=place) as event:
            assert bits(event.path) == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("mode", [0, 0o400, 0o200, 0o066, 0o1600, 0o4755, 0o10000, 2**40, 2**70, -1])
def test_a_bad_mode_is_a_value_error(place: str, mode: int) -> None:
    with pytest.raises(ValueError, match=r"mode.*0o600 to 0o777"):
        Event("x", at=place, mode=mode)
    assert objects_at(place) == []


@pytest.mark.parametrize("mode", [True, "0600", 0.5, 384.0, b"6"], ids=repr)
def test_a_mode_that_is_no_integer(place: str, mode: object) -> None:
    with pytest.raises((TypeError, ValueError), match="bad mode"):
        Event("x", at=place, mode=mode)


def test_another_mode_is_a_mismatch_and_none_is_as_it_is(place: str) -> None:
    with Event("x", at=place, mode=0o660), Event("x", at=place, mode=0o660), Event("x", at=place):
        with pytest.raises(ConfigMismatch, match=rf"'x' at '{re.escape(place)}'.* another mode: leave the mode out"):
            Event("x", at=place, mode=0o600)


def test_an_anonymous_event_takes_a_mode() -> None:
    with Event(mode=0o660) as event:
        assert event.stats().mode == 0o660


@needs_root
def test_another_user_may_use_what_its_mode_allows() -> None:
    with fresh_place(0o755) as place, Event("x", at=place, mode=0o666) as event:
        event.fileno()
        script = BECOME + """
e = Event('x', at=sys.argv[1]); e.fileno()
say('ready')
say(e.wait())
e.clear()
say(e.stats().mode)
"""
        with Child(script, place) as child:
            child.hear()
            child.until_asleep()
            event.set()
            assert child.hear() == "True"
            assert child.hear() == str(0o666)
            assert event.wait_clear(60)


READER = (
    BECOME
    + """
e = Event("x", at=sys.argv[1])
say(e.is_set(), e.generation, e.stats().writable, repr(e)[:11])
import asyncio
for call in (e.wait, e.set, e.clear, e.wait_clear, e.fileno, lambda: e.wait(0), lambda: asyncio.run(e.wait_async()),
             lambda: asyncio.run(e.wait_clear_async(0))):
    try: say("no error", call())
    except PermissionError as error: say("ask its owner" in str(error))
"""
)


@needs_root
@pytest.mark.parametrize("was_set", [False, True])
def test_a_reader_may_look_and_not_wait(was_set: bool) -> None:  # noqa: FBT001 - a parameter of the test
    with fresh_place(0o755) as place, Event("x", at=place, mode=0o644) as event:
        if was_set:
            event.set()
        with Child(READER, place) as child:
            assert child.hear() == f"{was_set} {int(was_set)} False <tocsin.Eve"
            assert child.check().split("\n")[:-1] == ["True"] * 8
        assert event.is_set() is was_set


@needs_root
def test_another_users_private_event_is_a_permission_error() -> None:
    script = BECOME + "try: Event('x', at=sys.argv[1])\nexcept PermissionError as error: say(error)"
    with fresh_place(0o755) as place, Event("x", at=place), Child(script, place) as child:
        assert "'x' at" in child.hear()
        child.check()


@needs_root
def test_another_user_cannot_unlink_and_says_so() -> None:
    """Permission is asked for before the mark: nobody is told that it went when it stays."""
    script = """
try: tocsin.unlink('x', at=sys.argv[1])
except PermissionError as error: say("'x' at" in str(error))
"""
    with fresh_place(0o755) as place, Event("x", at=place, mode=0o666) as event:
        with Child(BECOME + script, place) as child:
            assert child.check() == "True\n"
        assert not event.stats().removed
        event.set()


@needs_root
def test_root_refuses_what_others_can_write_unless_told() -> None:
    """Who can write a mapped file can truncate it, which kills whoever uses it."""
    make = BECOME + "Event('x', at=sys.argv[1], mode=int(sys.argv[2])); say('made')"
    for mode in (0o600, 0o666):
        with fresh_place(0o777) as place, Child(make, place, str(mode)) as child:
            assert child.check() == "made\n"
            with pytest.raises(PermissionError, match="crash root"):
                Event("x", at=place)
            with Event("x", at=place, mode=mode) as event:
                event.set()
    with fresh_place(0o755) as place:
        Event("x", at=place, mode=0o666).close()
        with pytest.raises(PermissionError, match="crash root"):
            Event("x", at=place)
        Event("x", at=place, mode=0o666).close()


@pytest.mark.local("modes are the file system's")
@needs_root
def test_root_trusts_what_lies_in_its_own_private_directory(place: str) -> None:
    Event("x", at=place, mode=0o666).close()
    Event("x", at=place).close()


@needs_root
def test_the_users_directory_of_somebody_else_is_refused() -> None:
    """/dev/shm is everybody's: whoever was there first must not become our place."""
    directory = Path(f"/dev/shm/tocsin-{OTHER}")
    attempt = BECOME + "try: Event('x', at='user')\nexcept PermissionError as error: say(error)"
    for mode, owner in ((0o700, 0), (0o777, OTHER), (0o750, OTHER)):
        directory.mkdir()
        try:
            os.chown(directory, owner, owner)
            directory.chmod(mode)
            with Child(attempt) as child:
                assert "'x' at 'user'" in child.check()
            assert list(directory.iterdir()) == []
        finally:
            directory.rmdir()
    with fresh_place() as elsewhere:
        directory.symlink_to(elsewhere)
        try:
            with Child(attempt) as child:
                assert "'x' at 'user'" in child.check()
        finally:
            directory.unlink()


@needs_root
def test_the_users_directory_is_made_private_and_its_own() -> None:
    directory = Path(f"/dev/shm/tocsin-{OTHER}")
    try:
        with Child(BECOME + "os.umask(0); e = Event('job/x'); e.set(); say(e.at, e.path)") as child:
            assert child.check() == f"user {directory}/job/x\n"
        assert (bits(directory), directory.stat().st_uid) == (0o700, OTHER)
        assert bits(directory / "job") == 0o700
    finally:
        for path in (directory / "job" / "x", directory / "job", directory):
            path.rmdir() if path.is_dir() else path.unlink()


@needs_root
def test_folders_of_a_shared_place_are_shared() -> None:
    with fresh_place(0o777) as place:
        os.chmod(place, 0o1777)
        with Event("job/x", at=place, mode=0o666):
            assert stat.S_IMODE(os.stat(f"{place}/job").st_mode) == 0o1777
            with Child(BECOME + "Event('job/y', at=sys.argv[1]).set(); say('made')", place) as child:
                assert child.check() == "made\n"
