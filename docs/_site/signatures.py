"""What autodoc can't see: a compiled method has its docstring, but its signature stands in the binding's .pyi."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tocsin

if TYPE_CHECKING:
    from sphinx.application import Sphinx


@cache
def stubs() -> dict[str, ast.ClassDef]:
    tree = ast.parse((Path(tocsin.__file__).parent / "_core.pyi").read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def stub(name: str, method: str) -> str | None:
    """`Event.wait`, from the class of the binding that has it: "(timeout: float | None = None, ...) -> bool"."""
    for base in getattr(tocsin, name).__mro__:
        for node in stubs()[base.__name__].body if base.__name__ in stubs() else ():
            if isinstance(node, ast.FunctionDef) and node.name == method:
                arguments = ast.unparse(node.args).partition("self")[2].removeprefix(", /").removeprefix(", ")
                return f"({arguments}) -> {ast.unparse(node.returns or ast.Constant(None))}"
    return None


def signature(  # noqa: PLR0913, PLR0917 - as Sphinx calls it
    app: Sphinx, what: str, name: str, obj: object, options: object, given: str | None, returns: str | None
) -> tuple[str, str] | None:
    """The arguments, and what comes back, where Python itself can't tell."""
    if what != "method" or given or not name.startswith("tocsin."):
        return None
    try:
        inspect.signature(obj)  # type: ignore[arg-type]
    except ValueError:
        found = stub(name.split(".")[1], obj.__name__)  # type: ignore[attr-defined]
        if found is None:
            raise LookupError(f"{name}: its signature is in no stub") from None
        arguments, _, back = found.rpartition(" -> ")
        return arguments, back
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True}
