"""A tree that is made, moved, linked and torn down at random: what is told of the markers in it is what is so."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from typing import TYPE_CHECKING

from harness.places import fresh_place
from harness.prove import cases
from harness.until import until
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tocsin import Watchpoint, WatchpointHandler

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("a", "b", "X.watch")
#: Places in the tree, as short paths; some of them are the markers' own.
SPOTS = [
    *NAMES,
    *(f"{x}/{y}" for x in "ab" for y in NAMES),
    *(f"{x}/{y}/{z}" for x in "ab" for y in "ab" for z in NAMES),
]
#: The markers' parents, among them one that leads through "..", which is not what it is in the text.
HOMES = (".", "a", "b", "a/b", "b/a", "a/a/b", "a/../b/a", "b/b/..")


class Tree(RuleBasedStateMachine):
    """Every rule is an attempt: what the file system refuses is no change."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self.root = self._stack.enter_context(fresh_place())
        points = [Watchpoint(i, f"{self.root}/{home}", "X") for i, home in enumerate(HOMES)]
        # "b/b/.." is "b", once b/b is there: which is why a handler refuses it beside "b".
        self.paths = {point.key: point.directory for point in points}
        self.handlers = [
            self._stack.enter_context(WatchpointHandler(points[:6])),
            self._stack.enter_context(WatchpointHandler(points[6:])),
        ]
        self.changes = [handler.changes() for handler in self.handlers]
        self.told: dict[int, bool] = {}
        self.heard: dict[int, bool] = {}
        self.held: list[int] = []
        self._pumps = [threading.Thread(target=self._pump, args=(handler,)) for handler in self.handlers]
        for pump in self._pumps:
            pump.start()

    def _pump(self, handler: WatchpointHandler) -> None:
        with contextlib.suppress(ValueError):  # closed
            for key, present in handler.changes(replay=True):
                self.heard[key] = present

    def _try(self, call: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(OSError, shutil.Error):
            call(*args)

    def _at(self, spot: str) -> str:
        return os.path.join(self.root, spot)

    @rule(spot=st.sampled_from(SPOTS))
    def mkdir(self, spot: str) -> None:
        self._try(os.mkdir, self._at(spot))

    @rule(spot=st.sampled_from(SPOTS))
    def makedirs(self, spot: str) -> None:
        self._try(os.makedirs, self._at(spot))

    @rule(spot=st.sampled_from(SPOTS))
    def rmdir(self, spot: str) -> None:
        self._try(os.rmdir, self._at(spot))

    @rule(spot=st.sampled_from(SPOTS))
    def tear_down(self, spot: str) -> None:
        self._try(shutil.rmtree, self._at(spot))
        self._try(os.unlink, self._at(spot))

    @rule(source=st.sampled_from(SPOTS), goal=st.sampled_from(SPOTS))
    def move(self, source: str, goal: str) -> None:
        self._try(os.rename, self._at(source), self._at(goal))

    @rule(spot=st.sampled_from(SPOTS))
    def move_out_and_back(self, spot: str) -> None:
        self._try(os.rename, self._at(spot), self._at("elsewhere"))
        self._try(os.rename, self._at("elsewhere"), self._at(spot))

    @rule(goal=st.sampled_from(SPOTS), spot=st.sampled_from(SPOTS))
    def link(self, goal: str, spot: str) -> None:
        self._try(os.symlink, self._at(goal), self._at(spot))

    @rule(spot=st.sampled_from(SPOTS))
    def write(self, spot: str) -> None:
        self._try(lambda: os.close(os.open(self._at(spot), os.O_CREAT | os.O_EXCL | os.O_WRONLY)))

    @rule(spot=st.sampled_from(SPOTS))
    def sit_in(self, spot: str) -> None:
        """A directory that somebody works in is removed without a word of its own."""
        with contextlib.suppress(OSError):
            self.held.append(os.open(self._at(spot), os.O_DIRECTORY | os.O_RDONLY))

    @rule(key=st.sampled_from(range(len(HOMES))))
    def create(self, key: int) -> None:
        self._try(self.handlers[key > 5].create, key)

    @rule(key=st.sampled_from(range(len(HOMES))))
    def remove(self, key: int) -> None:
        self._try(self.handlers[key > 5].remove, key)

    @invariant()
    def what_is_told_is_so(self) -> None:
        for changes in self.changes:
            self.told.update(changes.look())
        truth = {key: os.path.isdir(path) and not os.path.islink(path) for key, path in self.paths.items()}
        assert {key: self.told.get(key, False) for key in truth} == truth
        until(lambda: {key: self.heard.get(key, False) for key in truth} == truth, f"the threads heard: {truth}")
        assert not any(handler.stats().why for handler in self.handlers)

    def teardown(self) -> None:
        for handler in self.handlers:
            handler.close()
        for pump in self._pumps:
            pump.join(60)
            assert not pump.is_alive()
        for fd in self.held:
            os.close(fd)
        self._stack.close()


def test_a_tree_at_random() -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    profile = settings(
        max_examples=cases(60, 3000), stateful_step_count=50, deadline=None, suppress_health_check=checks, database=None
    )
    run_state_machine_as_test(Tree, settings=profile)
