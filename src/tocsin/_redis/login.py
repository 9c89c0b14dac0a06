"""Login: a connection by redis-py, with what has to be said before the first question: credentials, TLS, a database.

The only importer of redis, and `line` loads it only when there is something to say.
"""

from __future__ import annotations

import ssl
import traceback
from typing import TYPE_CHECKING, Any

import redis.connection
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from tocsin._redis.line import ALIVE, refused, short_of_descriptors, unreachable

if TYPE_CHECKING:
    import socket

    from tocsin._redis.address import Address


def login(address: Address, seconds: float) -> socket.socket:
    """The socket, connected within so many seconds. Unreachable; PermissionError."""
    common: dict[str, Any] = {
        "db": address.db,
        "username": address.username or None,
        "password": address.password or None,
        "socket_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    kind: Any = redis.connection.UnixDomainSocketConnection
    if address.socket:
        common["path"] = address.socket
    else:
        kind = redis.connection.Connection
        common |= {
            "host": address.host,
            "port": address.port,
            "socket_connect_timeout": seconds,
            "socket_keepalive": True,
            "socket_keepalive_options": dict(ALIVE),
        }
    if address.tls:
        kind = redis.connection.SSLConnection
        common |= {
            "ssl_cert_reqs": "required",
            "ssl_check_hostname": True,  # not every version of redis-py does by itself
            "ssl_ca_certs": address.ca or None,
            "ssl_certfile": address.cert or None,
            "ssl_keyfile": address.key or None,
        }
    made = kind(**common)
    try:
        made.connect()
    except (redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise refused(address, error) from None
    except redis.exceptions.ResponseError as error:
        if str(error).startswith(("WRONGPASS", "NOAUTH", "NOPERM", "ERR AUTH")):
            raise refused(address, error) from None
        raise unreachable(address, error) from None
    except (redis.exceptions.RedisError, OSError) as error:
        if address.tls:
            _close_half_made(error)
        raise short_of_descriptors(error) or unreachable(address, error) from None
    else:
        sock: socket.socket
        sock, made._sock = made._sock, None  # the rest of it only costs memory
        return sock
    finally:
        made.disconnect()


def _close_half_made(error: BaseException | None) -> None:
    """A peer that resets before the handshake leaves a socket of `ssl` open that nobody has: only the frame in which it
    failed knows of it (Python before 3.13)."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            half = frame.f_locals.get("self")
            if isinstance(half, ssl.SSLSocket):
                half.close()
        error = error.__context__
