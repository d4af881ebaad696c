"""The objects of a release, in the order in which they are brought to a cluster."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from s4_ops.deploy import revisions
from s4_ops.deploy.kubectl import Kubectl, Object
from s4_ops.images.pinning import PLACEHOLDER
from s4_ops.images.release import Release
from s4_ops.registry.names import ImageName, Place
from s4_runtime import Permanent

PHASE = "s4/phase"  # of a Job: before the services are replaced, or after
# Who is needed comes before who needs it. Customers meet web, which comes last.
_ORDER = ("mailbox", "provisioner", "billing", "notifier", "invites", "support", "web")
# What an administrator applies, and a release stands on: layers of an overlay.
_BELOW = ("platform", "observability", "logs")
# Harmless to what runs now: the names of ConfigMaps tell what is in them.
_FIRST_KINDS = {"ServiceAccount", "ConfigMap", "ExternalSecret", "SealedSecret"}


@dataclass(frozen=True)
class Rendered:
    """What stands for a release in one environment."""

    first: list[Object]  # what Jobs need, too
    before: list[Object]  # Jobs
    rest: list[Object]
    services: list[Object]  # Deployments, in their order
    after: list[Object]  # Jobs
    last: list[Object]  # what says which release is served

    @property
    def lasting(self) -> list[Object]:
        """All but the Jobs."""
        return [*self.first, *self.rest, *self.services, *self.last]


def rendered(kubectl: Kubectl, repository: Path, environment: str, release: Release, place: Place) -> Rendered:
    """The objects, from the manifests of the release's own revision. Raises Permanent."""
    with tempfile.TemporaryDirectory(prefix="s4-deploy-") as folder:
        overlay = revisions.manifests(repository, release.revision, Path(folder)) / "overlays" / environment
        if not overlay.is_dir():
            raise Permanent("no-such-overlay", environment=environment, revision=release.revision)
        _write_images(overlay / "release" / "kustomization.yaml", release, place)
        objects = _objects(kubectl, overlay)
        for layer in filter(Path.is_dir, (overlay / name for name in _BELOW)):
            _require_chosen(_objects(kubectl, layer))
    _require_ours(objects, kubectl.namespace, release, place)
    return in_order(objects)


def in_order(objects: list[Object]) -> Rendered:
    """The objects by when they are applied."""
    jobs = [one for one in objects if one["kind"] == "Job"]
    services = [one for one in objects if one["kind"] == "Deployment"]
    last = [one for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "release"]
    other = [one for one in objects if one not in jobs and one not in services and one not in last]
    after = [one for one in jobs if one["metadata"].get("annotations", {}).get(PHASE) == "after"]
    return Rendered(
        first=[one for one in other if one["kind"] in _FIRST_KINDS],
        before=[one for one in jobs if one not in after],
        rest=[one for one in other if one["kind"] not in _FIRST_KINDS],
        services=sorted(services, key=_place_in_order),
        after=after,
        last=last,
    )


def containers(of: Object) -> Iterator[Object]:
    """The containers of a Deployment, Job, CronJob, StatefulSet or pod."""
    spec = of.get("spec") or {}
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    pod = spec.get("template", {}).get("spec", spec)
    yield from pod.get("initContainers") or []
    yield from pod.get("containers") or []


def _place_in_order(service: Object) -> tuple[int, str]:
    name = service["metadata"]["name"]
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER) - 1, name)


def _write_images(path: Path, release: Release, place: Place) -> None:
    """The overlay's release component names the images of the release and its revision."""
    try:
        said: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError:
        raise Permanent("no-release-component", revision=release.revision) from None
    found = [release.image(place, name) for name in sorted(release.images)]
    images = [
        {"name": image.repository.rpartition("/")[2], "newName": image.without_digest, "digest": image.digest}
        for image in found
    ]
    named = {image["name"] for image in images}
    said["images"] = images + [each for each in said.get("images", []) if each["name"] not in named]
    for made in said.get("configMapGenerator", []):
        if made["name"] == "release":
            kept = [each for each in made.get("literals", []) if not each.startswith("revision=")]
            made["literals"] = [f"revision={release.revision[:12]}", *kept]
    path.write_text(yaml.safe_dump(said), encoding="utf-8")


def _objects(kubectl: Kubectl, folder: Path) -> list[Object]:
    return [found for found in yaml.safe_load_all(kubectl.kustomize(folder)) if found]


def _require_chosen(objects: list[Object]) -> None:
    """No image is left to be chosen. Raises Permanent."""
    for one in objects:
        images = [container["image"] for container in containers(one)]
        images += filter(None, [(one.get("spec") or {}).get("imageName")])  # of CloudNativePG
        for image in images:
            if image.endswith(PLACEHOLDER):
                name = f"{one['kind']}/{one['metadata']['name']}"
                raise Permanent("image-not-chosen", object=name, image=image.partition("@")[0], do="s4 images mirror")


def _require_ours(objects: list[Object], namespace: str, release: Release, place: Place) -> None:
    """Every image is one of the release, and every object is in the environment's namespace. Raises Permanent."""
    known = {str(release.image(place, name)) for name in release.images}
    for one in objects:
        name = f"{one['kind']}/{one['metadata']['name']}"
        if one["metadata"].get("namespace", namespace) != namespace:
            raise Permanent("object-of-another-namespace", object=name, namespace=one["metadata"]["namespace"])
        if one["kind"] == "Secret":
            raise Permanent("secret-in-repository", object=name)
        for container in containers(one):
            if container["image"] not in known:
                raise Permanent("image-not-in-release", object=name, image=container["image"])


def image_of(service: Object) -> ImageName | None:
    """The image of the first container, if it is named by digest."""
    first = next(containers(service), None)
    try:
        return ImageName.read(first["image"]) if first else None
    except Permanent:
        return None
