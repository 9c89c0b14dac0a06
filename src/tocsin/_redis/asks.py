"""Questions of tasks: as `Server.answer`, but the loop goes on while the server thinks. Safe to cancel.

A task that is cancelled leaves a connection that owes an answer, so that is closed. Whether its change was made is then
not known; what must not be lost that way is asked for in two steps, of which the first takes nothing for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tocsin import _core
from tocsin._errors import Unreachable
from tocsin._redis.line import unreachable
from tocsin._redis.question import Change, Question
from tocsin._redis.server import Trial

if TYPE_CHECKING:
    from tocsin._redis.line import Line
    from tocsin._redis.script import Script
    from tocsin._redis.server import Server


async def answer(server: Server, question: Question, until: int) -> Any:
    from tocsin._aio import pause

    trial = Trial(server, until)
    while True:
        try:
            line = server.take(trial.end)  # connecting is a matter of a moment, or of an error
            steps = question.steps(line)
            packed = next(steps)
            try:
                while True:
                    packed = steps.send(await _ask(line, packed, trial.end))
            except StopIteration as done:
                found = done.value
        except Unreachable as error:
            trial.lost(error)
        else:
            if trial.is_over(found, line):
                return found
        await pause(trial.pause())


async def ask(server: Server, packed: bytes, until: int) -> Any:
    return await answer(server, Question(packed), until)


async def run(server: Server, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...], until: int) -> Any:
    return await answer(server, Question(script.call(keys, args), script), until)


async def change(server: Server, script: Script, keys: tuple[Any, ...], args: tuple[Any, ...], until: int) -> Any:
    return await answer(server, Change(script, keys, args), until)


async def _ask(line: Line, packed: bytes, end: int) -> Any:
    from tocsin._aio import until_ready

    try:
        line.unblock()
        done = line.send(packed)
        while done < len(packed):
            await _moment(until_ready, line, end, writing=True)
            done += line.send(memoryview(packed)[done:])
        answer = line.take()
        while answer is False:
            await _moment(until_ready, line, end, writing=False)
            answer = line.take()
    except OSError as error:
        line.close()
        raise unreachable(line.address, error) from error
    except BaseException:
        line.close()
        raise
    return answer


async def _moment(until_ready: Any, line: Line, end: int, *, writing: bool) -> None:
    left = end - _core.now()
    if left <= 0:
        raise TimeoutError("no answer in time")
    await until_ready(line.fd, left / 1e9, writing=writing)
