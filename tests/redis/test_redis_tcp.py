"""redis://: a server that is reached by a host's name and a port, with a login and without one."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from harness.proxies import Proxy
from harness.subjects import SUBJECTS, Subject

from tocsin import Event, Unreachable
from tocsin._redis.server import server_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.servers import RedisServer

#: Whether somebody lost the server's host, and that no answer waits for more to send.
OPTIONS = {
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE): 1,
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE): 10,
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL): 5,
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT): 3,
    (socket.IPPROTO_TCP, socket.TCP_NODELAY): 1,
}


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[Proxy]:
    with Proxy(server, tcp=True) as running:
        yield running


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_every_kind(proxy: Proxy, subject: Subject) -> None:
    with subject.open(proxy.url()) as handle:
        subject.change(handle)
        assert subject.count(handle) == 1


@pytest.mark.parametrize("db", [0, 1])
def test_the_socket_is_the_same_whoever_made_it(proxy: Proxy, db: int) -> None:
    """redis-py does, where it has to select a database; without that nobody has to."""
    server = server_at(proxy.url(db=db))
    line = server.connect(server.until(-1))
    assert {option: line.sock.getsockopt(*option) for option in OPTIONS} == OPTIONS
    line.close()


def test_a_name_for_the_host(proxy: Proxy) -> None:
    with Event("x", at=proxy.url().replace("127.0.0.1", "localhost")) as event:
        event.set()
        assert event.is_set()


@pytest.mark.parametrize("host", ["nobody.invalid", "127.0.0.1:1"])
def test_nobody_is_there(host: str) -> None:
    with pytest.raises(Unreachable, match=rf"the server redis://{host} can't be reached: \w.*: is it running"):
        Event("x", at=f"redis://{host}")
