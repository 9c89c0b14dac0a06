"""The systems that tocsin grew from, call for call: a module each, so that a program moves over by changing an import.

| it had | it now says |
|---|---|
| `from SystemEvent import SystemEvent` | `from tocsin.compat.system_event import SystemEvent` |
| `from bacpypes.event import WaitableEvent` | `from tocsin.compat.waitable_event import WaitableEvent` |
| `import aioevt` | `from tocsin.compat import aioevt` |
| `from jk_interprocesssync.fs import Event` | `from tocsin.compat.interprocesssync.fs import Event` |
| `from watchpoint import Watchpoint` | `from tocsin.compat.watchpoint import Watchpoint` |

What differs is listed, and tested, in `docs/from-the-seeds`. Nothing is imported here, so that a program pays only for
the module that it names.
"""

from __future__ import annotations

__all__ = ["aioevt", "interprocesssync", "system_event", "waitable_event", "watchpoint"]
