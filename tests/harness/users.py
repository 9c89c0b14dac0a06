"""Other users: as root by setuid in a child, otherwise there is none to be."""

from __future__ import annotations

import os

import pytest

#: A user and group id that nobody has.
OTHER = 54321

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root: run the tests as root")

#: The first lines of a script that runs as somebody else. All imports come first, because the interpreter, or this
#: project, may be where only its owner can read.
BECOME = f"""
import asyncio, importlib, pkgutil
for module in pkgutil.iter_modules(tocsin.__path__):
    if module.name.startswith("_") and module.name != "__main__": importlib.import_module("tocsin." + module.name)
os.setgroups([]); os.setgid({OTHER}); os.setuid({OTHER})
"""
