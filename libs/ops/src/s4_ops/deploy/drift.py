"""What is in the cluster otherwise than the release that was brought there says."""

import re
from dataclasses import dataclass

from s4_ops.deploy.kubectl import Object
from s4_ops.deploy.rendering import Rendered
from s4_ops.deploy.site import Site
from s4_runtime import Permanent

_OURS = "app.kubernetes.io/part-of=s4"
_LOOKED_AT = (
    "deployments,statefulsets,cronjobs,services,configmaps,serviceaccounts,networkpolicies,poddisruptionbudgets,"
    "horizontalpodautoscalers,ingresses,roles,rolebindings"
)
_HEAD = re.compile(r"^diff .*/(?P<version>[^/ ]+?)\.(?P<kind>[A-Z]\w*)\.(?P<namespace>[^./ ]*)\.(?P<name>[^/ ]+)$")


@dataclass(frozen=True)
class Drift:
    """One object that is not as it should be."""

    what: str  # changed, missing, unknown
    thing: str  # Kind/name
    diff: str = ""


def drift(site: Site) -> list[Drift]:
    """Every object that differs from the finished release. Raises Permanent when none was brought."""
    record = site.records.served()
    if record is None:
        raise Permanent("nothing-deployed", environment=site.environment)
    wanted = site.rendered(site.recorded(record))
    return [*_differing(site, wanted), *_unknown(site, wanted)]


def _differing(site: Site, wanted: Rendered) -> list[Drift]:
    found = []
    for thing, text in split(site.kubectl.diff(wanted.lasting)):
        is_missing = "\n@@ -0,0 " in text or "\n-null\n" in text
        found.append(Drift("missing" if is_missing else "changed", thing, "" if is_missing else text))
    return found


def _unknown(site: Site, wanted: Rendered) -> list[Drift]:
    named = {_thing(one) for one in wanted.lasting}
    live = site.kubectl.select(_LOOKED_AT, _OURS)
    return [
        Drift("unknown", _thing(one))
        for one in live
        if _thing(one) not in named and not one["metadata"].get("ownerReferences") and not _is_of_deploy(one)
    ]


def _is_of_deploy(one: Object) -> bool:
    labels = one["metadata"].get("labels", {})
    return bool(labels.get("app.kubernetes.io/managed-by") == "s4-deploy" or labels.get("s4/layer") == "platform")


def _thing(one: Object) -> str:
    return f"{one['kind']}/{one['metadata']['name']}"


def split(diff: str) -> list[tuple[str, str]]:
    """The parts of a diff by the object that they are about."""
    parts: list[tuple[str, list[str]]] = []
    for line in diff.splitlines():
        if found := _HEAD.match(line):
            parts.append((f"{found['kind']}/{found['name']}", []))
        elif parts:
            parts[-1][1].append(line)
    return [(thing, "\n".join(["", *lines, ""])) for thing, lines in parts]
