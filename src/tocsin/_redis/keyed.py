"""An object of several keys, which go together: by a script of its kind, which tells all who wait."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from tocsin._redis.server import Refusal

if TYPE_CHECKING:
    from tocsin._redis.handle import RedisHandle as Base
    from tocsin._redis.script import Script
else:
    Base = object


class RedisKeyed(Base):
    """The mix-in. `_keys` go to every script of the kind."""

    _keys: tuple[bytes, ...]
    _unlink_script: Script

    def _unlink(self) -> int:
        if self._over:
            return self._over
        try:
            self._server.run(self._unlink_script, self._keys, (self._id,), -1)
        except Refusal as refusal:
            return refusal.reason
        self._finish(-errno.EIDRM)
        return 0
