"""The images that an installation still needs: those that run, and those of the last releases."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from s4_ops.audit import audited
from s4_ops.deploy.kubectl import Kubectl
from s4_ops.deploy.records import Records
from s4_ops.deploy.rendering import containers
from s4_ops.images import release as releases
from s4_ops.images.keys import PublicKey
from s4_ops.images.release import Release
from s4_ops.registry.client import Registry
from s4_ops.registry.names import ImageName, Place
from s4_ops.registry.retaining import judged, require_complete
from s4_runtime import Permanent

_RUNNING = "pods,deployments,statefulsets,daemonsets,jobs,cronjobs"


def add_retain(made: argparse.ArgumentParser) -> None:
    """The words of ``s4 images retain``."""
    made.set_defaults(run=_retain)
    made.add_argument("registry", type=Place.read, metavar="HOST[/PATH]")
    made.add_argument("--keep", type=int, default=5, help="so many releases of each environment are kept besides")
    text = "NAMESPACE or CONTEXT:NAMESPACE of each environment whose images are there; all of them must be named"
    made.add_argument("--environment", action="append", required=True, metavar="WHERE", help=text)
    made.add_argument("--release", action="append", type=Path, default=[], metavar="FILE", help="is kept, too")
    made.add_argument("--public-key", action="append", type=Path, default=[], metavar="FILE", help="of these releases")
    made.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    made.add_argument("--note", default="", help="why, for the audit")


def used_in(kubectl: Kubectl, place: Place, keep: int) -> set[ImageName]:
    """What runs anywhere in the cluster that a namespace is part of, and its last releases. Raises Permanent."""
    records = Records(kubectl).all()
    finished = [each for each in records if each.state == "done"][: max(1, keep)]
    kept = {*_of(record.release for record in [*records[:keep], *finished])}
    named = {place.image(f"s4-{name}", digest) for name, digest in kept}
    texts = {each["image"] for one in kubectl.everywhere(_RUNNING) for each in containers(one)}
    return named | {image for text in texts if (image := _here(text, place))}


def _here(text: str, place: Place) -> ImageName | None:
    """The image, if it is of this place. Raises Permanent when it is, and not named by digest."""
    return ImageName.read(text) if text.startswith(f"{place}/") else None


def _of(found: Iterable[Release]) -> Iterable[tuple[str, str]]:
    return (pair for release in found for pair in release.images.items())


def _retain(asked: argparse.Namespace) -> int:
    if asked.keep < 1:
        raise Permanent("keep-at-least-one", given=asked.keep)
    place, keys = asked.registry, [PublicKey.read(path) for path in asked.public_key]
    used = {
        place.image(f"s4-{name}", digest) for name, digest in _of(releases.read(path, keys) for path in asked.release)
    }
    for where in asked.environment:
        context, _, namespace = where.rpartition(":")
        kubectl = Kubectl(namespace, context)
        if kubectl.get("namespace", namespace) is None:
            raise Permanent("no-such-environment", namespace=namespace)
        used |= used_in(kubectl, place, asked.keep)
    if not used:
        raise Permanent("nothing-is-used", registry=str(place))
    registry = Registry(place.host)
    require_complete(registry, sorted(used, key=str))
    verdicts = judged(registry, place, [*used])
    gone = [each for each in verdicts if not each.is_kept]
    for each in verdicts:
        print(f"{'keep' if each.is_kept else 'delete'}  {each.image}  {','.join(each.tags)}")
    print(f"{len(verdicts) - len(gone)} kept, {len(gone)} {'would be' if asked.dry_run else 'to be'} deleted")
    if not asked.dry_run and gone:
        with audited("images retain", what=str(place), note=asked.note or "retention") as deed:
            deed.learned(deleted=len(gone), kept=len(verdicts) - len(gone))
            for each in gone:
                registry.delete(each.image.repository, each.image.digest)
    return 0
