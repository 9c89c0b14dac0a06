"""`tocsin doctor`: does this machine, and this place, keep what tocsin builds on?

Exit 0: fit, if perhaps with warnings; 3: something fails. A warning costs speed, room or convenience; a
failure costs wake-ups.
"""

from __future__ import annotations

from tocsin._place import is_far
from tocsin.cli._common import check, document
from tocsin.cli._exit import FAILED, OK, plain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tocsin.cli._fitness import Finding


def _examine(at: str | None) -> list[Finding]:
    if is_far("x", at):
        from tocsin.cli import _checks_far

        return _checks_far.examine(at)
    from tocsin.cli import _checks

    return _checks.examine(at)


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    del verb, words
    check([], options["at"])
    from tocsin.cli._fitness import FAIL, WARN

    findings = _examine(options["at"])
    levels = [finding.level for finding in findings]
    code = FAILED if FAIL in levels else OK
    if options["json"]:
        document({"fit": code == OK, "checks": [finding.as_dict() for finding in findings]})
        return code
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mend = f"; {finding.mend}" if finding.mend else ""
        say(plain(f"{finding.level:<4}  {finding.name:<{width}}  {finding.found}{mend}"))
    verdict = "unfit" if code else "fit, with warnings" if WARN in levels else "fit"
    say(f"This {'server' if is_far('x', options['at']) else 'machine'} is {verdict}.")
    return code
