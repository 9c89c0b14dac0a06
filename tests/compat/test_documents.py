"""The code of all five seeds' documents, as it is written there: with the originals where they run, and with ours.

documents/README.md lists what was changed, filled in and given; `harness.documents` reads it from there, so that
nothing else can be.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import importlib
import inspect
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from harness.child import Child
from harness.documents import (
    LIST,
    SIDES,
    code,
    concerns,
    filled,
    given,
    import_of,
    original,
    piece,
    pieces,
    table,
    undefined,
)
from harness.loops import LoopThread
from harness.places import descriptors
from harness.until import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> str:
    return request.param


def needs(seed: str, side: str) -> None:
    """Skip, if it's the original's turn and it isn't installed."""
    if side == "original" and original(seed) is None:
        pytest.skip("the original isn't installed: pip install '.[test]'")


def names_of(seed: str, side: str) -> dict[str, Any]:
    """What the document's import brings."""
    needs(seed, side)
    names: dict[str, Any] = {}
    exec(import_of(seed, side), names)
    return names


# ---- the list itself


def python_of(text: str) -> str:
    """The code of a console session; other code is as it is."""
    return "".join(e.source for e in doctest.DocTestParser().get_examples(text)) if ">>>" in text else text


PYTHON = [each for each in pieces() if not each.stem.endswith("-shell")]


@pytest.mark.parametrize("each", PYTHON, ids=lambda each: each.where)
def test_the_list_is_complete(each: Any, side: str) -> None:
    """With what it fills in nothing is left open; each name is the import's, or it says that it was given."""
    text = python_of(filled(each, side, NAME="n", DIRECTORY="/d"))
    compile(text, each.where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert not any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(ast.parse(text)))
    assert undefined(text) <= given(each) | undefined_of_the_import(each.seed, side)


def undefined_of_the_import(seed: str, side: str) -> set[str]:
    line = ast.parse(import_of(seed, side)).body[0]
    return {(alias.asname or alias.name).split(".")[0] for alias in line.names}


def test_the_list_says_nothing_that_is_not_so() -> None:
    for where, old, _, _ in table(LIST, "What was filled in"):
        found = [each for each in pieces() for side in SIDES if concerns(where, each, side)]
        assert any(code(old)[0] in each.text for each in found), (where, old)
    for where, names, _ in table(LIST, "What was given"):
        used = set()
        for each in PYTHON:
            if concerns(where, each, ""):
                used |= undefined(python_of(filled(each, "ours")))
        assert set(code(names)) <= used, where
    assert [row[0] for row in table(LIST, "Where the original fails its own document")] == [
        "waitable_event/03-del",
        "aioevt/03-on",
        "interprocesssync/03-data-sender",
    ], "each of them has a test below"


# ---- SystemEvent


class Console:
    """An interactive interpreter. It shows what an expression gives, as a console does."""

    def __init__(self, start: Callable[..., Any]) -> None:
        self.process = start(sys.executable, "-iq", "-W", "ignore")

    def types(self, text: str) -> None:
        for example in doctest.DocTestParser().get_examples(text):
            self.process.stdin.write(example.source)
        self.process.stdin.flush()

    def shows(self) -> str:
        return self.process.stdout.readline().strip()


def test_system_event_in_consoles(side: str, start: Any, name: str) -> None:
    """Two wait, a third sets; later waits don't block; cleared, they would."""
    needs("system_event", side)
    wait, set_it, clear = (
        filled(piece(f"system_event/{stem}"), side, NAME=name) for stem in ("01-wait", "02-set", "03-clear")
    )
    consoles = [Console(start) for _ in range(2)]
    for console in consoles:
        console.types(wait)
    setter = Console(start)
    setter.types(set_it)
    assert [console.shows() for console in consoles] == ["True"] * 2
    consoles[0].types(wait)
    assert consoles[0].shows() == "True"
    consoles[0].types(clear)
    assert consoles[0].shows() == "False"


