"""All at the same time: a look that finds all ready, and a second that finds them unchanged (verify/wait_all.pml)."""

from __future__ import annotations

from tocsin import _core, _hub
from tocsin._ears import Ears
from tocsin._ready import Bell, Stranger, key_of, member
from tocsin._wait import warn_if_loop_is_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin._ears import Events
    from tocsin._object import Handle
    from tocsin._ready import Member

#: So often at once, when all were ready and one changed; then signals and other tasks get their turn.
_TRIES = 100


class Together:
    """One wait for all. It belongs to its caller's thread; only `told` and `waiting` come from others."""

    def __init__(self, objs: tuple[Any, ...]) -> None:
        self.ears = Ears(once=True)  # a descriptor that stays readable must not keep us awake
        #: The one at the end needs no second look: what is busy goes there.
        self.members: list[Member] = []
        self.lacking: dict[Member, None] = {}
        self.waits = False
        _hub.watch(self)
        try:
            for place, thing in enumerate(objs, 1):
                if key_of(thing) not in self.ears.members:
                    found = member(thing, place, f"argument {place}")
                    self.ears.enter(found)
                    self.members.append(found)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.ears.give_back()

    # -- looking

    def ready(self, one: Member) -> bool:
        """Now? Arms it; what is not ready will ring."""
        if isinstance(one, Stranger):
            self.ears.rearm(one)
            return one.look()
        ready = one.look_now()
        if not ready and (due := one.due()):
            self.ears.timed[one] = due
        return ready

    def is_so(self) -> bool:
        """Were all ready at one instant? If not, `lacking` says who wasn't; nobody: one changed, so look again."""
        members, lacking = self.members, self.lacking
        seen: list[int] = []
        for one in members:
            if not self.ready(one):
                lacking[one] = None
            seen.append(one.seen if isinstance(one, Bell) else 0)
        if lacking:
            return False
        # The last one was ready at an instant that lies between the two looks at each other one.
        for place, one in enumerate(members[:-1]):
            if not self.ready(one):
                lacking[one] = None
                return False
            if isinstance(one, Bell) and one.seen != seen[place]:
                members.append(members.pop(place))
                return False
        return True

    def judge(self, events: Events) -> bool:
        """After something rang. Only who lacked is looked at, until nobody does."""
        bells, strangers = self.ears.rang(events)
        for one in (*bells, *strangers):
            if one in self.lacking and self.ready(one):
                del self.lacking[one]
        for _ in range(_TRIES):
            if self.lacking:
                return False
            if self.is_so():
                return True
        return False

    def judge_last(self) -> bool:
        """At the deadline: nothing has come, or nothing comes through. Unreachable."""
        for handle in self.ears.quietest():
            handle._look_last()
        return self.judge(self.ears.poll(0))

    # -- waiting

    def seconds(self, until: int) -> float:
        return self.ears.seconds(until) if self.lacking else 0

    def wait(self, until: int) -> bool:
        if self.judge(()):
            return True
        if until == 0:
            return self.ears.is_unsure() and self.judge_last()
        warn_if_loop_is_running("wait_all_async", 1)
        self.waits = True
        while True:
            if self.judge(self.ears.poll(self.seconds(until))):
                return True
            if 0 <= until <= _core.now():
                return self.judge_last()

    async def wait_async(self, until: int) -> bool:
        if self.judge(()):
            return True
        if until == 0:
            return self.ears.is_unsure() and self.judge_last()
        from tocsin._aio import Readable

        self.waits = True
        with Readable(self.ears.epoll.fileno()) as readable:
            while True:
                await readable.wait(self.seconds(until))
                if self.judge(self.ears.poll(0)):
                    return True
                if 0 <= until <= _core.now():
                    for handle in self.ears.quietest():
                        await handle._look_last_async()
                    return self.judge(self.ears.poll(0))

    # -- from any thread

    def waiting(self, handle: Handle) -> int:
        return int(self.waits and id(handle) in self.ears.members)

    def told(self, handle: Handle, *, closed: bool) -> None:
        self.ears.told(handle, closed=closed)
