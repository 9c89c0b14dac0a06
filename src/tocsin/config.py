"""Where the C library of this installation is: a header, a static library, and a file for pkg-config.

    PKG_CONFIG_PATH=$(python -m tocsin.config --pkgconfigdir) cc main.c $(pkg-config --cflags --libs tocsin)

The library is the one that this very package was built from, so a C program and this Python always agree on the layout
of what they share. Without pkg-config, `--cflags` and `--libs` say what a compiler needs.
"""

from __future__ import annotations

import os
import shlex
import sys

__all__ = ["cflags", "includedir", "libdir", "libs", "main", "pkgconfigdir"]

_HOME = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_c")


def _there(directory: str, file: str) -> str:
    if os.path.exists(os.path.join(directory, file)):
        return directory
    raise FileNotFoundError(
        f"{os.path.join(directory, file)}: the C library is not part of this installation; "
        "install tocsin from a wheel or its sdist, or build the core alone (docs/howto/from-c.md)"
    )


def includedir() -> str:
    """The directory of `tocsin.h`. `FileNotFoundError` if whoever packaged this Python package left it out."""
    return _there(os.path.join(_HOME, "include"), "tocsin.h")


def libdir() -> str:
    """The directory of `libtocsin.a`; it is position-independent, so it also goes into a shared library of yours."""
    return _there(os.path.join(_HOME, "lib"), "libtocsin.a")


def pkgconfigdir() -> str:
    """The directory of `tocsin.pc`, for `PKG_CONFIG_PATH`. The file finds the library from where it lies itself."""
    return _there(os.path.join(_HOME, "lib", "pkgconfig"), "tocsin.pc")


def cflags() -> list[str]:
    """What a compiler needs to find the header."""
    return [f"-I{includedir()}"]


def libs() -> list[str]:
    """What a linker needs, behind the program's own files."""
    return [f"-L{libdir()}", "-ltocsin", "-pthread"]


_ANSWERS = {
    "--cflags": cflags,
    "--includedir": includedir,
    "--libdir": libdir,
    "--libs": libs,
    "--pkgconfigdir": pkgconfigdir,
}


def main(arguments: list[str] | None = None) -> int:
    """Print what is asked for, on one line; flags are quoted for a shell's `eval`, as pkg-config quotes them."""
    asked = sys.argv[1:] if arguments is None else arguments
    usage = f"usage: python -m tocsin.config {' | '.join(_ANSWERS)} ..."
    if asked in (["--help"], ["-h"]):
        print(usage)  # noqa: T201 - a command's answer
        return 0
    unknown = [word for word in asked if word not in _ANSWERS]
    if unknown or not asked:
        print(usage if not unknown else f"tocsin.config: there is no {unknown[0]}; {usage}", file=sys.stderr)  # noqa: T201
        return 2
    words: list[str] = []
    try:
        for word in asked:
            found = _ANSWERS[word]()
            words += [found] if isinstance(found, str) else [shlex.quote(flag) for flag in found]
    except FileNotFoundError as error:
        print(f"tocsin.config: {error}", file=sys.stderr)  # noqa: T201
        return 3
    print(*words)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
