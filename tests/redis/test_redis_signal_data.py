"""Signals and data events on a server: answers that are lost, keys that somebody else broke, a server that forgets."""

from __future__ import annotations

import errno
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from harness.callers import LOOPS, RUN, InThread
from harness.moments import KINDS, count_of, value_of
from harness.until import until

from tocsin import DataEvent, ObjectDamaged, ObjectRemoved, Signal
from tocsin._redis.line import Line, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.servers import RedisServer


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> type[Any]:
    return KINDS[request.param]


@pytest.fixture
def handle(kind: type[Any], place: str) -> Iterator[Any]:
    with kind("x", at=place) as made:
        yield made


def key_of(place: str) -> str:
    return f"{place.partition('prefix=')[2]}:{{x}}"


def stream_of(server: RedisServer, place: str) -> str:
    key = key_of(place)
    return f"{key}:s:{server.ask('HGET', key, 'id').decode()}"


class Lossy:
    """The first answer to a script is lost, after `meanwhile()`: the server has done what it was asked for."""

    def __init__(self, patch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
        self.lost = 0
        real_ask, real_take = Line.ask, Line.take

        def lose(line: Line) -> None:
            self.lost += 1
            meanwhile()
            line.close()

        def ask(line: Line, packed: bytes, until: int) -> Any:
            answer = real_ask(line, packed, until)
            if b"EVALSHA" in packed and not self.lost:
                lose(line)
                raise unreachable(line.address, "the answer is lost")
            return answer

        def take(line: Line) -> Any:
            answer = real_take(line)
            if answer is not False and not self.lost:
                lose(line)
                raise ConnectionResetError("the answer is lost")
            return answer

        patch.setattr(Line, "ask", ask)
        patch.setattr(Line, "take", take)


@pytest.mark.parametrize("caller", ["thread", *LOOPS])
def test_a_lost_answer_is_given_again(
    kind: type[Any], place: str, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done once, with the number that it got, whoever came in between."""
    with kind("x", at=place) as one, kind("x", at=place) as other:
        other.signal(*value_of(other))
        one.signal(*value_of(one))  # by now each has a connection
        keep = [0]

        def meanwhile() -> None:
            keep[0] = other.signal(*value_of(other))

        lossy = Lossy(monkeypatch, meanwhile)
        value, more = value_of(one), {} if kind is Signal else {"if_version": 2}
        found = (
            one.signal(*value, **more) if caller == "thread" else RUN[caller](lambda: one.signal_async(*value, **more))
        )
        assert (lossy.lost, found, keep[0]) == (1, 3, 4)
        assert count_of(one) == 4
        assert one.signal(*value) == 5


def test_scripts_that_were_flushed_are_loaded_again(server: RedisServer, handle: Any) -> None:
    server.ask("SCRIPT", "FLUSH")
    assert handle.signal(*value_of(handle)) == 1
    server.ask("SCRIPT", "FLUSH")
    assert handle.wait(0) == (1 if isinstance(handle, Signal) else "value")


def test_a_key_that_somebody_deleted(server: RedisServer, place: str, handle: Any) -> None:
    server.ask("DEL", key_of(place))
    for call in (lambda: handle.signal(*value_of(handle)), lambda: handle.wait(0)):
        with pytest.raises(ObjectRemoved):
            call()


def test_a_count_that_somebody_broke(server: RedisServer, place: str, handle: Any) -> None:
    field = "count" if isinstance(handle, Signal) else "version"
    calls = [lambda: handle.signal(*value_of(handle)), lambda: handle.wait(0), lambda: count_of(handle), handle.stats]
    for value in ("many", None):
        server.ask("HDEL", key_of(place), field) if value is None else server.ask("HSET", key_of(place), field, value)
        for call in calls:
            with pytest.raises(ObjectDamaged, match="'x' at"):
                call()


def test_a_value_that_somebody_deleted(server: RedisServer, place: str) -> None:
    with DataEvent("x", at=place) as data:
        data.signal("lost")
        server.ask("DEL", stream_of(server, place))
        with DataEvent("x", at=place) as other:
            for call in (other.latest, lambda: other.wait(0)):
                with pytest.raises(ObjectDamaged):
                    call()
            assert data.signal("next") == 2
            assert other.wait(0) == other.latest() == "next"


def test_a_server_that_is_full(server: RedisServer, handle: Any) -> None:
    """Refused, and nothing has changed."""
    handle.signal(*value_of(handle))
    server.ask("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(OSError, match="takes no more") as caught:
            handle.signal(*value_of(handle))
        assert caught.value.errno == errno.ENOSPC
        assert count_of(handle) == 1
    finally:
        server.ask("CONFIG", "SET", "maxmemory", "0")
    assert handle.signal(*value_of(handle)) == 2


def test_a_server_that_takes_no_changes_now(server: RedisServer, kind: type[Any], place: str) -> None:
    """As in the middle of a failover: it is asked until it does."""

    def tries() -> int:
        return server.ask("INFO", "commandstats")["cmdstat_evalsha"]["calls"]

    with kind("x", at=place) as made:
        made.signal(*value_of(made))
        server.ask("REPLICAOF", "127.0.0.1", "1")
        try:
            before = tries()
            signal = InThread(lambda: made.signal(*value_of(made)))
            until(lambda: signal.done() or tries() > before + 1, "it asks again")
            assert not signal.done()
        finally:
            server.ask("REPLICAOF", "NO", "ONE")
        assert signal.result() == count_of(made) == 2


def test_a_value_is_sent_once(server: RedisServer, place: str) -> None:
    """Who has it is not sent it again, however often he looks."""

    def sent() -> int:
        return server.ask("INFO", "stats")["total_net_output_bytes"]

    value = "v" * (1 << 20)
    with DataEvent("x", at=place) as data, DataEvent("x", at=place) as other:
        data.signal(value)
        assert other.wait() == value
        before = sent()
        for _ in range(10):
            assert other.latest() == data.latest() == value
            with pytest.raises(TimeoutError):
                other.wait(0)
        assert sent() - before < len(value)


def go_back(server: RedisServer, place: str, handle: Any) -> None:
    """Two changes of which the server then knows nothing, as after a failover to a replica that was behind."""
    keys = key_of(place), stream_of(server, place)
    kept = [server.ask("DUMP", key) for key in keys]
    for _ in range(2):
        handle.signal(*value_of(handle))
    assert handle.wait(0)
    for key, dump in zip(keys, kept, strict=True):
        server.ask("RESTORE", key, 0, dump, "REPLACE")


def test_a_server_that_forgot_some(server: RedisServer, place: str, handle: Any) -> None:
    handle.signal(*value_of(handle))
    go_back(server, place, handle)
    assert count_of(handle) == 1
    with type(handle)("x", at=place) as other:
        assert other.signal(*value_of(other)) == 2
    assert handle.wait(0)


def test_a_sleeper_whose_server_forgot_some(server: RedisServer, place: str, handle: Any) -> None:
    """Its connection is gone, too, so that it looks at what is there now."""
    handle.signal(*value_of(handle))
    go_back(server, place, handle)
    wait = InThread(handle.wait)
    wait.until_asleep()
    server.ask("CLIENT", "KILL", "TYPE", "normal")
    with type(handle)("x", at=place) as other:
        assert other.signal(*value_of(other)) == 2
    assert wait.result()


class Named(DataEvent[int]):
    """A user's own."""


def test_a_subclass(place: str) -> None:
    with Named("x", at=place) as made, pickle.loads(pickle.dumps(made)) as again:
        assert isinstance(made, Named)
        assert type(again) is type(made)
        made.signal(5)
        assert again.wait() == 5
