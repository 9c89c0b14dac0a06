"""The same work without any pipeline: one process, one loop. What both pipelines are held against."""

from __future__ import annotations

import ast
import gc
import hashlib
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Counts = list[int]
"""[lines, functions, classes, imports]"""

Entry = list[object]
"""[sha256, size, lines, functions, classes, imports]; the counts are None where Python can't parse the file."""

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def count(source: bytes) -> Counts | None:
    """The lines, functions, classes and import statements of a module. None: it isn't this Python's syntax."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested too deeply
        return None
    functions = classes = imports = 0
    todo: list[ast.AST] = [tree]
    while todo:  # statements only: what is counted never hides in an expression
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions += 1
        elif isinstance(node, ast.ClassDef):
            classes += 1
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports += 1
        for block in _BLOCKS:
            todo.extend(getattr(node, block, ()))
    return [source.count(b"\n"), functions, classes, imports]


def entry(digest: str, size: int, counts: Counts | None) -> Entry:
    return [digest, size, *(counts or (None, None, None, None))]


@contextmanager
def parsing() -> Iterator[None]:
    """Parse without warnings about the parsed code, and without the collector: syntax trees have no cycles."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if collecting:
            gc.enable()


def compute(root: Path, work: Sequence[Sequence[str]], done: Callable[[], None]) -> dict[str, Entry]:
    """Every file's entry; `done` is called after each batch."""
    result: dict[str, Entry] = {}
    with parsing():
        for batch in work:
            for name in batch:
                source = (root / name).read_bytes()
                result[name] = entry(hashlib.sha256(source).hexdigest(), len(source), count(source))
            done()
    return result


def totals(result: dict[str, Entry]) -> dict[str, int]:
    """What people want to know: how much of each there is."""
    names = ("bytes", "lines", "functions", "classes", "imports")
    sums = {name: sum(int(str(e[i + 1] or 0)) for e in result.values()) for i, name in enumerate(names)}
    return {"files": len(result), "unparsable": sum(e[2] is None for e in result.values()), **sums}