def test_system_events_programs(start: Any) -> None:
    """Two shells wait, a third one sets; then each line for its exit code. Ours: see the list."""
    wait, set_it, clear = filled(piece("system_event/04-shell"), "ours").splitlines()

    def ends_with(line: str) -> int:
        return start("sh", "-c", line).wait()

    assert ends_with(wait) == 1
    waiters = [start("sh", "-c", wait.removesuffix(" 0.1")) for _ in range(2)]
    assert ends_with(set_it) == 0
    assert [waiter.wait() for waiter in waiters] == [0, 0]
    assert [ends_with(line) for line in (wait, clear, wait)] == [0, 0, 1]


# ---- WaitableEvent


@pytest.mark.parametrize("stem", ["01-calls", "02-loop"])
def test_waitable_event(stem: str, side: str, asyncore: Any) -> None:
    names = names_of("waitable_event", side) | {"asyncore": asyncore, "threading": threading}
    exec(piece(f"waitable_event/{stem}").text, names)
    assert asyncore.socket_map == {}


def test_waitable_event_is_deleted(side: str, asyncore: Any) -> None:
    """The document: its pipe is closed then, and the system deletes it."""
    names = names_of("waitable_event", side)
    before = Counter(descriptors())
    exec(piece("waitable_event/03-del").text, names)
    left = Counter(descriptors()) - before
    assert (not left) is (side == "ours")
    assert len(asyncore.socket_map) == (0 if side == "ours" else 1)


# ---- aioevt


class Manager:
    """The pieces in one namespace, each run as if it stood in the body of a coroutine."""

    def __init__(self, side: str, loop: asyncio.AbstractEventLoop) -> None:
        self.heard: list[Any] = []
        self.names = names_of("aioevt", side) | {
            "my_func": lambda *args, **kwargs: self.heard.append((args, kwargs)),
            "my_callback_func": lambda: None,
            "my_event_loop": loop,
        }

    async def run(self, stem: str) -> None:
        compiled = compile(piece(f"aioevt/{stem}").text, stem, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        done = eval(compiled, self.names)
        if inspect.isawaitable(done):
            await done


def with_manager(side: str, test: Callable[[Manager], Any]) -> None:
    async def main() -> None:
        with LoopThread() as running:
            manager = Manager(side, running.loop)
            await manager.run("01-manager")
            await test(manager)

    asyncio.run(main())


def test_aioevt_registers_and_emits(side: str) -> None:
    async def test(manager: Manager) -> None:
        await manager.run("02-register")
        await manager.run("04-emit")
        until(lambda: manager.heard, "it was called, on its loop in the other thread")
        assert manager.heard == [((1, 2, 3), {"num4": 4})]

    with_manager(side, test)


def test_aioevt_calculates(side: str) -> None:
    """2.2.1 fails here, and tells."""

    async def test(manager: Manager) -> None:
        if side == "original":
            with pytest.raises(TypeError):
                await manager.run("03-on")
        else:
            for seconds in (2, 10, 50):
                # It emits after a tenth of a second, whether or not its wait has begun by then, on a busy machine.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await manager.run("03-on")
                    break
            assert manager.names["data"].args == (10,)

    with_manager(side, test)


def test_aioevt_waits(side: str, capsys: Any) -> None:
    async def test(manager: Manager) -> None:
        emit = manager.run("04-emit")
        waits = asyncio.create_task(manager.run("05-wait"))
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(emit))  # after the wait has begun
        await waits

    with_manager(side, test)
    assert capsys.readouterr().out == "(1, 2, 3)\n{'num4': 4}\n"


def test_aioevt_unregisters(side: str) -> None:
    async def test(manager: Manager) -> None:
        mgr = manager.names["mgr"]
        mgr.register("MyEventName", print)
        mgr.register("Other", manager.names["my_callback_func"])
        await manager.run("06-unregister")
        assert len(mgr._events) == 0

    with_manager(side, test)


