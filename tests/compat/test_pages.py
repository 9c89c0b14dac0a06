"""docs/from-the-seeds is true: its calls and signatures are ours and the originals', and nothing of theirs is missing.

What each line says about behaviour is shown by test_documents.py and the test_*_differs.py.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from harness.documents import HERE, code, original, table

import tocsin
from tocsin.cli._verbs import VERBS

DOCS = Path(__file__).parents[2] / "docs/from-the-seeds"
#: The page, our module, and the classes whose every method is in the table.
PAGES = {
    "system_event": ("tocsin.compat.system_event", ["SystemEvent"]),
    "waitable_event": ("tocsin.compat.waitable_event", ["WaitableEvent"]),
    "aioevt": ("tocsin.compat.aioevt", ["Manager", "Evt", "EvtData"]),
    "interprocesssync": ("tocsin.compat.interprocesssync.fs", ["Event", "JSONDataEvent", "JSONDataQueue"]),
    "watchpoint": ("tocsin.compat.watchpoint", ["Watchpoint", "WatchpointHandler"]),
}
COLUMNS = ["call", "ours", "tocsin's own", "what is better", "what differs"]


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    return request.param


def text_of(page: str) -> str:
    return (DOCS / f"{page}.md").read_text()


def rows_of(page: str) -> list[list[str]]:
    return table(text_of(page), "Call for call")


def calls(page: str) -> list[str]:
    return [call for row in rows_of(page) for call in code(row[0])]


def signatures(cell: str) -> list[tuple[str, list[tuple[str, Any]]]]:
    """`Class.method(a, b=1)` as a dotted name and its parameters; what is no signature is left out."""
    found = []
    for span in code(cell):
        node = ast.parse(span).body[0].value
        if isinstance(node, ast.Call) and "()." not in span:
            given = [(ast.unparse(arg), inspect.Parameter.empty) for arg in node.args]
            given += [(word.arg, ast.literal_eval(word.value)) for word in node.keywords]
            found.append((ast.unparse(node.func), given))
    return found


def find(module: Any, dotted: str) -> Any:
    thing = module
    for name in dotted.split("."):
        thing = getattr(thing, name)
    return thing


def shape(call: Any) -> list[tuple[str, Any]] | None:
    try:
        parameters = inspect.signature(call).parameters.values()
    except ValueError:
        return None  # compiled, without a signature
    return [(p.name, p.default) for p in parameters if p.name != "self"]


def test_the_table_has_its_columns(page: str) -> None:
    heading = next(line for line in text_of(page).split("## Call for call")[1].splitlines() if line.startswith("|"))
    assert [cell.strip() for cell in heading.strip("|").split("|")] == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in rows_of(page))


def test_every_call_exists_with_its_signature(page: str) -> None:
    """On ours; and on the original, where it is installed and has it."""
    modules = [importlib.import_module(PAGES[page][0]), *filter(None, [original(page)])]
    for row in rows_of(page):
        if code(row[0])[0].startswith("evt_"):
            assert shutil.which(code(row[0])[0])
            continue
        for dotted, given in signatures(row[0]):
            for module in modules:
                if module is not modules[0] and "new" in row[1]:
                    continue
                assert shape(find(module, dotted)) in (given, None), (module.__name__, dotted)


def test_attributes_without_brackets_exist_too(page: str) -> None:
    module = importlib.import_module(PAGES[page][0])
    names = {call.split("(")[0].split(".")[0] for call in calls(page) if not call.startswith("evt_")}
    assert names <= {name for name in dir(module) if name[0] != "_"}
    for row in rows_of(page):
        for dotted in re.findall(r"`((?:Evt|EvtData|Manager)\.\w+)`", " ".join(row[:2])):
            owner, name = dotted.split(".")
            made = getattr(module, owner)
            assert hasattr(made, name) or name in inspect.signature(made).parameters
        for owner, name in re.findall(r"`(Event|JSONDataEvent|JSONDataQueue|Manager)\((?:x)?\)\.(\w+)`", row[0]):
            assert re.search(rf"self\.{name}\b", inspect.getsource(inspect.getmodule(getattr(module, owner))))


def test_every_name_that_the_document_mentions_is_in_the_table(page: str) -> None:
    said = " ".join(cell for row in rows_of(page) for cell in row[:2])
    module = importlib.import_module(PAGES[page][0])
    for name in (HERE / page / "names.txt").read_text().split():
        assert re.search(rf"`{re.escape(name)}\b", said), name
        if not name.startswith("evt_") and "." not in name:
            assert hasattr(module, name)


def test_every_public_method_of_the_original_is_in_the_table(page: str) -> None:
    module = original(page)
    if module is None:
        pytest.skip("the original isn't installed (pip install '.[test]'), or is not to be had (watchpoint's)")
    said = " ".join(cell for row in rows_of(page) for cell in row[:2])
    for cls in PAGES[page][1]:
        for name in vars(getattr(module, cls)):
            if name[0] != "_":
                assert re.search(rf"`{cls}(?:\(x?\))?\.{name}\b", said), f"{cls}.{name}"


def test_tocsins_own_words_exist(page: str) -> None:
    """Names, methods and keywords of the package; verbs and options of the shell."""
    verbs = {verb.name: verb for verb in VERBS}
    for row in rows_of(page):
        for span in code(row[2]):
            first, *rest = span.split()
            if first == "tocsin":
                known = {flag for option in verbs[rest[0]].options for flag in option.flags}
                assert {word for word in rest if word.startswith("--")} <= known, span
            elif first.startswith("evt_"):
                assert shutil.which(first), span
            elif "." in span or span[0].isupper():
                check_python(span)


def check_python(span: str) -> None:
    source = f"{span} pass" if span.endswith(":") else span
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id[0].isupper():
            assert node.id in tocsin.__all__, span
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert hasattr(getattr(tocsin, node.value.id), node.attr), span
        if isinstance(node, ast.Call) and node.keywords and not span.startswith("Bus("):
            parameters = shape(find(tocsin, ast.unparse(node.func)))
            assert parameters is None or {word.arg for word in node.keywords} <= {name for name, _ in parameters}, span


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    assert set(re.findall(r"\]\((\w+\.md)\)", index)) == {f"{page}.md" for page in PAGES}
    assert {path.stem for path in DOCS.glob("*.md")} == {*PAGES, "README"}
    for module in re.findall(r"from (tocsin[\w.]+) import|import (tocsin[\w.]+)", index):
        importlib.import_module(next(filter(None, module)))
