"""The floors: a file uses what is below it, and never anything above."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/tocsin"
CORE = ROOT / "core"

#: Python, bottom to top; what stands on one line may use one another. A new file needs its floor here.
PYTHON_FLOORS = [
    {"_core", "_fork", "_plain", "_spawn"},
    {"_brackets", "_errors", "_place", "_stats", "_codec", "_owner"},
    {"_wait", "_hub", "_aio", "_ready", "_ears", "_wait_set", "_wait_all", "_wait_any"},
    {"_object", "_cursor"},
    {"_event", "_signal", "_data", "_lock", "_queue", "_delivery", "_dead", "_topic",
     "_watchpoint", "_watch_changes", "_watch_cursor", "_watch_marks", "_watch_post", "_watch_tree", "_watch_walk"},
    {"_bus", "_bus_backlog", "_bus_base", "_bus_callback", "_bus_dispatcher", "_bus_event", "_bus_handler",
     "_bus_hears", "_bus_joins", "_bus_known", "_bus_life", "_bus_lookout", "_bus_meeting", "_bus_named", "_bus_names",
     "_bus_place", "_bus_proxy", "_bus_reader", "_bus_registry", "_bus_room", "_bus_subscription", "_bus_typed",
     "_bus_wait",
     "_redis"},
    {"", "cli", "compat", "config", "demo", "__main__"},
]
#: `_aio` and `_hub` know handles by their class alone, for type checkers, which run nothing.
#: `_redis` has a class for each kind of object, the bus too, so it stands beside the bus; `_object` and `_place`, far
#: below, go through its door by name, and only when a place is a server.

#: The objects, which share a floor and know nothing of one another. A queue's parts may use one another.
OBJECTS = [{"_event"}, {"_topic"}, {"_signal"}, {"_data"}, {"_lock"}, {"_queue", "_delivery", "_dead"},
           {"_watchpoint", "_watch_changes", "_watch_cursor", "_watch_marks", "_watch_post", "_watch_tree",
            "_watch_walk"}]
OBJECT_FLOOR = next(names for names in PYTHON_FLOORS if "_event" in names)

#: The core, bottom to top.
CORE_FLOORS = ["sys", "parts", "objects", "programs"]
SOURCES = sorted(PACKAGE.rglob("*.py"))


def python_floor(stem: str) -> int:
    found = [level for level, names in enumerate(PYTHON_FLOORS) if stem in names]
    assert found, f"{stem}: which floor is it on? (tests/house/test_floors.py)"
    return found[0]


def stem_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(tree: ast.AST) -> set[str]:
    """Every module imported at run time: not those under TYPE_CHECKING."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            if node.module != "tocsin":
                found.add(node.module)
        found |= imports(node)
    return found


def own(module: str) -> str | None:
    """The stem of a module of this package, None for others."""
    parts = module.split(".")
    if parts[0] != "tocsin":
        return None
    is_module = (PACKAGE / f"{parts[1]}.py").exists() or (PACKAGE / f"{parts[1]}.pyx").exists() if parts[1:] else True
    if not is_module and not (PACKAGE / parts[1]).is_dir():
        return ""  # a name of the package itself, not a module
    return parts[1] if len(parts) > 1 and (parts[1].startswith("_") or (PACKAGE / parts[1]).is_dir()) else ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_python_imports_downwards(path: Path) -> None:
    here = python_floor(stem_of(path))
    for module in imports(ast.parse(path.read_text())):
        stem = own(module)
        if stem is None or (stem == "" and module == "tocsin"):
            # The package's own door is for those above it.
            assert stem is None or here == len(PYTHON_FLOORS) - 1, f"{path.name} imports {module}"
            continue
        assert python_floor(stem) <= here, f"{path.name} imports {module}, which is above it"


def test_every_object_has_its_place() -> None:
    assert set.union(*OBJECTS) == OBJECT_FLOOR


@pytest.mark.parametrize("path", [p for p in SOURCES if stem_of(p) in OBJECT_FLOOR], ids=lambda p: p.name)
def test_objects_are_blind_to_each_other(path: Path) -> None:
    family = next(stems for stems in OBJECTS if stem_of(path) in stems)
    others = {own(module) for module in imports(ast.parse(path.read_text()))} & OBJECT_FLOOR
    assert others <= family, f"{path.name} imports {others - family}"


