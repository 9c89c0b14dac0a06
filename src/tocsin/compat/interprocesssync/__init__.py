"""The `jk_interprocesssync` package, whose classes are in its module `fs`.

    from tocsin.compat import interprocesssync as jk_interprocesssync     # was: import jk_interprocesssync.fs

What is better and what differs: docs/from-the-seeds/interprocesssync.md.
"""

from __future__ import annotations

from tocsin.compat.interprocesssync import fs

__all__ = ["fs"]
