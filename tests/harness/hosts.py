"""Hosts on one machine: network namespaces with an address each, on a bridge. Nobody has to be root for that."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.child import Child
from harness.until import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

#: The host on which the bridge is: it is there until its input ends.
_BRIDGE = """
set -e
ip link set lo up
ip link add bridge type bridge
ip addr add 10.0.0.1/8 dev bridge
ip link set bridge up
echo ready
exec cat
"""
#: Makes the namespace in which it runs a host, with an address that no other process has, and becomes the command.
#: It has to be a new one: where there is an eth0 already, none can be made.
_JOIN = """
set -e
bridge=/proc/$1/ns/net log=$2
ip link add eth0 type veth peer name "h$$" netns "$1"
nsenter --net="$bridge" ip link set "h$$" master bridge up
ip addr add "10.$(($$ / 62500 % 250 + 1)).$(($$ / 250 % 250)).$(($$ % 250 + 1))/8" dev eth0
ip link set eth0 up
readlink /proc/self/ns/net >>"$log"
shift 2
exec "$@"
"""


class NoHosts(Exception):
    """This machine doesn't let us; it says why."""


class Hosts:
    """`with Hosts() as hosts`: commands that run on the host of the bridge, or each on one of its own."""

    #: Of the host on which the bridge is.
    ADDRESS = "10.0.0.1"

    def __init__(self) -> None:
        """NoHosts."""
        self._directory = tempfile.mkdtemp(prefix="tocsin-hosts-")
        self._log = Path(self._directory, "log")
        self._bridge: Child | None = None
        try:
            self._make()
        except BaseException:
            self._end()
            raise

    def _make(self) -> None:
        for tool in ("ip", "unshare", "nsenter"):
            if shutil.which(tool) is None:
                raise NoHosts(f"there is no {tool}")
        alone = ["unshare", "--user", "--map-root-user", "--net"]
        self._try([*alone, "sh", "-c", _BRIDGE])
        self._bridge = Child.of([*alone, "sh", "-c", _BRIDGE])
        assert self._bridge.hear() == "ready"
        self._try([*self.at_bridge(), *self.apart("true")])
        self._log.write_bytes(b"")  # the trial's

    @staticmethod
    def _try(command: list[str]) -> None:
        tried = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        if tried.returncode != 0:
            raise NoHosts(tried.stderr.strip())

    def at_bridge(self) -> list[str]:
        """What goes before a command that runs on the host of the bridge."""
        assert self._bridge is not None
        return ["nsenter", f"--target={self._bridge.pid}", "--user", "--net", "--preserve-credentials"]

    def apart(self, *command: str) -> list[str]:
        """The command, on a host of its own: for whoever runs at the bridge, or on such a host."""
        assert self._bridge is not None
        return ["unshare", "--net", "sh", "-c", _JOIN, "sh", str(self._bridge.pid), str(self._log), *command]

    @property
    def bridge(self) -> str:
        """The namespace of the bridge, as the kernel calls it."""
        assert self._bridge is not None
        return os.readlink(f"/proc/{self._bridge.pid}/ns/net")

    def seen(self) -> Sequence[str]:
        """The namespace of each command that ran apart, in the order in which they began."""
        return self._log.read_text().splitlines()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._bridge is not None:
            self._bridge.kill()
        shutil.rmtree(self._directory)
