"""`jk_interprocesssync.fs`: events, events with data, and queues, at a path, without its polling.

    from tocsin.compat.interprocesssync.fs import Event     # was: from jk_interprocesssync.fs import Event

What is better and what differs: docs/from-the-seeds/interprocesssync.md.
"""

from __future__ import annotations

from tocsin.compat.interprocesssync._data_event import JSONDataEvent
from tocsin.compat.interprocesssync._data_queue import JSONDataQueue
from tocsin.compat.interprocesssync._event import Event

__all__ = ["Event", "JSONDataEvent", "JSONDataQueue"]
