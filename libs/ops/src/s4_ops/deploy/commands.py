"""s4 deploy staging, production, status, rollback and drift."""

import argparse
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from s4_ops.audit import audited, operator
from s4_ops.deploy.deploying import Deploying, Watch
from s4_ops.deploy.drift import drift
from s4_ops.deploy.funnel import Prometheus
from s4_ops.deploy.kubectl import Kubectl
from s4_ops.deploy.lock import NAME, Lock, ends_at
from s4_ops.deploy.planning import plan, require_known_in
from s4_ops.deploy.records import Record
from s4_ops.deploy.rollout import Patience, Rollout
from s4_ops.deploy.site import NAMESPACES, Site
from s4_ops.images import release as releases
from s4_ops.images.keys import PublicKey
from s4_ops.registry.names import Place
from s4_runtime import Permanent, SystemClock, Temporary, new_id

if TYPE_CHECKING:
    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below ``s4 deploy``. Each sets ``run``: given the parsed words, it returns the exit status."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for environment in NAMESPACES:
        made = commands.add_parser(environment, help=f"bring a release to {environment}; shows what it would do first")
        made.set_defaults(run=_deploy, environment=environment, because="")
        made.add_argument("--release", required=True, type=Path, metavar="FILE", help="FILE.sig is beside it")
        _add_place(made)
        _add_doing(made)
    _add_production(commands.choices["production"])
    for name, run, text in (
        ("status", _status, "which release is served, since when, and what was tried"),
        ("drift", _drift, "what is in the cluster otherwise than the release says"),
        ("rollback", _rollback, "serve again what was served before"),
    ):
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run, because="")
        made.add_argument("environment", choices=[*NAMESPACES])
        _add_place(made)
        made.add_argument("--json", action="store_true", help="as JSON")
    _add_doing(commands.choices["rollback"])


def _add_place(made: argparse.ArgumentParser) -> None:
    made.add_argument("--context", default="", help="of kubectl; the current one when not given")
    made.add_argument("--repository", type=Path, default=Path.cwd(), metavar="FOLDER", help="a clone of our repository")
    place = os.environ.get("S4_REGISTRY")
    text = "where the images are; S4_REGISTRY says it, too"
    made.add_argument("--registry", default=place, required=not place, metavar="HOST[/PATH]", help=text)
    keys = [Path(each) for each in os.environ.get("S4_RELEASE_KEYS", "").split(os.pathsep) if each]
    text = "whose signatures are good; may be given twice; S4_RELEASE_KEYS says it, too"
    made.add_argument(
        "--public-key", action="append", type=Path, default=keys or None, required=not keys, metavar="FILE", help=text
    )


def _add_doing(made: argparse.ArgumentParser) -> None:
    made.add_argument("--note", default="", help="why, for the audit")
    made.add_argument("--confirm", metavar="CODE", help="do what an earlier call showed, by the code that it gave")
    text = "an address; otherwise the one in the cluster, by way of the API server"
    made.add_argument("--prometheus", default=os.environ.get("S4_PROMETHEUS_URL", ""), metavar="URL", help=text)
    made.add_argument(
        "--unwatched", action="store_true", help="do not watch customers: nothing is rolled back for them"
    )
    made.add_argument("--watch", type=_minutes, default=timedelta(minutes=10), metavar="MINUTES", help="for how long")


def _add_production(made: argparse.ArgumentParser) -> None:
    made.add_argument("--staging-context", default="", help="of kubectl, where staging is another cluster")
    made.add_argument("--because", default="", help="bring to production what was not on staging, for this reason")


def _minutes(text: str) -> timedelta:
    """For argparse."""
    try:
        found = timedelta(minutes=float(text))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("is not a number of minutes") from None
    if found <= timedelta(0):
        raise argparse.ArgumentTypeError("is not above zero")
    return found


def site_of(asked: argparse.Namespace, environment: str, context: str) -> Site:
    """The environment that was named. Raises Permanent."""
    keys = [PublicKey.read(path) for path in asked.public_key]
    kubectl = Kubectl(NAMESPACES[environment], context)
    return Site(environment, kubectl, asked.repository, Place.read(asked.registry), keys)


