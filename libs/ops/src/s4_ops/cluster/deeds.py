"""What each command of ``s4 cluster`` does with what was asked."""

import argparse
import sys

import msgspec

from s4_ops.cluster import create, delete, listing, resize, throwaway, upgrade, validate
from s4_ops.cluster.asked import do, spec_of
from s4_ops.cluster.spec import FOLDER, Spec, load
from s4_ops.cluster.work import Work, open_work
from s4_runtime import Permanent, SystemClock

_CLOCK = SystemClock()


def create_cluster(asked: argparse.Namespace) -> int:
    """Made, or made what its spec says."""
    spec = _fresh(asked) if asked.environment == "throwaway" else spec_of(asked)
    _require_kops(spec)
    with open_work(spec) as work:
        return do(asked, spec, "create", create.changes(work), create.steps(work))


def validate_cluster(asked: argparse.Namespace) -> int:
    """0 when all is well, 1 when something is not."""
    with open_work(spec_of(asked)) as work:
        checks = validate.look_at(work, _CLOCK, asked.kubeconfig)
    if asked.json:
        sys.stdout.write(msgspec.json.encode(checks).decode() + "\n")
    else:
        for check in checks:
            sys.stdout.write(f"{'ill ' if check.wrong else 'well'}  {check.name}\n")
            sys.stdout.writelines(f"        {line}\n" for line in check.wrong)
    return 1 if any(check.wrong for check in checks) else 0


def upgrade_cluster(asked: argparse.Namespace) -> int:
    """Every machine is as the spec says."""
    spec = spec_of(asked)
    _require_kops(spec)
    with open_work(spec) as work:
        kept = _with_expiry(work)
        return do(asked, spec, "upgrade", upgrade.changes(kept), upgrade.steps(kept, _CLOCK))


def resize_cluster(asked: argparse.Namespace) -> int:
    """A group may have other numbers of nodes."""
    before = spec_of(asked)
    _require_kops(before)
    after = resize.resized(before, asked.group, asked.min, asked.max)
    file = None if asked.environment == "throwaway" else asked.spec or FOLDER / f"{asked.environment}.yaml"
    with open_work(after) as work:
        kept = _with_expiry(work)
        return do(asked, after, "resize", resize.changes(kept, before), resize.steps(kept, file, asked.group))


def delete_cluster(asked: argparse.Namespace) -> int:
    """One, or all throw-away clusters whose time is over."""
    if not asked.expired:
        return _delete(asked, spec_of(asked))
    if asked.environment != "throwaway" or asked.name:
        raise Permanent("only-throwaway-clusters-expire", asked=asked.environment)
    spec = load(asked.environment, asked.spec)
    with open_work(spec) as work:
        over = [each for each in listing.clusters(work, _CLOCK.now()) if each.has_expired]
    if not over:
        sys.stdout.write("no throw-away cluster's time is over\n")
    ours = [each for each in over if each.environment == "throwaway"]
    return max([_delete(asked, throwaway.named(spec, each.name, each.expires)) for each in ours], default=0)


def list_clusters(asked: argparse.Namespace) -> int:
    """All clusters of the account and region."""
    with open_work(load(asked.environment, asked.spec)) as work:
        found = listing.clusters(work, _CLOCK.now())
    if asked.json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return 0
    for each in found:
        end = f"until {each.expires}{' (over)' if each.has_expired else ''}" if each.expires else ""
        known = "" if each.is_known else "not in the state bucket: remove what is tagged s4:cluster by hand"
        sys.stdout.write(f"{each.name}  {each.environment}  {end}  {known}".rstrip() + "\n")
    return 0


def _delete(asked: argparse.Namespace, spec: Spec) -> int:
    _require_kops(spec)
    with open_work(spec) as work:
        found = delete.losses(work)
        if asked.yes:
            sys.stdout.writelines(f"  would be lost: {line}\n" for line in found)
            delete.require_nothing_lost(found, forced=asked.force)
        lost = [f"would be lost: {line}" for line in found] or ["nothing of S4 would be lost"]
        return do(asked, spec, "delete", lost, delete.steps(work, found, forced=asked.force))


def _fresh(asked: argparse.Namespace) -> Spec:
    """A throw-away cluster of a new name, or of the name by which a killed command began one."""
    spec = load(asked.environment, asked.spec)
    return throwaway.until(spec, asked.name or throwaway.fresh_name(spec), _CLOCK.now(), asked.lasting)


def _with_expiry(work: Work) -> Work:
    """A throw-away cluster keeps the end that it was made with, which only kops knows."""
    if work.spec.environment != "throwaway":
        return work
    known = work.kops.known()
    expires = known[0]["spec"].get("cloudLabels", {}).get("s4:expires") if known else None
    return msgspec.structs.replace(work, spec=msgspec.structs.replace(work.spec, expires=expires))


def _require_kops(spec: Spec) -> None:
    if spec.way != "kops":
        raise Permanent("not-made-by-kops", cluster=spec.name, see="docs/operations/cluster.md")
