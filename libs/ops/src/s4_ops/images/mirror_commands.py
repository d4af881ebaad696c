"""s4 images mirror and pin."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from s4_ops.audit import audited
from s4_ops.images import signing
from s4_ops.images.keys import SigningKey, passphrase
from s4_ops.images.pinning import pin
from s4_ops.registry.client import Registry
from s4_ops.registry.copying import Published, copied
from s4_ops.registry.names import ImageName, Place

if TYPE_CHECKING:
    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it

_FOLDER = "mirror"  # below the place of our own images


def add_mirroring(commands: "Parsers") -> None:
    """The commands."""
    text = "copy images of others into our registry, sign them, and write their digests into manifests"
    made = _command(commands, "mirror", text)
    made.set_defaults(run=_mirror)
    made.add_argument("--registry", required=True, type=Place.read, metavar="HOST[/PATH]", help="ours")
    text = "signs the copies; without it they run only where no policy asks for signatures"
    made.add_argument("--key", type=Path, metavar="FILE", help=text)
    made.add_argument("--dry-run", action="store_true", help="only say what would be copied, and under which digest")
    made.add_argument("--note", default="", help="why, for the audit")
    text = "write the digests that images of others have now into manifests, which keep naming their registries"
    _command(commands, "pin", text).set_defaults(run=_pin)


def _command(commands: "Parsers", name: str, text: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text, description=text)
    made.add_argument("images", nargs="+", type=Published.read, metavar="HOST/REPOSITORY:TAG[@DIGEST]")
    text = "manifests whose digests of these images are replaced; may be given twice"
    made.add_argument("--manifests", action="append", type=Path, default=[], metavar="FOLDER", help=text)
    text = "that part of an image which is for one platform, such as linux/amd64; else all parts"
    made.add_argument("--platform", metavar="OS/ARCHITECTURE", help=text)
    return made


def _mirror(asked: argparse.Namespace) -> int:
    found = [(image, image.resolved(asked.platform)) for image in asked.images]
    copies = [asked.registry.image(f"{_FOLDER}/{image.name}", digest) for image, digest in found]
    if asked.dry_run:
        for (image, _), copy in zip(found, copies, strict=True):
            print(f"{image.place} would be {copy}")
        return 0
    key = SigningKey.read(asked.key, passphrase()) if asked.key else None
    registry = Registry(asked.registry.host)
    with audited("images mirror", what=str(asked.registry), note=asked.note or "copies of others' images") as deed:
        deed.learned(images=",".join(map(str, copies)))
        for (image, digest), copy in zip(found, copies, strict=True):
            copied(image, digest, registry, copy.repository)
            registry.put_content(copy.repository, _tag(image, digest), *registry.content(copy.repository, digest))
            if key:
                signing.sign(registry, copy, key)
            print(f"{copy}{'' if key else ' NOT SIGNED'}")
            _write(asked.manifests, f"{_FOLDER}/{image.name}", copy)
    return 0


def _pin(asked: argparse.Namespace) -> int:
    for image in asked.images:
        chosen = ImageName(image.place.host, image.place.path, image.resolved(asked.platform))
        print(chosen)
        _write(asked.manifests, str(image.place), chosen)
    return 0


def _write(folders: list[Path], named: str, image: ImageName) -> None:
    for path in pin(folders, named, image) if folders else ():
        print(f"  {path}")


def _tag(image: Published, digest: str) -> str:
    """What keeps the copy among those that people see: the makers' tag, or a part of the digest."""
    return image.tag or digest.removeprefix("sha256:")[:12]
