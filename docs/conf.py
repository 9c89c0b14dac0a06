"""The documentation site: `make docs`. Its root is the project's, so the pages' links lead where they do in the tree.

What GitHub shows as it is (README.md, docs/, the READMEs of the floors) is a page here, too; nothing is copied.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_site"))

project = "tocsin"
author = "the tocsin authors"
project_copyright = "the tocsin authors; MIT licence"
release = version_of("tocsin")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "contents", "helps", "outside", "signatures"]

root_doc = "docs/README"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/**.md",
    "core/README.md",
    "src/tocsin/README.md",
    "src/tocsin/*/README.md",
    "verify/README.md",
    "changes/README.md",
    "packaging/README.md",
    "benchmarks/README.md",
    "tests/README.md",
    "tests/core/README.md",
    "tests/crash/README.md",
    "tests/compat/*/README.md",
]
exclude_patterns = [".*", "build*", "dist", "**/node_modules", "docs/_site"]

source_suffix = {".md": "markdown"}
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # a README may begin with its second heading

default_role = "py:obj"  # a docstring's `wait` leads to wait where there is one
# The new one of Sphinx 9.0 fails on what has no signature of its own, whatever _site/signatures.py says of it.
autodoc_use_legacy_class_based = True
autodoc_member_order = "alphabetical"  # a method and its twin beside each other, whatever class has them
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "inherited-members": True}
python_use_unqualified_type_names = True
napoleon_numpy_docstring = False

highlight_language = "none"  # a block that doesn't name its language is a picture, or what a command prints
pygments_style = "friendly"
pygments_dark_style = "native"

html_theme = "furo"
html_title = f"tocsin {release}"
html_static_path = ["_site/static"]
html_css_files = ["tocsin.css"]
html_additional_pages = {"index": "front.html"}
templates_path = ["_site/templates"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}


def setup(app):  # noqa: ANN001, ANN201 - Sphinx calls it, and nobody else
    """A table of cron's is coloured as the shell's words that it is made of."""
    from pygments.lexers.shell import BashLexer

    app.add_lexer("crontab", BashLexer)
