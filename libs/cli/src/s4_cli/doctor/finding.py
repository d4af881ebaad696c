"""A thing that is wrong, as an operator needs to read it."""

from collections.abc import Iterable
from typing import Literal

import msgspec

Severity = Literal["critical", "warning"]
RUNBOOKS = "docs/operations/runbooks"
# What no alert tells of has its page here.
OWN_PAGE = "docs/operations/doctor.md"
OWN = frozenset(
    {"certificate-expiring", "clock-skew", "database-down", "disk-full", "migrations-missing", "version-skew"}
)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What, why it matters, what to do; ``runbook`` names a page, ``about`` the service or thing."""

    severity: Severity
    about: str
    what: str
    why: str
    do: str
    runbook: str

    @property
    def page(self) -> str:
        """Where the runbook is in the repository."""
        return f"{OWN_PAGE}#{self.runbook}" if self.runbook in OWN else f"{RUNBOOKS}/{self.runbook}.md"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, what could not be, and what is wrong."""

    deployment: str
    looked_at: list[str]
    not_looked_at: list[str]
    findings: list[Finding]

    @property
    def status(self) -> int:
        """0: nothing is wrong; 1: warnings; 2: something is critical."""
        return max((2 if one.severity == "critical" else 1 for one in self.findings), default=0)


def sort(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, each once."""
    return sorted(dict.fromkeys(findings), key=lambda one: (one.severity != "critical", one.about, one.what))


def shown(report: Report) -> str:
    """The report for a terminal."""
    lines = []
    for one in report.findings:
        lines += [f"{one.severity}  {one.about}: {one.what}", f"  why: {one.why}", f"  do:  {one.do}"]
        lines += [f"  see: {one.page}", ""]
    for missing in report.not_looked_at:
        lines.append(f"not looked at: {missing}")
    counts = [sum(one.severity == kind for one in report.findings) for kind in ("critical", "warning")]
    where = report.deployment or "this installation"
    lines.append(f"looked at: {', '.join(report.looked_at) or 'nothing'}")
    told = f"{counts[0]} critical, {counts[1]} warnings" if any(counts) else "nothing is wrong"
    return "\n".join([*lines, f"{where}: {told}"])
