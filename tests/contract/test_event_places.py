"""Places: "system", directories that aren't there, links, and things that are in the way."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tocsin
from tocsin import Event, ObjectDamaged, ObjectRemoved, WrongKind

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = f"test-{os.getpid()}/x"


@pytest.fixture
def system() -> Iterator[Event]:
    with Event(NAME, at="system", mode=0o666) as event:
        yield event
    for path in Path("/dev/shm").glob(f".tocsin.test-{os.getpid()}!*"):
        path.unlink()
    for path in Path("/dev/shm").glob(f"tocsin.test-{os.getpid()}!*"):
        path.unlink()


def test_the_system_place_is_one_directory_without_folders(system: Event) -> None:
    assert system.path == f"/dev/shm/tocsin.test-{os.getpid()}!x"
    assert (system.name, system.at) == (NAME, "system")
    with Event(NAME, at="system", mode=0o666) as other:
        other.set()
    assert system.is_set()
    system.fileno()
    system.unlink()
    assert not [p for p in os.listdir("/dev/shm") if f"test-{os.getpid()}" in p]


@pytest.mark.local("directories are this host's")
def test_a_place_that_is_not_there(place: str) -> None:
    for create in (True, False):
        with pytest.raises(FileNotFoundError, match=r"the directory of 'x' at .*none'") as caught:
            Event("x", at=f"{place}/none", create=create)
        assert caught.value.filename == f"{place}/none/x"
    with pytest.raises(FileNotFoundError):
        Event(f"{place}/none/x")
    assert os.listdir(place) == []


@pytest.mark.local("directories are this host's")
def test_a_place_that_goes_away_under_its_events(place: str) -> None:
    inner, too_late = Path(place) / "inner", True
    while too_late:  # after a second it looks for its name, and tells
        inner.mkdir()
        opened = time.monotonic()
        with Event("x", at=str(inner)) as event:
            (inner / "x").unlink()
            inner.rmdir()
            try:
                event.set()
                with pytest.raises(OSError, match="x"):  # it needs the directory for its bell
                    event.fileno()
                assert event.is_set()
                too_late = False
            except ObjectRemoved:
                assert time.monotonic() - opened > 1
            with pytest.raises(FileNotFoundError):
                Event("x", at=str(inner))


@pytest.mark.local("directories are this host's")
def test_a_place_that_is_a_file(place: str) -> None:
    Path(place, "file").write_text("")
    with pytest.raises(WrongKind):
        Event("x", at=f"{place}/file")


@pytest.mark.local("directories are this host's")
def test_the_place_may_be_a_link_and_the_object_may_not(place: str) -> None:
    """The user chose the place; a name in it that leads elsewhere was somebody else's idea."""
    Path(place, "real").mkdir()
    Path(place, "link").symlink_to("real")
    with Event("x", at=f"{place}/link") as event, Event("x", at=f"{place}/real") as same:
        event.set()
        assert same.is_set()
    Path(place, "y").symlink_to("real/x")
    Path(place, "dangling").symlink_to("nowhere")
    for name in ("y", "dangling"):
        for create in (True, False):
            with pytest.raises(PermissionError, match="symbolic link"):
                Event(name, at=place, create=create)
        with pytest.raises(PermissionError, match="symbolic link"):
            tocsin.unlink(name, at=place)
    assert not Path(place, "nowhere").exists()


@pytest.mark.local("directories are this host's")
def test_a_folder_in_a_name_is_no_link(place: str) -> None:
    Path(place, "real").mkdir()
    Path(place, "folder").symlink_to("real")
    with pytest.raises(PermissionError, match="symbolic link"):
        Event("folder/x", at=place)
    assert os.listdir(f"{place}/real") == []


@pytest.mark.local("folders are the file system's")
def test_an_object_is_no_folder_and_a_folder_no_object(place: str) -> None:
    with Event("x", at=place), Event("job/y", at=place):
        with pytest.raises(WrongKind, match=r"'x' at .* is an object of another kind, an event: use another name"):
            tocsin.Queue("x", at=place)
        for create in (True, False):
            with pytest.raises(WrongKind, match=r"'x/y' at .*another kind, or a folder"):
                Event("x/y", at=place, create=create)
            with pytest.raises(WrongKind, match="'job' at"):
                Event("job", at=place, create=create)
        for name in ("x/y", "job"):
            with pytest.raises(WrongKind):
                tocsin.unlink(name, at=place)


def made(kind: str, path: str) -> socket.socket | None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "text":
        Path(path).write_text("hello " * 1000)
    elif kind == "empty":
        Path(path).write_text("")
    elif kind == "socket":
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        return server
    return None


@pytest.mark.local("files are this host's")
@pytest.mark.parametrize("kind", ["fifo", "text", "empty", "socket"])
def test_what_is_no_object_is_refused_and_left_alone(place: str, kind: str) -> None:
    path = f"{place}/x"
    keep = made(kind, path)
    if keep:
        keep.close()
    before = os.lstat(path)
    for create in (True, False):
        with pytest.raises(ObjectDamaged, match=r"'x' at .*remove the file, or use another name"):
            Event("x", at=place, create=create)
    with pytest.raises(ObjectDamaged):
        tocsin.unlink("x", at=place)
    after = os.lstat(path)
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size)


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/full"])
def test_a_device_is_refused(device: str) -> None:
    with pytest.raises((ObjectDamaged, PermissionError)):
        Event(device)
    assert Path(device).is_char_device()


@pytest.mark.local("directories are this host's")
def test_a_path_that_is_too_long(place: str) -> None:
    deep = place + "/" + "d" * 200 + ("/" + "d" * 200) * 5
    with pytest.raises(OSError, match="x"):
        Event("x", at=deep)


@pytest.mark.local("directories are this host's")
def test_a_read_only_directory_can_be_looked_into(place: str) -> None:
    if os.geteuid() == 0:
        return  # root may write everywhere; as another user: test_event_modes
    Event("x", at=place).close()
    os.chmod(place, 0o500)
    Event("x", at=place).set()
    with pytest.raises(PermissionError):
        Event("y", at=place)
    os.chmod(place, 0o700)


@pytest.mark.local("directories are this host's")
def test_a_moved_place_is_another_place(place: str) -> None:
    os.mkdir(f"{place}/a")
    with Event("x", at=f"{place}/a") as event:
        event.set()
        os.rename(f"{place}/a", f"{place}/b")
        with Event("x", at=f"{place}/b", create=False) as moved:
            assert moved.is_set()
            assert moved.stats().id == event.stats().id
