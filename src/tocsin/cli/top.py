"""`tocsin top`: the objects of a place with their rates, live. Looks, and does nothing else."""

from __future__ import annotations

import os
import sys
import time

from tocsin.cli._common import check
from tocsin.cli._exit import FAILED, OK, Failure, Usage, complain, say
from tocsin.cli._sample import Sampler
from tocsin.cli._view import ORDERS, View
from tocsin.cli._walk import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._sample import Sample
    from tocsin.cli._screen import Screen


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    at = options["at"]
    if words and words[0] in ("user", "system"):
        if at is not None:
            raise Usage(f"{words[0]} is a place, and --at {at} another one", verb)
        at, words = words[0], words[1:]
    check([], at)
    asked = places(words, at)
    interval = options["interval"] or 1.0
    view = View(", ".join(dict.fromkeys(place.at for place in asked)), interval)
    sampler = Sampler(asked, interval)
    times = 1.0 if options["once"] else options["count"]
    if times is not None:
        return _print(verb, view, sampler, times, interval)
    if sys.stdout is None or not os.isatty(1):
        raise Usage("the live screen needs a terminal: --once or -n N print to anything", verb)
    if os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        raise Usage("this terminal (TERM) can't place text on its screen: use --once or -n N", verb)
    from tocsin.cli._screen import Ended, Screen, die_of

    try:
        with Screen() as screen:
            _show(screen, view, sampler)
    except Ended as end:
        return die_of(end.number)
    return OK


def _print(verb: str, view: View, sampler: Sampler, times: float, interval: float) -> int:
    """Each screen is of its own interval, so that its rates are. What could not be read is no success, as with `ls`."""
    view.order = "n"
    terminal = sys.stdout is not None and os.isatty(1)
    sample = sampler.take()
    if sample.trouble and not sample.entries:
        raise Failure(sample.trouble)
    while times > 0:
        time.sleep(interval)
        sample = sampler.take()
        width = os.get_terminal_size(1).columns if terminal else 0
        for text, _ in view.lines(sample, width or view.wide_enough(sample)):
            say(text.rstrip())
        times -= 1
        say(flush=True)
    if sample.trouble:
        complain(verb, Failure(sample.trouble))
        return FAILED
    return OK


def _show(screen: Screen, view: View, sampler: Sampler) -> None:
    sample = sampler.take()
    while True:
        columns, lines = screen.size
        screen.draw(view.lines(sample, columns, lines))
        key = screen.wait(None if view.paused else sampler.due)
        if key is None:
            sample = sampler.take()
        elif key == "q":
            return
        else:
            sample = _press(key, view, sampler, sample, max(1, lines - 4))


def _press(key: str, view: View, sampler: Sampler, sample: Sample, page: int) -> Sample:
    many = len(sample.entries)
    if key in ORDERS:
        view.order, view.top = key, 0
    elif key in ("p", " "):
        view.paused = not view.paused
    elif key == "again" and not view.paused:
        return sampler.take()
    steps = {"up": -1, "k": -1, "down": 1, "j": 1, "pageup": -page, "pagedown": page, "home": -many, "end": many}
    view.top += steps.get(key, 0)
    return sample
