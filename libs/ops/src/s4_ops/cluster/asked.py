"""What the operator asked for: which cluster, and whether it is only to be shown."""

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

from s4_ops.audit import audited
from s4_ops.cluster.spec import Spec, load
from s4_ops.cluster.steps import Step, carry_out, show
from s4_ops.cluster.throwaway import named
from s4_runtime import Permanent

_LASTING = re.compile(r"(\d+)([hd])")


def add_which(parser: argparse.ArgumentParser) -> None:
    """Which cluster."""
    parser.add_argument("environment", choices=["production", "staging", "throwaway"])
    parser.add_argument("--spec", type=Path, help="another file than ops/clusters/ENVIRONMENT.yaml")
    parser.add_argument("--name", help="the name of a throw-away cluster")


def add_deed(parser: argparse.ArgumentParser) -> None:
    """Whether it is done."""
    add_which(parser)
    parser.add_argument("--yes", action="store_true", help="do it; without, it is only shown")
    parser.add_argument("--confirm", metavar="NAME", help="the cluster's name once more, for production")
    parser.add_argument("--note", help="why, for the audit; needed with --yes")


def spec_of(asked: argparse.Namespace, *, expires: str | None = None) -> Spec:
    """The spec of the cluster that was asked for. Raises Permanent."""
    spec = load(asked.environment, asked.spec)
    if asked.environment != "throwaway":
        if asked.name not in {None, spec.name}:
            raise Permanent("wrong-name", asked=asked.name, spec=spec.name)
        return spec
    if asked.name is None:
        raise Permanent("which-throwaway-cluster", give="--name", list="s4 cluster list")
    return named(spec, asked.name, expires)


def do(asked: argparse.Namespace, spec: Spec, deed: str, changes: Sequence[str], steps: Sequence[Step]) -> int:
    """The steps are shown, and with ``--yes`` carried out and written into the audit. Raises Permanent."""
    out = sys.stdout
    out.write(f"{spec.name} ({spec.environment}, account {spec.account}, {spec.region})\n")
    out.write("".join(f"  {line}\n" for line in changes or ["nothing differs from the spec"]))
    if not asked.yes:
        show(steps, out)
        out.write(f"Nothing was done. To do it: --yes --note WHY{_confirmation(spec)}\n")
        return 0
    with _allowed(asked, spec, deed):
        carry_out(steps, out)
    out.write("Done.\n")
    return 0


def _allowed(asked: argparse.Namespace, spec: Spec, deed: str) -> AbstractContextManager[object]:
    if not asked.note:
        raise Permanent("note-missing", give="--note")
    if spec.environment == "production" and asked.confirm != spec.name:
        raise Permanent("not-confirmed", give=f"--confirm {spec.name}")
    if asked.confirm not in {None, spec.name}:
        raise Permanent("not-confirmed", confirmed=asked.confirm, cluster=spec.name)
    return audited(f"cluster {deed}", what=spec.name, note=asked.note)


def _confirmation(spec: Spec) -> str:
    match spec.environment:
        case "production":
            return f" --confirm {spec.name}"
        case "throwaway":
            return f" --name {spec.name}"
        case _:
            return ""


def lasting(text: str) -> timedelta:
    """For argparse: 8h or 2d."""
    found = _LASTING.fullmatch(text)
    if not found:
        raise argparse.ArgumentTypeError("is not like 8h or 2d")
    count = int(found.group(1))
    return timedelta(hours=count) if found.group(2) == "h" else timedelta(days=count)
