"""Where releases are brought to, and what is asked before anything is done there."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from s4_ops.deploy import revisions
from s4_ops.deploy.kubectl import Kubectl
from s4_ops.deploy.records import Record, Records
from s4_ops.deploy.rendering import Rendered, rendered
from s4_ops.images import release as releases
from s4_ops.images import signing
from s4_ops.images.keys import PublicKey
from s4_ops.images.release import Release
from s4_ops.registry.client import Registry
from s4_ops.registry.names import Place
from s4_runtime import Permanent

NAMESPACES = {"staging": "s4-staging", "production": "s4"}
ENVIRONMENT = "s4/environment"  # a label of the namespace, by which it says what it is


@dataclass(frozen=True)
class Site:
    """One environment in one cluster."""

    environment: str
    kubectl: Kubectl
    repository: Path
    place: Place
    keys: list[PublicKey]

    @property
    def records(self) -> Records:
        """What was brought here."""
        return Records(self.kubectl)

    def require_right_place(self) -> None:
        """Raise Permanent unless the namespace that kubectl reaches says that it is this environment."""
        found = self.kubectl.get("namespace", self.kubectl.namespace)
        labels = (found or {}).get("metadata", {}).get("labels", {})
        if found is None or labels.get(ENVIRONMENT) != self.environment:
            says = "nothing" if found is None else labels.get(ENVIRONMENT, "nothing")
            asked, context = self.environment, self.kubectl.context or "current"
            raise Permanent("wrong-context", asked=asked, found=says, server=self.kubectl.server(), context=context)

    def require_deployable(self, release: Release) -> None:
        """Raise Permanent unless the revision was merged, and all images are in the registry, signed by us."""
        revisions.require_merged(self.repository, release.revision)
        registry = Registry(self.place.host)
        for name in sorted(release.images):
            signing.verify(registry, release.image(self.place, name), self.keys)

    def rendered(self, release: Release) -> Rendered:
        """Its objects here."""
        return rendered(self.kubectl, self.repository, self.environment, release, self.place)

    def recorded(self, record: Record) -> Release:
        """The release of a record, whose signature is ours still. Raises Permanent."""
        if not any(key.has_signed(record.text.encode(), record.signature) for key in self.keys):
            raise Permanent("record-signed-by-another-key", namespace=self.kubectl.namespace)
        return releases.decode(record.text.encode())


def is_same(one: Release, other: Release) -> bool:
    """Whether the same would run."""
    return (one.revision, one.images) == (other.revision, other.images)


def served_in(site: Site) -> Release | None:
    """What was finished there last."""
    record = site.records.served()
    return None if record is None else msgspec.json.decode(record.text.encode(), type=Release)