def _deploy(asked: argparse.Namespace) -> int:
    site = site_of(asked, asked.environment, asked.context)
    release = releases.read(asked.release, site.keys)
    site.require_right_place()
    site.require_deployable(release)
    if asked.environment == "production" and not asked.because:
        require_known_in(site_of(asked, "staging", asked.staging_context or asked.context), release)
    prometheus = _prometheus(asked, site)
    rendered = site.rendered(release)
    found = plan(site, release, rendered)
    _show(found.lines, found.diff)
    if asked.confirm is None:
        print(f"nothing is done yet: the same command with --note WHY --confirm {found.code} does it")
        return 0
    _require_confirmed(asked, found.code)
    signature = releases.signature_path(asked.release).read_text(encoding="ascii").strip()
    wanted = Record(
        text=asked.release.read_text(encoding="utf-8"),
        signature=signature,
        state="deploying",
        started_at=SystemClock().now(),
        by=operator(os.environ),
        because=asked.because or asked.note,
    )
    what = f"{asked.environment} {release.revision[:12]}"
    with audited("deploy", what=what, note=asked.because or asked.note) as deed:
        deed.learned(images=len(release.images), server=site.kubectl.server())
        _deploying(asked, site, prometheus).bring(wanted)
    print(f"{what} is served")
    return 0


def _rollback(asked: argparse.Namespace) -> int:
    site = site_of(asked, asked.environment, asked.context)
    site.require_right_place()
    records = site.records.all()
    done = [each for each in records if each.state == "done"]
    former = done[0] if records and records[0].is_open and done else done[1] if len(done) > 1 else None
    if not records or former is None:
        raise Permanent("nothing-to-roll-back-to", environment=asked.environment)
    site.require_deployable(site.recorded(former))
    found = plan(site, former.release, site.rendered(former.release))
    _show(found.lines, found.diff)
    if asked.confirm is None:
        print(f"nothing is done yet: the same command with --note WHY --confirm {found.code} does it")
        return 0
    _require_confirmed(asked, found.code)
    with audited("deploy rollback", what=f"{asked.environment} {former.release.revision[:12]}", note=asked.note):
        _deploying(asked, site, None).back()
    return 0


def _require_confirmed(asked: argparse.Namespace, code: str) -> None:
    if not asked.note and not asked.because:
        raise Permanent("note-required", option="--note")
    if asked.confirm != code:
        raise Permanent("plan-changed", given=asked.confirm, now=code)


def _prometheus(asked: argparse.Namespace, site: Site) -> Prometheus | None:
    """Who sees customers. Raises Permanent when nobody does, and that was not asked for."""
    if asked.unwatched:
        return None
    namespace = site.kubectl.namespace
    found = Prometheus.at(asked.prometheus, namespace) if asked.prometheus else Prometheus.inside(site.kubectl)
    try:
        if found.is_there(SystemClock().now()):
            return found
    except (Temporary, Permanent) as trouble:
        raise Permanent("customers-not-seen", why=trouble.code, override="--unwatched") from None
    raise Permanent("customers-not-seen", why="no-targets", override="--unwatched")


def _deploying(asked: argparse.Namespace, site: Site, prometheus: Prometheus | None) -> Deploying:
    clock = SystemClock()
    lock = Lock(site.kubectl, f"{operator(os.environ)}-{new_id()[:8]}", clock)
    watch = Watch(prometheus, asked.watch, min(asked.watch / 10, timedelta(seconds=20)))
    return Deploying(site, Rollout(site.kubectl, lock, clock, Patience(), print), watch, clock, print)


def _status(asked: argparse.Namespace) -> int:
    site = site_of(asked, asked.environment, asked.context)
    site.require_right_place()
    lease = site.kubectl.get("lease", NAME)
    until = ends_at(lease) if lease else None
    rows = [_row(record) for record in site.records.all()]
    if asked.json:
        holder = lease["spec"]["holderIdentity"] if lease and until else None
        print(json.dumps({"records": rows, "holder": holder, "until": until and until.isoformat()}, indent=2))
        return 0
    for row in rows:
        print(f"{row['started_at'][:19]}  {row['revision'][:12]}  {row['state']:<12}  {row['by']}  {row['why']}")
    print(
        "nothing was deployed here"
        if not rows
        else f"{lease['spec']['holderIdentity']} deploys"
        if lease and until
        else "nobody deploys now"
    )
    return 0


def _row(record: Record) -> dict[str, Any]:
    return {
        "revision": record.release.revision,
        "state": record.state,
        "started_at": record.started_at.isoformat(),
        "ended_at": record.ended_at.isoformat() if record.ended_at else None,
        "by": record.by,
        "because": record.because,
        "why": record.why,
        "images": record.release.images,
    }


def _drift(asked: argparse.Namespace) -> int:
    site = site_of(asked, asked.environment, asked.context)
    site.require_right_place()
    found = drift(site)
    if asked.json:
        print(json.dumps([{"what": each.what, "thing": each.thing, "diff": each.diff} for each in found], indent=2))
    else:
        for each in found:
            print(f"{each.what}: {each.thing}{each.diff.rstrip()}")
        print(f"{len(found)} objects differ" if found else "the cluster is as the release says")
    return 1 if found else 0


def _show(lines: list[str], diff: str) -> None:
    print("\n".join(lines))
    if diff:
        print(diff)
