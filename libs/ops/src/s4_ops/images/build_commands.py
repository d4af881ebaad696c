"""s4 images build, contents and sbom."""

import argparse
import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from s4_ops.images import bills, checkout, sbom
from s4_ops.images.build import Built, build
from s4_ops.images.contents import contents, differences
from s4_ops.images.engines import ENGINES, EngineFailed, How, build_command, local, look, push_commands
from s4_ops.images.progress import progress
from s4_ops.images.recipes import RECIPES, Recipe, chosen, require_sources
from s4_ops.registry.names import Place
from s4_runtime import Permanent

if TYPE_CHECKING:
    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  argparse has no public name for it


def add_building(commands: "Parsers") -> None:
    """The commands."""
    made = _command(commands, "build", "build images from these sources, reproducibly")
    made.set_defaults(run=_build)
    made.add_argument("--base", metavar="IMAGE", help="what to build on, best by digest")
    made.add_argument("--pull", choices=["missing", "always", "never"], default="missing", help="the base")
    made.add_argument("--network", help="in which network packages are fetched, such as host")
    text = "a file that only the build sees, such as a pip.conf or the certificates of a mirror"
    made.add_argument("--mount", action="append", default=[], metavar="HERE:THERE", help=text)
    made.add_argument("--no-cache", action="store_true", help="do every step again")
    made.add_argument("--push", metavar="REGISTRY", help="HOST[/PATH]; the sources must be committed")
    made.add_argument("--plain-http", action="store_true", help="the registry has no TLS; for tests")
    made.add_argument("--release", type=Path, metavar="FILE", help="with --push: what s4 images release reads")
    made.add_argument("--sbom", type=Path, metavar="FOLDER", help="write a bill of materials for each image")
    made.add_argument("--dry-run", action="store_true", help="only print the commands")
    made = _command(commands, "contents", "list what is in images, and how that differs from these sources")
    made.set_defaults(run=_contents)
    made.add_argument("--tag", default="latest")
    made = _command(commands, "sbom", "write the bills of materials (CycloneDX) of images")
    made.set_defaults(run=_sbom)
    made.add_argument("--tag", default="latest")
    made.add_argument("--out", type=Path, required=True, metavar="FOLDER")


def _command(commands: "Parsers", name: str, text: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text, description=text)
    made.add_argument("images", nargs="*", metavar="IMAGE", help=f"{', '.join(RECIPES)}; all when none is named")
    made.add_argument("--engine", choices=ENGINES, default="podman")
    made.add_argument("--source", type=Path, default=Path(), metavar="FOLDER", help="the sources; here by default")
    made.add_argument("--json", action="store_true", help="answer as JSON")
    return made


def _build(asked: argparse.Namespace) -> int:
    root, recipes = asked.source, chosen(asked.images)
    require_sources(root)
    how = _how(asked)
    registry = str(Place.read(asked.push)) if asked.push else None
    if asked.release and not registry:
        raise Permanent("release-needs-push")
    if asked.dry_run:
        for recipe in recipes:
            _print_commands(recipe, how, root, registry)
        return 0
    if registry:
        checkout.require_committed(root)
    built = _built(recipes, how, root, registry)
    written = {}
    if asked.sbom:
        for recipe in recipes:
            written[recipe.name] = bills.digest(_write_bill(recipe, how.engine, how.tag, how.revision, asked.sbom))
    if asked.release:
        asked.release.write_text(json.dumps(_release(how.revision, built, written), indent=2) + "\n")
    if asked.json:
        print(json.dumps({"revision": how.revision, "images": msgspec.to_builtins(built)}, indent=2))
    return 0


def _how(asked: argparse.Namespace) -> How:
    return How(
        engine=asked.engine,
        base=asked.base,
        pull=asked.pull,
        network=asked.network,
        mounts=tuple(asked.mount),
        fresh=asked.no_cache,
        revision=checkout.revision(asked.source),
        version=checkout.version(asked.source),
        tls=not asked.plain_http,
    )


def _print_commands(recipe: Recipe, how: How, root: Path, registry: str | None) -> None:
    commands = [build_command(recipe, how, root)]
    commands += push_commands(recipe, how, registry, "DIGEST_FILE") if registry else []
    for command in commands:
        print(shlex.join(command))


def _built(recipes: list[Recipe], how: How, root: Path, registry: str | None) -> dict[str, Built]:
    made: dict[str, Built] = {}
    with progress(len(recipes)) as shown:
        for recipe in recipes:
            with shown.one(recipe.name) as tell:
                try:
                    one = build(recipe, how, root, registry, tell)
                except EngineFailed as failed:
                    print(*failed.lines, sep="\n", file=sys.stderr)
                    raise
            made[recipe.name] = one
            size = f"{one.size / 1e6:.0f} MB ({one.added / 1e6:.1f} MB above its base)"
            shown.say(f"{recipe.name:<12} {one.seconds:6.1f} s  {size}  {one.digest}")
    return made


def _release(revision: str, built: dict[str, Built], written: dict[str, str]) -> dict[str, object]:
    images = {name: one.digest for name, one in built.items()}
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    return {"version": 1, "revision": revision, "created_at": now, "images": images, "bills": written}


def _contents(asked: argparse.Namespace) -> int:
    require_sources(asked.source)
    told: dict[str, object] = {}
    differs = False
    for recipe in chosen(asked.images):
        found = contents(asked.engine, local(recipe, asked.tag), recipe)
        wrong = differences(found, recipe, asked.source)
        differs = differs or bool(wrong)
        told[recipe.name] = {"contents": msgspec.to_builtins(found), "differences": msgspec.to_builtins(wrong)}
        if not asked.json:
            many = f"{len(found.python)} Python distributions, {len(found.debian)} Debian packages"
            print(f"{recipe.name:<12} user {found.user}:{found.group}  {many}  {wrong or 'as pinned'}")
    if asked.json:
        print(json.dumps(told, indent=2))
    return 1 if differs else 0


def _sbom(asked: argparse.Namespace) -> int:
    for recipe in chosen(asked.images):
        labels = look(asked.engine, local(recipe, asked.tag)).get("Labels") or {}
        revision = labels.get("org.opencontainers.image.revision", "unknown")
        print(_write_bill(recipe, asked.engine, asked.tag, revision, asked.out))
    return 0


def _write_bill(recipe: Recipe, engine: str, tag: str, revision: str, folder: Path) -> Path:
    image = local(recipe, tag)
    found = contents(engine, image, recipe)
    identity = str(look(engine, image)["Id"]).removeprefix("sha256:")
    folder.mkdir(parents=True, exist_ok=True)
    path = bills.file_of(folder, recipe.name)
    path.write_bytes(sbom.written(sbom.bill(recipe, identity, revision, found)))
    return path