#: Folders that are a floor, or one's part, and the sources of which each has a line in the README there.
SOURCE_SUFFIXES = (".py", ".pyx", ".pxi", ".c", ".h", ".sh")
SHOWN = {"": "*", "_redis": "*", "cli": "*", "compat": "**/*", "demo": "*"}


@pytest.mark.parametrize("folder", SHOWN)
def test_a_floor_shows_every_file(folder: str) -> None:
    text = (PACKAGE / folder / "README.md").read_text(encoding="utf-8")
    words = re.findall(r"`([\w*]+\.(?:pyx|pxi|py|c|h|sh))`", text)
    files = [path for path in (PACKAGE / folder).glob(SHOWN[folder]) if path.suffix in SOURCE_SUFFIXES]
    names = sorted({path.name for path in files} - {"__init__.py", "__main__.py"})
    assert names
    assert [name for name in names if not any(fnmatch(name, word) for word in words)] == [], "no line in its README"
    gone = [word for word in words if not any(fnmatch(path.name, word) for path in files)]
    assert gone == [], "in its README, and nowhere else"


def test_one_file_imports_anyio() -> None:
    importers = {
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        if any(module.split(".")[0] in ("anyio", "sniffio") for module in imports(ast.parse(path.read_text())))
    }
    assert importers == {"_aio.py"}


@pytest.mark.parametrize(("module", "only"), [("redis", "_redis/login.py"), ("hiredis", "_redis/line.py")])
def test_one_file_imports_redis(module: str, only: str) -> None:
    importers = {
        str(path.relative_to(PACKAGE))
        for path in SOURCES
        if any(name.split(".")[0] == module for name in imports(ast.parse(path.read_text())))
    }
    assert importers == {only}


def test_importing_the_package_loads_no_loop() -> None:
    import subprocess
    import sys

    heavy = {"asyncio", "anyio", "trio", "dataclasses", "multiprocessing", "msgspec", "queue", "tocsin._data"}
    heavy |= {"redis", "hiredis", "tocsin._redis"}
    code = f"import sys, tocsin; tocsin.Event().set(); print(sorted({heavy!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == "[]\n"


def c_files() -> list[Path]:
    return [p for floor in CORE_FLOORS for p in sorted((CORE / floor).glob("*.[ch]"))]


@pytest.mark.parametrize("path", c_files(), ids=lambda p: str(p.relative_to(CORE)))
def test_c_includes_downwards(path: Path) -> None:
    here = CORE_FLOORS.index(path.parent.name)
    for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
        target = (path.parent / name).resolve()
        assert target.is_file(), f"{path.name} includes {name}, which is not there"
        if target.parent == CORE:
            assert name.endswith("tocsin.h")
            assert here > 0, "floor 0 knows nothing of events"
            continue
        assert CORE_FLOORS.index(target.parent.name) <= here, f"{path.name} includes {name}, which is above it"


#: What only floor 0 may say.
KERNEL = (
    r"<(?:stdatomic|fcntl|unistd|pthread|signal|time|linux/[\w/]+|sys/(?:mman|epoll|stat|syscall|file|ioctl|random|types))\.h>"
    r"|\b__atomic_\w+|\b__sync_\w+|\bsyscall\s*\("
)


@pytest.mark.parametrize("path", c_files(), ids=lambda p: str(p.relative_to(CORE)))
def test_only_floor_0_names_atomics_and_system_calls(path: Path) -> None:
    if path.parent.name in ("sys", "programs"):  # the programs are users of the library
        return
    assert re.findall(KERNEL, path.read_text()) == []


@pytest.mark.parametrize("path", c_files(), ids=lambda p: str(p.relative_to(CORE)))
def test_the_core_knows_no_python(path: Path) -> None:
    assert "Python.h" not in path.read_text().replace("no Python.h", "")


def test_only_atom_h_names_the_compilers_atomics() -> None:
    namers = {p.name for p in c_files() if re.search(r"\b__atomic_|stdatomic", p.read_text())}
    assert namers == {"atom.h"}


def test_the_programs_and_the_package_know_the_same_servers() -> None:
    from tocsin._place import FAR

    (listed,) = re.findall(r"SERVERS\[\] = \{([^}]*)\}", (CORE / "programs/program.c").read_text())
    assert tuple(re.findall(r'"([^"]+)"', listed)) == FAR
