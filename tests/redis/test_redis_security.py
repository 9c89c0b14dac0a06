"""Servers over TLS, credentials that nobody sees, and a user who may do no more than he has to."""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import ssl
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from harness.proxies import Proxy
from harness.servers import RedisServer
from harness.subjects import Subject, pending, until_blocked

from tocsin import Event, Queue, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-secret"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def tls_proxy(server: RedisServer, authority: trustme.CA, name: str) -> Proxy:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return Proxy(server, context)


@pytest.mark.parametrize("caller", ["thread", "asyncio", "trio"])
def test_every_kind_over_tls(
    server: RedisServer, authority: trustme.CA, ca: Path, subject: Subject, caller: str
) -> None:
    with tls_proxy(server, authority, "127.0.0.1") as proxy:
        place = proxy.url(ca=ca)
        with subject.open(place) as handle, subject.open(place) as other:
            for turn in range(3):
                wait = pending(server, subject, handle, caller)
                subject.change(other)
                assert wait.result()
                assert subject.count(other) == turn + 1


def test_a_certificate_of_somebody_unknown(server: RedisServer, authority: trustme.CA, tmp_path: Path) -> None:
    strange = tmp_path / "strange.pem"
    trustme.CA().cert_pem.write_to_path(str(strange))
    with tls_proxy(server, authority, "127.0.0.1") as proxy:
        for options in ({"ca": strange}, {}):
            with pytest.raises(Unreachable, match=r"certificate verify failed"):
                Event("x", at=proxy.url(**options))


def test_a_certificate_for_another_host(server: RedisServer, authority: trustme.CA, ca: Path) -> None:
    with (
        tls_proxy(server, authority, "elsewhere.example") as proxy,
        pytest.raises(Unreachable, match=r"not valid for '127\.0\.0\.1'"),
    ):
        Event("x", at=proxy.url(ca=ca))


def sockets() -> Iterator[str]:
    """Of this process; other threads may open and close some meanwhile."""
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/self/fd/{fd}")


