"""`tocsin check`: are these objects sound, or all of a place, and the place itself? `--repair` puts right what can be.

Exit 0: sound, or all of it repaired; 1: something was found, and is still there; 3: something can't be looked at.
Without `--repair` nothing is made or changed, no lock is taken, and nobody is held up.
"""

from __future__ import annotations

import os
from operator import itemgetter

from tocsin._place import effective, is_far, place_dir, resolve
from tocsin.cli._common import check, document
from tocsin.cli._exit import FAILED, NOT_SET, OK, Failure, Usage, complain, plain, reason_of, say
from tocsin.cli._findings import About, Finding, Target, examine, looks_like_ours, quoted
from tocsin.cli._strays import strays
from tocsin.cli._walk import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def run(verb: str, names: list[str], options: dict[str, Any]) -> int:
    at = options["at"]
    if names and options["all"]:
        raise Usage("--all is every object of the place: leave the names away", verb)
    check(names, at)
    if is_far("x", at):
        from tocsin.cli import _check_far

        return _check_far.run(verb, names, options)
    report = _Report(verb, at)
    if names:
        for name in names:
            report.look(Target(name, effective(at), resolve(name, at), report.at_words))
    else:
        report.look_at_place()
    if options["repair"]:
        report.repair()
    left = [finding for finding in report.findings if finding.repaired is None]
    if options["json"]:
        found = [finding.as_dict() for finding in report.findings]
        document({"sound": not left and not report.failed, "objects": report.objects, "findings": found})
    else:
        for finding in report.findings:
            say(plain(str(finding)))
        say(plain(_summary(report, names, left, effective(at))))
    return FAILED if report.failed else NOT_SET if left else OK


def _summary(report: _Report, names: list[str], left: list[Finding], at: str) -> str:
    what = f"{report.objects} object{'s' * (report.objects != 1)}" + ("" if names else f" at {at}")
    mended = len(report.findings) - len(left)
    if left or mended:
        return f"{what}: {mended} of {len(report.findings)} repaired" if mended else f"{what}: {len(left)} found"
    return f"{what}: {'some could not be looked at' if report.failed else 'sound'}"


class _Report:
    def __init__(self, verb: str, at: str | None) -> None:
        self.findings: list[Finding] = []
        self.objects = 0
        self.failed = False
        self._verb = verb
        self._at = at
        self.at_words = "" if at is None else f" --at {quoted(at)}"

    def look(self, target: Target, *, missing: bool = False) -> None:
        """`missing`: it may have gone since it was listed."""
        try:
            found = examine(target)
        except FileNotFoundError as error:
            if not missing:
                self._fail(error)
            return
        except Exception as error:  # noqa: BLE001 - the next one may fare better
            self._fail(error)
            return
        self.objects += 1
        self.findings += found

    def look_at_place(self) -> None:
        top, prefix = place_dir(self._at)
        if not os.path.isdir(top):
            if os.path.lexists(top):
                raise Failure(f"{top}: not a directory: remove it, or choose another place with --at or TOCSIN_AT")
            return  # nobody made anything there yet
        self._look_at_directory(top)
        for folder in self._folders(top, prefix):
            try:
                self.findings += strays(folder, prefix, self.at_words)
            except OSError as error:
                self._fail(error)

    def _look_at_directory(self, top: str) -> None:
        from tocsin.cli._fitness import place_fault

        fault = place_fault(effective(self._at) == "user", top, os.stat(top))
        if fault:
            self.findings.append(Finding(About(top), *fault[1:]))

    def _folders(self, top: str, prefix: str) -> Iterator[str]:
        """Every folder, after its objects have been looked at."""
        for folder, names in folders(top, prefix, self._fail):
            for name, entry in sorted(names, key=itemgetter(0)):
                # A stranger's file is none of our business; one that was ours is.
                if entry.is_file(follow_symlinks=False) and looks_like_ours(entry.path):
                    self.look(Target(name, effective(self._at), entry.path, self.at_words), missing=True)
            yield folder

    def repair(self) -> None:
        for finding in self.findings:
            if finding.repair is None:
                continue
            try:
                finding.repaired = finding.repair()
            except FileNotFoundError:
                finding.repaired = "gone meanwhile"
            except Exception as error:  # noqa: BLE001 - it is said, and the next one may fare better
                finding.mend = f"can't be repaired: {reason_of(error)}"

    def _fail(self, error: Exception) -> None:
        self.failed = True
        complain(self._verb, error)
