"""iceoryx2's event: a notifier, and a listener that sleeps. Its files go into the bench's own place, and its shared
memory has a name of ours: a process that is killed leaves both behind.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers import here, module

from . import Flag, Peer, nothing

if TYPE_CHECKING:
    from collections.abc import Callable

SHM = Path("/dev/shm")
CROWD = 128  # processes that may take part


def make(tag: str, *, child: bool = False) -> Flag:
    iox2: Any = module("iceoryx2")
    name = tag if child else f"{os.getpid()}-{tag}"
    prefix = f"tocsin-bench-iox-{name}_"
    iox2.set_log_level(iox2.LogLevel.Error)
    config = iox2.config.default()
    config.global_cfg.root_path = iox2.Path.new(f"{here()}/iox/")
    config.global_cfg.prefix = iox2.FileName.new(prefix)
    node = iox2.NodeBuilder.new().config(config).create(iox2.ServiceType.Ipc)
    event = node.service_builder(iox2.ServiceName.new(name)).event()
    service = event.max_listeners(CROWD).max_nodes(CROWD).open_or_create()
    notify: Callable[[], object] = nothing
    wait: Callable[[], object] = nothing
    if child:  # one who never waits would be rung for as well
        wait = service.listener_builder().create().blocking_wait
    else:
        notify = service.notifier_builder().create().notify

    def drop() -> None:
        for left in SHM.glob(f"{prefix}*"):
            left.unlink(missing_ok=True)

    return Flag(notify, nothing, nothing, wait, drop, lambda: make(name, child=True))


PEER = Peer("iceoryx2 event", "iceoryx2", processes=True, make=make, flag=False)
