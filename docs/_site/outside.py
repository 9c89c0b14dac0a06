"""Links of the project's pages to its folders: on GitHub they lead to a list of files, here there is only the name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.addnodes import pending_xref

if TYPE_CHECKING:
    from docutils.nodes import document
    from sphinx.application import Sphinx


def unlink(app: Sphinx, doctree: document) -> None:
    here = Path(app.env.doc2path(app.env.current_document.docname)).parent
    for node in list(doctree.findall(pending_xref)):
        there = (here / node["reftarget"]).resolve()
        if node["reftype"] == "myst" and there.is_dir() and there.is_relative_to(app.srcdir):
            node.replace_self(node.children)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", unlink)
    return {"parallel_read_safe": True}
