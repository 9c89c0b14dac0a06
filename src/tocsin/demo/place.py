"""Where a run's objects are: in its directory, or, if TOCSIN_AT is a server, there under a prefix of their own."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tocsin._place import is_far, unlink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def objects_of_its_own(directory: Path) -> Iterator[str]:
    """The place, for `at=`. Nothing of the run stays behind there."""
    if not is_far("x", None):
        yield str(directory)
        return
    from tocsin._redis.address import read
    from tocsin._redis.look import names

    url = os.environ["TOCSIN_AT"]
    url, _, query = url.partition("?")
    options = [option for option in query.split("&") if option and not option.startswith("prefix=")]
    prefix = f"{read(os.environ['TOCSIN_AT']).prefix}:demo-{os.urandom(6).hex()}"
    place = f"{url}?{'&'.join([*options, f'prefix={prefix}'])}"
    try:
        yield place
    finally:
        with suppress(OSError):  # a server that has gone has been complained about
            for name in names(place):
                with suppress(FileNotFoundError):
                    unlink(name, at=place)
