"""What a README links to is what the site's navigation shows below it, in the same order: there is no second list.

Of docs/README.md, which is the root, each heading is a part of the navigation. Of the README of a folder, it is the
pages in that folder and below. A page that nobody links to is Sphinx's warning, and so an error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx


def links(text: str) -> list[str]:
    """The pages, without the `.md`, each once. One outside of docs/ is called as its link calls it."""
    shown = re.sub(r"(?ms)^```.*?^```", "", text)
    found = re.findall(r"\[([^\]]+)\]\(([^)\s:#]+)\.md(?:#[^)]*)?\)", shown)
    called = (f"{name[0].upper()}{name[1:]} <{page}>" if page.startswith("..") else page for name, page in found)
    return list(dict.fromkeys(called))


def parts(text: str) -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"(?m)^## ", text)[1:]:
        title, _, body = part.partition("\n")
        yield title, links(body)


def toctree(pages: list[str], *options: str) -> str:
    return "\n".join(["", "", "```{toctree}", ":hidden:", *options, "", *pages, "```", ""])


def contents(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == app.config.root_doc:
        for title, pages in parts(source[0]):
            source[0] += toctree(pages, f":caption: {title}")
    elif docname.endswith("/README"):
        below = [page for page in links(source[0]) if "<" not in page]
        if below:
            source[0] += toctree(below)
    if docname == "docs/benchmarks/README":  # all tables, which each page links to
        source[0] += toctree(["figures/*"], ":glob:")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", contents)
    return {"parallel_read_safe": True}
