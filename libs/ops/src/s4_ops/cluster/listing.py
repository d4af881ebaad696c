"""Which clusters there are: what the state bucket knows, and what AWS has that no state bucket knows any more."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from s4_ops.cluster import buckets
from s4_ops.cluster.throwaway import has_expired
from s4_ops.cluster.work import Work


class Listed(msgspec.Struct, frozen=True):
    """A cluster. ``is_known``: kops can still delete it; what it cannot was left by somebody who emptied the bucket."""

    name: str
    environment: str
    expires: str | None
    has_expired: bool
    is_known: bool


def clusters(work: Work, now: datetime) -> list[Listed]:
    """All of them, by name."""
    known = [] if buckets.missing(work.cloud, work.spec.state_bucket) else work.kops.all_clusters()
    labels = {each["metadata"]["name"]: each["spec"].get("cloudLabels", {}) for each in known}
    found = {name: _listed(name, tags, now, is_known=True) for name, tags in labels.items()}
    for tags in work.cloud.tagged({"s4:cluster": ""}).values():
        name = tags["s4:cluster"]
        found.setdefault(name, _listed(name, tags, now, is_known=False))
    return sorted(found.values(), key=lambda each: each.name)


def _listed(name: str, tags: Mapping[str, str], now: datetime, *, is_known: bool) -> Listed:
    expires = tags.get("s4:expires")
    return Listed(name, tags.get("s4:environment", "unknown"), expires, has_expired(expires, now), is_known)