def test_a_reset_before_the_handshake_leaves_nothing_open(ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    half_made: list[str] = []
    connected = threading.Event()

    def reset() -> None:
        line, _ = listener.accept()
        connected.wait(60)  # a reset that comes sooner is connect's own error
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()

    real = ssl.SSLContext.wrap_socket

    def after_the_reset(self: ssl.SSLContext, sock: socket.socket, *args: object, **options: object) -> ssl.SSLSocket:
        connected.set()
        poll = select.poll()
        poll.register(sock, 0)
        poll.poll()  # an error is always told
        half_made.append(f"socket:[{os.fstat(sock.fileno()).st_ino}]")
        return real(self, sock, *args, **options)

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", after_the_reset)
    thread = threading.Thread(target=reset)
    thread.start()
    try:
        with pytest.raises(Unreachable) as caught:
            Event("x", at=f"rediss://127.0.0.1:{listener.getsockname()[1]}?ca={ca}")
        # The error still has all its frames, so nothing was closed because it was forgotten.
        assert caught.value.__context__ is not None
        assert half_made
        assert not set(half_made) & set(sockets())
    finally:
        thread.join()
        listener.close()


# -- credentials


@pytest.fixture(scope="module")
def guarded() -> Iterator[RedisServer]:
    """A server whose only other user is the one that the documents describe."""
    with RedisServer("--user", "tocsin", "on", f">{SECRET}", *acl()[2:]) as running:
        yield running


def acl() -> list[str]:
    """What stands behind ACL SETUSER in docs/reference/redis-acl.md, without the password."""
    text = (ROOT / "docs/reference/redis-acl.md").read_text()
    (line,) = re.findall(r"(?m)^ACL SETUSER (.*)$", text)
    return [word for word in line.split() if not word.startswith(">")]


def as_tocsin(server: RedisServer, **options: object) -> str:
    return f"unix://{server.socket}?" + "&".join(
        f"{option}={value}" for option, value in {"username": "tocsin", "prefix": "tocsin", **options}.items()
    )


@pytest.mark.parametrize("source", ["url", "login", "file", "environment", "file named by the environment"])
def test_where_the_password_comes_from(
    guarded: RedisServer, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET + "\n")
    place = as_tocsin(guarded)
    if source == "url":
        place += f"&password={SECRET}"
    elif source == "login":
        place = place.replace("unix://", f"unix://tocsin:{SECRET}@").replace("username=tocsin&", "")
    elif source == "file":
        place += f"&password_file={file}"
    elif source == "environment":
        monkeypatch.setenv("TOCSIN_REDIS_PASSWORD", SECRET)
    else:
        monkeypatch.setenv("TOCSIN_REDIS_PASSWORD_FILE", str(file))
    with Event(f"from-{source.replace(' ', '-')}", at=place) as event:
        event.set()
        assert event.is_set()


def test_a_password_is_never_shown(guarded: RedisServer, subject: Subject, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    seen = []
    prefix = f"tocsin:{subject.cls.__name__}"
    for place in (
        as_tocsin(guarded, password=SECRET, prefix=prefix),
        f"unix://tocsin:{SECRET}@{guarded.socket}?prefix={prefix}",
    ):
        with subject.open(place) as handle:
            seen += [repr(handle), str(handle.stats()), str(handle.at)]
            seen.append(repr(getattr(handle, "_topic", handle)._server.address))
        with pytest.raises(ValueError, match=r"closed") as closed:
            subject.wait(handle, 0)
        seen.append(str(closed.value))
        wrong = place.replace(guarded.socket, guarded.socket + "-nobody")
        with pytest.raises(Unreachable) as lost:
            subject.open(wrong)
        with pytest.raises(ValueError, match=r"no option") as bad:
            subject.open(place + "&colour=red")
        seen += [repr(lost.value), repr(bad.value)]
    with pytest.raises(PermissionError) as refused:
        subject.open(as_tocsin(guarded, password=SECRET + "?"))
    seen += [repr(refused.value), caplog.text]
    assert [text for text in seen if SECRET in text] == []


# -- what the user may do


def test_every_kind_as_the_user_of_the_documents(guarded: RedisServer, subject: Subject) -> None:
    place = as_tocsin(guarded, password=SECRET)
    with subject.open(place) as handle, subject.open(place) as other:
        guarded.ask("SCRIPT", "FLUSH")
        wait = subject.start(handle)
        until_blocked(guarded, wait)
        subject.change(other)
        assert wait.result()
        assert subject.count(other) >= 1
        other.stats()
        other.unlink()
    assert [key for key in guarded.ask("KEYS", "*") if not key.startswith(b"tocsin:")] == []


def test_a_queue_as_the_user_of_the_documents(guarded: RedisServer) -> None:
    with Queue[int]("all", at=as_tocsin(guarded, password=SECRET), maxsize=9) as queue:
        queue.put_many(range(4))
        assert queue.peek() == queue.get() == 0
        queue.task_done()
        queue.receive().ack()
        with queue.receive() as delivery:
            assert delivery.item == 2
        guarded.ask("CLIENT", "KILL", "USER", "tocsin")
        assert queue.get() == 3
        queue.put(4)
        assert queue.purge() == 1
        queue.task_done()
        assert queue.join(60)
        queue.shutdown()
        queue.unlink()


def test_the_prefix_is_all_that_it_may_use(guarded: RedisServer) -> None:
    with pytest.raises(PermissionError, match=r"refuses this user"):
        Event("x", at=as_tocsin(guarded, password=SECRET, prefix="other"))


def test_the_documents_list_what_the_source_uses() -> None:
    """No more, and no less: but for what redis-py says when it connects."""
    folder = ROOT / "src/tocsin/_redis"
    used = set()
    for path in folder.glob("scripts/*.lua"):
        used |= {name.lower() for name in re.findall(r"redis\.call\('([A-Z]+)'", path.read_text())}
    for path in folder.glob("*.py"):
        for first, second in re.findall(r'\(\*?\(?b"([A-Z]+)"(?:, b"([A-Z]+)")?', path.read_text()):
            name = first.lower()
            used.add(f"{name}|{second.lower()}" if name in {"client", "script"} else name)
    listed = {word[1:] for word in acl() if word.startswith("+")}
    assert listed == used - {"block", "count"} | {"auth", "select", "client|setname"}
