"""Completion, asked by the real shells: bash, zsh, fish. What one Tab says is what `tocsin complete` says."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.child import Child
from harness.commands import Run, damage, said

from tocsin import Event, Queue, Signal
from tocsin.cli._verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., list[str]]


@pytest.fixture
def _some(place: str) -> None:
    with Event("ready", at=place), Event("job/red", at=place), Signal("rain", at=place), Queue("rest", at=place):
        pass
    Path(place, "rubbish").write_text("nothing of ours\n" * 400)
    with Event("ruin", at=place):
        damage(Path(place, "ruin"), 20)
    Path(place, "line\nbreak").write_text("")


@pytest.fixture
def ask(run: Run) -> Ask:
    def words(*typed: str) -> list[str]:
        return [line.partition("\t")[0] for line in said(run("tocsin", "complete", "--", *typed)).splitlines()]

    return words


@pytest.mark.usefixtures("_some")
def test_what_is_offered(ask: Ask, place: str) -> None:
    assert ask("tocsin", "") == [verb.name for verb in VERBS if not verb.hidden]
    assert ask("tocsin", "sta") == ["status", "stat"]
    assert ask("tocsin", "wait", "--t") == ["--timeout"]
    assert ask("tocsin", "set", "r") == ["ready"], "of its kind, and sound"
    assert ask("tocsin", "set", "job/") == ["job/red"]
    assert ask("tocsin", "signal", "r") == ["rain"]
    assert ask("tocsin", "put", "--timeout", "3", "r") == ["rest"]
    assert ask("tocsin", "stat", "r") == ["rain", "ready", "rest"]
    assert ask("tocsin", "wait", "--any", "r") == ["rain", "ready", "rest"]
    assert ask("tocsin", "run", "--after", "r") == ["ready"]
    assert ask("tocsin", "get", "rest", "") == [], "one queue is enough"
    assert ask("tocsin", "receive", "rest", "--", "c") == [":commands"]
    assert ask("tocsin", "receive", "rest", "--", "cat", "") == [":files"]
    assert ask("tocsin", "ls", "--at", "") == ["user", "system", ":directories"]
    assert ask("tocsin", "ls", "--at=us") == ["--at=user", ":directories"]
    assert ask("tocsin", "help", "dem") == ["demo"]
    assert ask("tocsin", "completion", "") == ["bash", "zsh", "fish"]
    assert ask("evt_wait", "r") == ["ready"]
    assert ask("evt_wait", "--") == ["--at", "--mode", "--help"]
    assert ask("tocsin", "set", "--at", f"{place}/nowhere", "r") == []
    assert ask("tocsin", "nonsense", "r") == []
    assert ask("tocsin", "set", "--at", "redis://h", "r") == []


def test_it_makes_nothing(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_AT", f"{tmp_path}/none")
    assert ask("tocsin", "set", "") == []
    assert os.listdir(tmp_path) == []


def has(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(shell), reason=f"{shell} is not installed (.ci/run installs it)")


#: Typed, and what Tab then offers.
LINES = {
    "tocsin sta": ["stat", "status"],
    "tocsin set r": ["ready"],
    "tocsin wait --ti": ["--timeout"],
    "tocsin stat r": ["rain", "ready", "rest"],
    "evt_set job": ["job/red"],
}

_BASH = """
eval "$(tocsin completion bash)"
compopt() { :; }
read -ra COMP_WORDS <<<"$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_tocsin_complete
printf '%s\\n' "${COMPREPLY[@]}" | sort
"""


@pytest.mark.usefixtures("_some")
@pytest.mark.parametrize("line", LINES)
@has("bash")
def test_bash(line: str, run: Run) -> None:
    assert said(run("bash", "-c", _BASH, "bash", line)).splitlines() == LINES[line]


@pytest.mark.usefixtures("_some")
@has("bash")
def test_bash_asks_the_function_for_each_program(run: Run) -> None:
    found = said(run("bash", "-c", 'eval "$(tocsin completion bash)"; complete -p tocsin evt_set evt_clear evt_wait'))
    assert found.count("-F _tocsin_complete") == 4


@pytest.mark.usefixtures("_some")
@pytest.mark.parametrize("line", LINES)
@has("fish")
def test_fish(line: str, run: Run, tmp_path: Path) -> None:
    home = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    script = f"tocsin completion fish | source; complete --do-complete '{line}'"
    found = said(run("fish", "--no-config", "-c", script, env=home))
    assert sorted(offer.partition("\t")[0] for offer in found.splitlines()) == LINES[line]


#: zsh completes only where keys are pressed: in a terminal of its own, which its module zpty makes.
_ZSH = """
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner "PS1=; stty -echo; autoload -Uz compinit; compinit -u -D; eval \\"\\$(tocsin completion zsh)\\""
zpty -w inner 'compadd() { if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)* ]]; then builtin compadd "$@"; else tell "$@"; fi; }'
zpty -w inner 'tell() { builtin compadd -A hits "$@"; print -l -- OFFER:$^hits; builtin compadd "$@"; }'
zpty -w inner 'show() { zle list-choices; print -- THE-END; }; zle -N show; bindkey "^X" show; print -- GO-ON'
until zpty -r inner line && [[ $line == GO-ON* ]]; do :; done
zpty -w -n inner "$1"$'\\x18'
while zpty -r inner line; do
    print -r -- "$line"
    [[ $line == *THE-END* ]] && break
done
zpty -d inner
"""


@pytest.mark.usefixtures("_some")
@pytest.mark.parametrize("line", LINES)
@has("zsh")
def test_zsh(line: str) -> None:
    with Child.of(["zsh", "-f", "-c", _ZSH, "zsh", line]) as zsh:
        text = zsh.check()
    found = {part.split()[0] for part in text.replace("\r", "\n").split("OFFER:")[1:]}
    assert sorted(found) == LINES[line], text


@pytest.mark.parametrize("shell", [pytest.param(name, marks=has(name)) for name in ("bash", "zsh", "fish")])
def test_each_script_is_sound(shell: str, run: Run, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(said(run("tocsin", "completion", shell)))
    assert said(run(shell, "-n", str(script))) == ""
