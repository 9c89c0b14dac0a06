"""--help, `tocsin help`, and what is said of a call that is wrong."""

from __future__ import annotations

import pytest
from harness.commands import Run, said

from tocsin.cli import _codes
from tocsin.cli._verbs import GROUPS, VERBS

SHOWN = [verb for verb in VERBS if not verb.hidden]


def test_the_overview_has_each_verb_once_in_a_group(run: Run) -> None:
    named = [name for _, names in GROUPS for name in names]
    assert sorted(named) == sorted(verb.name for verb in SHOWN)
    text = said(run("tocsin", "--help"))
    assert text == said(run("tocsin", "help"))
    for title, names in GROUPS:
        body = text.partition(f"{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in body.splitlines() if line[2:3] != " "] == list(names)
    assert max(len(line) for line in text.splitlines()) <= 100


@pytest.mark.parametrize("verb", SHOWN, ids=lambda verb: verb.name)
def test_help_of_a_verb(verb: object, run: Run) -> None:
    text = said(run("tocsin", verb.name, "--help"))
    assert text == said(run("tocsin", "help", verb.name))
    for option in verb.options:
        assert all(flag in text for flag in option.flags)
    assert text.splitlines()[-1].strip()
    codes = " ".join(text.rpartition("Exit: ")[2].split())
    if not verb.native:
        assert all(f"{code} " in codes for code in _codes.of(verb.name))
    assert "usage: tocsin " + verb.name in text


def test_help_anywhere_before_two_dashes(run: Run) -> None:
    assert said(run("tocsin", "set", "x", "--at", "user", "--help")) == said(run("tocsin", "help", "set"))
    assert run("tocsin", "receive", "q", "--timeout", "0", "--", "echo", "--help").returncode == 1


def test_h_is_help(run: Run) -> None:
    for words in (["tocsin"], ["tocsin", "wait"], ["tocsin", "run"], ["evt_wait"]):
        assert said(run(*words, "-h")) == said(run(*words, "--help"))


WRONG = {
    "a verb, nearly": (["wiat", "x"], "tocsin: there is no verb 'wiat'; did you mean 'wait'?"),
    "a verb, begun": (["sig", "x"], "tocsin: there is no verb 'sig'; did you mean 'signal'?"),
    "no such verb": (["frobnicate"], "tocsin: there is no verb 'frobnicate'"),
    "no verb at all": ([], "tocsin: which verb? it is missing"),
    "an option, nearly": (
        ["wait", "x", "--tmieout=3"],
        "tocsin wait: there is no option --tmieout; did you mean '--timeout'?",
    ),
    "no such option": (["wait", "x", "--zzz"], "tocsin wait: there is no option --zzz"),
    "help of what": (["help", "staus"], "tocsin help: there is no verb 'staus'; did you mean 'status'?"),
    "no value": (["wait", "x", "--timeout"], "tocsin wait: --timeout needs a value, S"),
    "a value too many": (["wait", "x", "--clear=1"], "tocsin wait: --clear takes no value"),
    "the second word": (["emit", "bus"], "tocsin emit: NAME is missing"),
    "a word too many": (["get", "q", "r"], "tocsin get: 'r' is an argument too many"),
    "a shell": (
        ["completion", "fsh"],
        "tocsin completion: there is no completion for 'fsh'; did you mean 'fish'?: bash, zsh and fish have one",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_is_2_and_says_what_is_nearest(case: str, run: Run) -> None:
    words, line = WRONG[case]
    result = run("tocsin", *words)
    program = line.partition(":")[0]
    assert (result.returncode, result.stdout, result.stderr) == (2, "", f"{line} (see {program} --help)\n")


def test_options_in_every_form(run: Run) -> None:
    assert run("tocsin", "set", "x").returncode == 0
    for words in (
        ["wait", "--timeout", "0", "x"],
        ["wait", "x", "--timeout=0"],
        ["rm", "-f", "x", "y"],
        ["status", "--", "x"],
    ):
        assert run("tocsin", *words).returncode in (0, 1)
    said(run("tocsin", "put", "q", "--", "-1"))
    assert said(run("tocsin", "get", "q", "--count=1")) == "-1\n"
    said(run("tocsin", "put", "q", "1", "2"))
    assert said(run("tocsin", "work", "q", "-j2", "--until-empty", "--", "true")) == ""
