"""Servers that there are not, that refuse, that are too old, and keys that are not ours."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from harness.servers import RedisServer
from harness.subjects import LOCK, SUBJECTS, Subject

from tocsin import Event, FormatMismatch, Unreachable, WrongKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


EVERY = {**SUBJECTS, "lock": LOCK}


@pytest.fixture(params=EVERY)
def subject(request: pytest.FixtureRequest) -> Subject:
    return EVERY[request.param]


@pytest.fixture(scope="module")
def guarded() -> Iterator[RedisServer]:
    """One that wants a password, and has a user who may do nothing."""
    with RedisServer("--requirepass", "right", "--user", "idle", "on", ">pw", "~*", "-@all") as running:
        yield running


def test_no_server(tmp_path: Path, subject: Subject) -> None:
    """At once, though one has patience: the address may be wrong."""
    with pytest.raises(Unreachable, match=r"is it running, and is this its address\?"):
        subject.open(f"unix://{tmp_path}/nobody?patience=100000")


@pytest.mark.parametrize("options", [{"password": "wrong"}, {}, {"username": "idle", "password": "pw"}])
def test_who_is_not_let_in(guarded: RedisServer, subject: Subject, options: dict[str, str]) -> None:
    with pytest.raises(PermissionError, match=r"refuses this user.*check name, password and ACL"):
        subject.open(guarded.url(**options))


def test_who_is_let_in(guarded: RedisServer, subject: Subject) -> None:
    with contextlib.closing(subject.open(guarded.url(password="right"))) as handle:
        subject.change(handle)
        assert subject.count(handle) == 1


def test_nothing_is_made_inside_of_an_object(server: RedisServer) -> None:
    """The other way round, a folder that becomes an object, isn't noticed: what was there goes on."""
    place = server.url()
    with Event("x", at=place), Event("job/y", at=place) as inside, Event("job", at=place) as folder:
        for name in ("x/y", "x/y/z", "job/z"):
            with pytest.raises(WrongKind, match=rf"'{name}' at .*another kind, or a folder"):
                Event(name, at=place)
        with Event("job/y", at=place) as again, Event("job", at=place, create=False):
            again.set()
            assert inside.is_set()
            assert not folder.is_set()


def test_a_key_of_another_kind(server: RedisServer, subject: Subject) -> None:
    other = SUBJECTS["signal" if subject is SUBJECTS["event"] else "event"]
    place = server.url()
    with other.open(place), pytest.raises(WrongKind, match=r"'x' at"):
        subject.open(place)


@pytest.mark.parametrize(
    "command", [("SET", "text"), ("RPUSH", "text"), ("SADD", "text"), ("HSET", "field", "text")], ids=lambda row: row[0]
)
def test_a_key_of_somebody_else(server: RedisServer, subject: Subject, command: tuple[str, ...]) -> None:
    """It is refused, and not touched."""
    place = server.url()
    key = f"{place.partition('prefix=')[2]}:{{x}}"
    server.ask(command[0], key, *command[1:])
    before = server.ask("DUMP", key)
    with pytest.raises(WrongKind, match=r"'x' at"):
        subject.open(place)
    assert server.ask("DUMP", key) == before


class OldServer:
    """It speaks as much as Redis 5 does when it is asked who it is."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        said = b"# Server\r\nredis_version:5.0.0\r\n"
        with contextlib.suppress(OSError):
            while True:
                line, _ = self.listener.accept()
                with line:
                    while data := line.recv(4096):
                        line.sendall(b"$%d\r\n%b\r\n" % (len(said), said) if b"INFO" in data else b"-ERR unknown\r\n")

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def test_a_server_too_old(tmp_path: Path, subject: Subject) -> None:
    old = OldServer(os.path.join(tmp_path, "s"))
    try:
        with pytest.raises(FormatMismatch, match=r"is version 5\.0\.0: tocsin needs Redis 6\.2 or Valkey, or later"):
            subject.open(f"unix://{old.path}")
    finally:
        old.stop()
