"""s4 doctor: looks at everything that can be reached, and says what is wrong and what to do."""

import argparse
import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from s4_cli import terminal
from s4_cli.access import Access, Installation, installation_file, read
from s4_cli.calls import call
from s4_cli.commands import add_common
from s4_cli.doctor import certificates
from s4_cli.doctor.finding import Finding, Report, shown, sort
from s4_cli.doctor.looking import look_at_all
from s4_cli.doctor.queues import of_queues
from s4_cli.doctor.services import PARKED, of_all
from s4_cli.doctor.shop import of_shop
from s4_runtime import Clock, Permanent, Secret, SystemClock, Temporary


def add_command(parser: argparse.ArgumentParser) -> None:
    """The command."""
    parser.description = (
        "Look at readiness, metrics, queues, certificates, clocks and disks. Ends with 0 when nothing is wrong, 1 for"
        " warnings, 2 when something is critical."
    )
    parser.add_argument("--service", action="append", default=[], metavar="NAME=URL", help="probes of a service")
    parser.add_argument("--certificate", action="append", default=[], metavar="ADDRESS", help="look at this one, too")
    parser.add_argument("--file", type=Path, help="a file about the installation instead of the usual one")
    add_common(parser)
    parser.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    installation = _installation(asked)
    with terminal.counting("looking", 4) as moved:
        report = asyncio.run(examine(installation, SystemClock(), moved))
    text = msgspec.json.format(msgspec.json.encode(report)).decode() if asked.json else shown(report)
    terminal.say(text)
    return report.status


def _installation(asked: argparse.Namespace) -> Installation:
    """What to look at: named words first. Raises Permanent when there is nothing to look at."""
    named = dict(_named(each) for each in asked.service)
    path = asked.file or (None if named else installation_file(os.environ, Path.cwd(), asked.environment))
    if path is None and not named and not asked.certificate:
        raise Permanent("nothing-to-look-at", give="--service NAME=URL, --file or --environment")
    found = read(path, asked.environment) if path else Installation()
    return msgspec.structs.replace(
        found,
        probes={**found.probes, **named},
        certificates=[*found.certificates, *asked.certificate],
        token=found.token or (_token(path.parent / found.token_file) if path and found.token_file else ""),
    )


def _named(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or not url.startswith(("http://", "https://")):
        raise Permanent("not-a-service", given=text, form="NAME=URL")
    return name, url


def _token(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""  # what needs it is said not to have been looked at


async def examine(installation: Installation, clock: Clock, moved: Callable[[int], None]) -> Report:
    """Everything that can be looked at, was."""
    looks = await look_at_all(installation.probes, clock)
    moved(1)
    findings = list(of_all(looks, installation.deployment))
    missed = [] if looks else ["services (no probes are known)"]
    seen = [look.service for look in looks]
    try:
        told = await _queues(installation)
        # The broker knows better than what a service counted some seconds ago.
        findings = [one for one in findings if one.runbook != PARKED] + told
        seen.append("queues")
    except (Permanent, Temporary) as trouble:
        missed.append(f"queues ({trouble.code})")
    moved(1)
    for certificate in await asyncio.gather(*map(certificates.look, installation.certificates)):
        findings += certificates.of_certificate(certificate, clock.now())
        seen.append(certificate.address)
    moved(1)
    if installation.state:
        findings += await asyncio.to_thread(lambda: list(of_shop(Path(installation.state))))
        seen.append("disk")
    moved(1)
    return Report(deployment=installation.deployment, looked_at=seen, not_looked_at=missed, findings=sort(findings))


async def _queues(installation: Installation) -> list[Finding]:
    """Raises Permanent and Temporary: they could not be looked at."""
    if not installation.support or not installation.token:
        raise Permanent("no-operator-access")
    desk = Access(installation.support.rstrip("/"), Secret(installation.token), installation.deployment)
    return list(of_queues((await call(desk, "GET", "/operator/queues"))["queues"]))
