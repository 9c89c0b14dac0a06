"""Cable: between two hosts, which are network namespaces; a test unplugs it. It needs no root, but namespaces."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from harness.until import PATIENCE_S, until

if TYPE_CHECKING:
    from types import TracebackType

#: What a namespace lives by: until our end of its pipe is closed, however we end.
_HOLD = ("sh", "-c", "echo up; read -r end")
SERVERS, OTHERS = "10.91.77.1", "10.91.77.2"  # addresses, which are nobody's outside
_CARD = "02:00:00:00:00:02"


class Cable:
    """`with Cable() as cable:` - `cable.servers` and `cable.others` are what a command is begun with to run there.

    Skips the test where no namespaces may be made.
    """

    def __init__(self) -> None:
        self._held: list[subprocess.Popen[str]] = []
        try:
            self.servers = self._made(["unshare", "--user", "--map-root-user", "--net"])
            self.others = self._made([*self.servers, "unshare", "--net"])
            self._run(
                self.servers,
                f"ip link add near type veth peer name far address {_CARD} netns {self._held[1].pid}",
                f"ip address add {SERVERS}/30 dev near",
                "ip link set near up",
                # A switch in between would go on taking packets for a host that is gone.
                f"ip neighbour add {OTHERS} lladdr {_CARD} nud permanent dev near",
            )
            self._run(self.others, f"ip address add {OTHERS}/30 dev far", "ip link set far up")
        except _NotHereError as error:
            self._end()
            pytest.skip(f"no network namespaces may be made here: {error}")

    def _made(self, command: list[str]) -> list[str]:
        try:
            held = subprocess.Popen(
                [*command, *_HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        except FileNotFoundError as error:
            raise _NotHereError(error) from None
        self._held.append(held)
        assert held.stdout is not None
        if held.stdout.readline() != "up\n":
            raise _NotHereError(held.communicate(timeout=PATIENCE_S)[1].strip())
        # `nsenter` becomes the command, and `setpriv` has it end with us, though it is another user there.
        return ["nsenter", f"--target={held.pid}", "--user", "--preserve-credentials", "--net",
                "setpriv", "--pdeathsig=KILL"]

    def _run(self, where: list[str], *commands: str) -> str:
        try:
            done = subprocess.run(
                [*where, "sh", "-ec", "\n".join(commands)], capture_output=True, text=True, check=False,
                timeout=PATIENCE_S,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise _NotHereError(error) from None
        if done.returncode:
            raise _NotHereError(done.stderr.strip())
        return done.stdout

    def unplug(self) -> None:
        """The other host is gone, and tells nobody: its packets, and those for it, vanish.

        Not in the midst of an answer, which the kernel sends again and again for a quarter of an hour.
        """
        until(self._is_quiet, "nothing is on its way")
        self._run(self.others, "ip link set far down")

    def plug_in(self) -> None:
        self._run(self.others, "ip link set far up")

    def _is_quiet(self) -> bool:
        rows = Path(f"/proc/{self._held[0].pid}/net/tcp").read_text().splitlines()[1:]
        return all(row.split()[4].startswith("00000000:") for row in rows)

    def _end(self) -> None:
        for held in self._held:
            held.communicate(timeout=PATIENCE_S)  # closes its pipe

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()


class _NotHereError(Exception):
    """What this machine doesn't allow, or hasn't."""
