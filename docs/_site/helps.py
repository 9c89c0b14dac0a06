"""The directive `helps`: a section for each program and verb, with what its own `--help` prints."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from tocsin.cli._pages import groups

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: Native programs, which stand beside `tocsin`.
PROGRAMS = ("evt_set", "evt_clear", "evt_wait")


def help_of(*command: str) -> str:
    program = Path(sysconfig.get_path("scripts")) / command[0]
    environment = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [program, *command[1:], "--help"], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


class Helps(SphinxDirective):
    """`{helps}`: `tocsin` itself, its verbs by what one wants to do, and the three small programs."""

    def run(self) -> list[nodes.Node]:
        made = [self.titled("tocsin", [self.shown("tocsin")])]
        for title, verbs in groups():
            made.append(self.titled(title, [self.command("tocsin", verb.name) for verb in verbs]))
        made.append(self.titled("Without Python", [self.command(program) for program in PROGRAMS]))
        return made

    def command(self, *command: str) -> nodes.Node:
        return self.titled(" ".join(command), [self.shown(*command)])

    def shown(self, *command: str) -> nodes.Node:
        text = help_of(*command)
        return nodes.literal_block(text, text, language="none")

    def titled(self, title: str, body: list[nodes.Node]) -> nodes.Node:
        section = nodes.section("", nodes.title(title, title), *body, ids=[nodes.make_id(title)], names=[title.lower()])
        self.state.document.note_implicit_target(section, section)
        return section


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("helps", Helps)
    return {"parallel_read_safe": True}
