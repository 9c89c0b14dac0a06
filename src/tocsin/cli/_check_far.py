"""`tocsin check` on a server: is each object one that this version understands, with all that belongs to it?

Whoever uses an object there puts right what a dead user left, and the server itself sees to the rest, so there is
nothing that this could repair.
"""

from __future__ import annotations

from tocsin._errors import FormatMismatch, ObjectDamaged
from tocsin._place import door, is_far, shown
from tocsin.cli._common import document
from tocsin.cli._exit import FAILED, NOT_SET, OK, Usage, complain, plain, reason_of, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MENDS = {
    ObjectDamaged: "somebody changed its key by hand: delete that and make it anew",
    FormatMismatch: "use one version of tocsin",
}


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    at = options["at"]
    if options["repair"]:
        raise Usage("--repair is for files: on a server there is nothing that it could put right", verb)
    if here := [name for name in names if not is_far(name, at)]:
        raise Usage(f"{here[0]}: a path is a file here: check it without the server", verb)
    report = _Report(verb, at)
    for name in names or sorted(door(at).names(at)):
        report.look(name, missing=not names)
    findings, objects, failed = report.findings, report.objects, report.failed
    what = f"{objects} object{'s' * (objects != 1)}" + ("" if names else f" at {shown(at)}")
    if options["json"]:
        document({"sound": not findings and not failed, "objects": objects, "findings": findings})
    else:
        for finding in findings:
            say(plain(f"{finding['found']}: {finding['mend']}"))
        left = f"{len(findings)} found" if findings else "some could not be looked at" if failed else "sound"
        say(plain(f"{what}: {left}"))
    return FAILED if failed else NOT_SET if findings else OK


class _Report:
    def __init__(self, verb: str, at: str | None) -> None:
        self.findings: list[dict[str, Any]] = []
        self.objects = 0
        self.failed = False
        self._verb = verb
        self._at = at

    def look(self, name: str, *, missing: bool) -> None:
        """`missing`: it may have gone since it was listed."""
        try:
            door(self._at).look(name, self._at)
        except (ObjectDamaged, FormatMismatch) as error:
            mend = next(text for kind, text in _MENDS.items() if isinstance(error, kind))
            self.findings.append({"name": name, "found": reason_of(error), "mend": mend, "repaired": None})
        except ConnectionError:
            raise  # the others can't be asked for either
        except Exception as error:  # noqa: BLE001 - the next one may fare better
            if isinstance(error, FileNotFoundError) and missing:
                return
            self.failed = bool(complain(self._verb, error))
            return
        self.objects += 1
