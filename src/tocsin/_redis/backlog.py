"""Backlog: entries of a numbered stream that have come to a listener, and that it has not read yet.

They come from two sides, by the read that is outstanding and by a look, so some come twice; and where numbers are
missing, the server let them go before they came.
"""

from __future__ import annotations

from collections import deque
from typing import Any

#: What many at once take, unless one alone is larger.
CHUNK = 65536


class Backlog:
    """In rows: the number of the first, and the payloads; in place of payloads that will not come, how many."""

    __slots__ = ("last", "rows")

    def __init__(self, last: int) -> None:
        self.last = last  # the number of the last that came, or that will not
        self.rows: deque[tuple[int, list[bytes] | int]] = deque()

    def add(self, entries: list[Any]) -> None:
        """What XREAD or XRANGE gave: ``[b"7-0", [b"p", payload]]`` each."""
        first, end = int(entries[0][0][:-2]), int(entries[-1][0][:-2])
        if end - first + 1 != len(entries):  # somebody deleted some by hand
            for entry in entries:
                self.add([entry])
            return
        if end <= self.last:
            return
        payloads = [row[1] for _, row in entries]
        if first <= self.last:
            del payloads[: self.last + 1 - first]
            first = self.last + 1
        elif first > self.last + 1:
            self.rows.append((self.last + 1, first - self.last - 1))
        before = self.rows[-1][1] if self.rows else None
        if isinstance(before, list):
            before += payloads
        else:
            self.rows.append((first, payloads))
        self.last = end

    def take(self, limit: int) -> tuple[int, list[bytes] | int] | None:
        """Up to `limit` of the first row; None: nothing is there."""
        if not self.rows:
            return None
        first, found = row = self.rows.popleft()
        if isinstance(found, int):
            return row
        if len(found) > limit:
            self.rows.appendleft((first + limit, found[limit:]))
            return first, found[:limit]
        return row

    def take_chunk(self, limit: int) -> tuple[int, list[bytes] | int] | None:
        """The same, and no more bytes than a chunk has."""
        if self.rows and not isinstance(found := self.rows[0][1], int):
            size = 0
            for n, payload in enumerate(found[:limit]):
                size += len(payload)
                if size > CHUNK:
                    return self.take(max(1, n))
        return self.take(limit)
