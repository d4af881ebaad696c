"""s4 images keygen, sign, verify, release, policy and retain."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from s4_ops.deploy.used import add_retain
from s4_ops.images import bills, signing, trust
from s4_ops.images import release as releases
from s4_ops.images.keys import PublicKey, SigningKey, passphrase
from s4_ops.registry.client import Registry
from s4_ops.registry.names import ImageName, Place
from s4_runtime import Permanent

if TYPE_CHECKING:
    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it


def add_signing(commands: "Parsers") -> None:
    """The commands."""
    made = _command(commands, "keygen", _keygen, "make a key that signs releases and images")
    made.add_argument("name", type=Path, help="NAME.key and NAME.pub are written; the passphrase seals the first")
    made = _command(commands, "sign", _sign, "sign images that are in a registry")
    made.add_argument("images", nargs="+", metavar="REGISTRY/IMAGE@DIGEST")
    _add_key(made)
    made = _command(commands, "verify", _verify, "verify that we signed images; refuse otherwise")
    made.add_argument("images", nargs="*", metavar="REGISTRY/IMAGE@DIGEST")
    made.add_argument("--release", type=Path, metavar="FILE", help="all images of this release; FILE.sig is beside it")
    made.add_argument("--registry", type=Place.read, metavar="HOST[/PATH]", help="with --release: where they are")
    text = "with --release: that these bills of materials are the images'; s4 images build --sbom wrote them"
    made.add_argument("--sbom", type=Path, metavar="FOLDER", help=text)
    add_public_keys(made)
    made = _command(commands, "release", _release, "sign pushed images and write the release that names them")
    made.add_argument("--registry", required=True, type=Place.read, metavar="HOST[/PATH]")
    made.add_argument("--digests", required=True, type=Path, metavar="FILE", help="what s4 images build wrote")
    made.add_argument("--revision", help="the commit, where the file does not say it")
    made.add_argument("--out", required=True, type=Path, metavar="FILE", help="FILE and FILE.sig are written")
    _add_key(made)
    made = _command(
        commands, "sign-machine", _sign_machine, "the signature of a machine image, for its tag s4:signature"
    )
    made.add_argument("image", metavar="AMI-ID")
    made.add_argument("name", help="the name of the image, as S4_AMI_NAME or a rollout says it")
    _add_key(made)
    made = commands.add_parser("retain", help="delete from the registry what no environment and no late release uses")
    add_retain(made)
    made = _command(commands, "policy", _policy, "write what lets a host's container engine take our images only")
    made.add_argument("--registry", required=True, type=Place.read, metavar="HOST[/PATH]")
    made.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="/etc/containers on the host")
    text = "name the images of these releases, verified now, for engines without sigstore; may be given twice"
    made.add_argument("--release", action="append", type=Path, metavar="FILE", help=text)
    add_public_keys(made)


def add_public_keys(parser: argparse.ArgumentParser) -> None:
    """Whose signatures are good: several while a key is replaced by another."""
    text = "a public key whose signatures are good; may be given twice"
    parser.add_argument("--public-key", required=True, action="append", type=Path, metavar="FILE", help=text)


def public_keys(asked: argparse.Namespace) -> list[PublicKey]:
    """The keys that were named. Raises Permanent."""
    return [PublicKey.read(path) for path in asked.public_key]


def _command(commands: "Parsers", name: str, run: Any, text: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text, description=text)
    made.set_defaults(run=run)
    return made


def _add_key(parser: argparse.ArgumentParser) -> None:
    text = "made by s4 images keygen, or by cosign; S4_SIGNING_PASSPHRASE_FILE opens it"
    parser.add_argument("--key", required=True, type=Path, metavar="FILE", help=text)


def _keygen(asked: argparse.Namespace) -> int:
    private, public = asked.name.with_name(asked.name.name + ".key"), asked.name.with_name(asked.name.name + ".pub")
    key = SigningKey.new()
    key.write(private, passphrase())
    public.write_text(key.public.pem, encoding="ascii")
    print(f"{private} signs; keep it and its passphrase apart\n{public} verifies; key {key.public.id}")
    return 0


def _sign(asked: argparse.Namespace) -> int:
    key = SigningKey.read(asked.key, passphrase())
    for name in [ImageName.read(text) for text in asked.images]:
        is_new = signing.sign(Registry(name.host), name, key)
        print(f"{name} {'signed' if is_new else 'was signed before'} by {key.public.id}")
    return 0


def _sign_machine(asked: argparse.Namespace) -> int:
    # The provisioner reads the same words (drivers/signed_images.py).
    signature = SigningKey.read(asked.key, passphrase()).sign(f"s4-machine-image {asked.image} {asked.name}\n".encode())
    print(signature)
    print(f"aws ec2 create-tags --resources {asked.image} --tags 'Key=s4:signature,Value={signature}'", file=sys.stderr)
    return 0


def _verify(asked: argparse.Namespace) -> int:
    keys = public_keys(asked)
    names = [ImageName.read(text) for text in asked.images]
    release = releases.read(asked.release, keys) if asked.release else None
    if release and asked.registry:
        names += [release.image(asked.registry, name) for name in sorted(release.images)]
    if not names or (release and not asked.registry) or (asked.sbom and not release):
        raise Permanent("nothing-to-verify", give="REGISTRY/IMAGE@DIGEST, or --release with --registry")
    for name in names:
        signing.verify(Registry(name.host), name, keys)
        print(f"{name} is ours")
    if release and asked.sbom:
        print(f"{bills.verify(release, asked.sbom)} bills of materials are as {asked.release} says")
    return 0


def _release(asked: argparse.Namespace) -> int:
    key = SigningKey.read(asked.key, passphrase())
    release = _described(asked.digests, asked.revision)
    registry = Registry(asked.registry.host)
    for name in release.images:
        signing.sign(registry, release.image(asked.registry, name), key)
    releases.write(release, asked.out, key)
    print(f"{asked.out} and {releases.signature_path(asked.out)}: {len(release.images)} images of {release.revision}")
    return 0


def _described(path: Path, revision: str | None) -> releases.Release:
    """What the file of digests says: a release already, or images by name."""
    try:
        told = json.loads(path.read_bytes())
        images = told.get("images", told)
        now = datetime.now(UTC).replace(microsecond=0).isoformat()
        said = {
            "revision": revision or told.get("revision", ""),
            "created_at": told.get("created_at", now),
            "images": images,
            "bills": told.get("bills", {}) if "images" in told else {},
        }
        return releases.decode(msgspec.json.encode(said))
    except (OSError, ValueError, AttributeError):
        raise Permanent("digests-unreadable", file=str(path)) from None


def _policy(asked: argparse.Namespace) -> int:
    place, keys = asked.registry, public_keys(asked)
    said = trust.pins(_verified(place, asked.release, keys)) if asked.release else trust.policy(place, keys)
    for path in trust.write(asked.out, said, place):
        print(path)
    return 0


def _verified(place: Place, paths: list[Path], keys: list[PublicKey]) -> list[ImageName]:
    registry, found = Registry(place.host), []
    for release in [releases.read(path, keys) for path in paths]:
        found += [release.image(place, name) for name in sorted(release.images)]
    for image in found:
        signing.verify(registry, image, keys)
    return found
