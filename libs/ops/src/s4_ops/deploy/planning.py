"""What a deployment would do, for a person to read before it is done."""

import hashlib
from dataclasses import dataclass

from s4_ops.deploy.rendering import Rendered, image_of
from s4_ops.deploy.site import Site, is_same, served_in
from s4_ops.images.release import Release
from s4_runtime import Permanent


@dataclass(frozen=True)
class Plan:
    """What would be done. `code` is another one when the cluster or the release is."""

    lines: list[str]
    diff: str
    code: str


def plan(site: Site, release: Release, rendered: Rendered) -> Plan:
    """Nothing is changed by looking."""
    latest = site.records.latest()
    served = served_in(site)
    lines = [
        f"{site.environment}: namespace {site.kubectl.namespace} of {site.kubectl.server()}",
        f"from {served.revision[:12] if served else 'nothing'} to {release.revision[:12]}",
    ]
    if latest is not None and latest.is_open:
        lines.append(f"an attempt with {latest.release.revision[:12]} was cut off ({latest.state})")
    lines += [f"  first: {job['metadata']['name']}" for job in rendered.before]
    images = []
    for service in rendered.services:
        name, wanted = service["metadata"]["name"], image_of(service)
        live = site.kubectl.get("deployment", name)
        found = image_of(live) if live else None
        images.append(f"{name}={found}")
        before = "is new" if live is None else "is the same" if found == wanted else f"was {_short(found)}"
        lines.append(f"  {name}: {_short(wanted)}, {before}")
    lines += [f"  at last: {job['metadata']['name']}" for job in rendered.after]
    state = [site.environment, site.kubectl.server(), str(latest), *images]
    code = hashlib.sha256("\n".join([release.content.decode(), *state]).encode()).hexdigest()[:8]
    return Plan(lines, site.kubectl.diff([*rendered.lasting]), code)


def require_known_in(staging: Site, release: Release) -> None:
    """Raise Permanent unless exactly this was brought to staging, and finished there."""
    staging.require_right_place()
    if not any(each.state == "done" and is_same(each.release, release) for each in staging.records.all()):
        raise Permanent("not-on-staging", revision=release.revision, override="--because")


def _short(image: object) -> str:
    return str(image).partition("@sha256:")[2][:12] or "not by digest"
