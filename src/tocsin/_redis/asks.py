"""Questions of tasks: as `Server.answer`, but the loop goes on while the server thinks. Safe to cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin._redis.steps import in_task

if TYPE_CHECKING:
    from tocsin._redis.line import Line
    from tocsin._redis.question import Question
    from tocsin._redis.script import Script
    from tocsin._redis.server import Server


async def answer(server: Server, question: Question, until: int) -> Any:
    return await in_task(server.answer_steps(question, until))


async def ask(server: Server, packed: bytes, until: int) -> Any:
    return await in_task(server.ask_steps(packed, until))


async def run(server: Server, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...], until: int) -> Any:
    return await in_task(server.run_steps(script, keys, args, until))


async def change(server: Server, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...], until: int) -> Any:
    return await in_task(server.change_steps(script, keys, args, until))


async def _ask(line: Line, packed: bytes, end: int) -> Any:
    return await line.ask_async(packed, end)