# ---- jk_interprocesssync


@pytest.fixture
def play(side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start a piece as a process in the test's directory."""
    needs("interprocesssync", side)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ramdisk/queuedir").mkdir(parents=True)

    def start(stem: str, folder: str = f"{tmp_path}/ramdisk/") -> Child:
        text = filled(piece(f"interprocesssync/{stem}"), side, DIRECTORY=str(tmp_path))
        return Child(f"{import_of('interprocesssync', side)}\n{text.replace(f'{tmp_path}/ramdisk/', folder)}")

    return start


def past(file: Path) -> None:
    """The original takes two signals at one time of the file system's clock for one."""
    if file.exists():
        until(lambda: time.time() > file.stat().st_mtime + 0.05, "the clock has gone on")


def end(sender: Child, listener: Child) -> None:
    """The last "do something" says that it is enough."""
    sender.say("")
    listener.say("")
    assert [sender.end(), listener.end()] == [0, 0], sender.errors() + listener.errors()


def test_interprocesssync_event(play: Any, tmp_path: Path) -> None:
    with play("01-event-sender") as sender, play("02-event-listener") as listener:
        for last in (False, True):
            past(tmp_path / "eventfile")
            sender.say("go")
            assert listener.hear() == "heard"
            if not last:
                listener.say("on")
        end(sender, listener)


def test_interprocesssync_data(play: Any, side: str) -> None:
    with play("03-data-sender") as sender:
        sender.say("one")
        if side == "original":
            assert sender.end() == 1
            assert "FileNotFoundError" in sender.errors()
            return
        with play("04-data-listener") as listener:
            assert listener.hear() == "one"
            listener.say("on")
            sender.say("two")
            assert listener.hear() == "two"
            end(sender, listener)


def test_interprocesssync_data_at_a_bare_name(play: Any, tmp_path: Path) -> None:
    with play("03-data-sender", folder="") as sender, play("04-data-listener", folder="") as listener:
        for said in ("one", "two"):
            past(tmp_path / "eventfile")
            sender.say(said)
            assert listener.hear() == said
            if said == "one":
                listener.say("on")
        end(sender, listener)


def test_interprocesssync_queue(play: Any) -> None:
    """Two senders and two listeners: each item once."""
    senders = [play("05-queue-sender") for _ in range(2)]
    with senders[0], senders[1], play("06-queue-listener") as listener:
        for number, said in enumerate(("one", "two", "three", "four")):
            senders[number % 2].say(said)
            assert listener.hear() == said
            if said != "four":
                listener.say("on")
        senders[1].say("")
        assert senders[1].end() == 0
        end(senders[0], listener)


# ---- watchpoint


def trees(cwd: Path) -> set[str]:
    return {str(path.relative_to(cwd)) + "/" for path in cwd.rglob("*") if path.is_dir()}


def run_session(where: str, names: dict[str, Any]) -> dict[str, Any]:
    text = piece(where).text
    test = doctest.DocTestParser().get_doctest(text, names, where, None, 0)
    runner = doctest.DocTestRunner()
    runner.run(test, clear_globs=False)
    assert (runner.tries, runner.failures) == (text.count(">>>"), 0)
    return test.globs


def test_watchpoints_examples_give_its_trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_session("watchpoint/01-example", names_of("watchpoint", "ours"))
    assert trees(tmp_path) == {"WP-A.watch/", "test/", "test/subdir/", "test/subdir/IAmNamed.watch/"}
    run_session("watchpoint/02-remove", names)
    assert trees(tmp_path) == {"WP-A.watch/", "test/", "test/subdir/"}


def test_watchpoints_original_is_not_to_be_had() -> None:
    """Should somebody have installed PyPI's package of that name, it is not this one."""
    try:
        found = importlib.import_module("watchpoint")
    except ImportError:
        return
    assert not hasattr(found, "WatchpointHandler"), "the original is here: run its document with it, too"
