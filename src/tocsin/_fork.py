"""A fork's child: first everything forgets what is its parent's, then things begin anew. One place keeps that order.

Hooks of `os.register_at_fork` run in the order in which modules were imported, which nobody means: a thread that begins
in the child before another module has let go of the parent's connection would ask over it, and parent and child would
take each other's answers.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_forget: list[Callable[[], None]] = []
_begin: list[Callable[[], None]] = []


def forget_in_child(what: Callable[[], None]) -> None:
    """To be called first in each child: give up what is the parent's. May start nothing."""
    _forget.append(what)


def begin_in_child(what: Callable[[], None]) -> None:
    """To be called when all is forgotten: threads may start."""
    _begin.append(what)


def _after_fork() -> None:
    for what in (*_forget, *_begin):
        what()


os.register_at_fork(after_in_child=_after_fork)
