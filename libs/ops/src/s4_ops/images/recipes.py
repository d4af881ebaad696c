"""Which images there are, and what belongs into each: the pins, and of our packages those that it needs."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from s4_runtime import Permanent

# A name, its version, and not the marker of another system: images are Linux.
_PIN = re.compile(r"^(?!.* sys_platform == 'win32')([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Recipe:
    """One image. `context` and `file` are below the sources; `package` is the one of ours that it runs, if any.

    `beside` has the environment of another image, too.
    """

    name: str
    package: str | None
    pins: str
    context: str = "."
    file: str = "Dockerfile"
    venv: str = "/opt/s4"
    beside: "Recipe | None" = None

    @property
    def environments(self) -> "Iterator[Recipe]":
        """Itself, and of whom it has an environment beside its own."""
        yield self
        if self.beside:
            yield from self.beside.environments

    @property
    def repository(self) -> str:
        """What it is called in a registry."""
        return f"s4-{self.name}"


def _of_root(name: str, package: str | None, beside: Recipe | None = None) -> Recipe:
    return Recipe(name, package, f"requirements/{name}.txt", beside=beside)


SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
_NODE = Recipe("node", "s4-node", "libs/node/requirements.txt", "libs/node", "libs/node/Containerfile", "/opt/s4/node")
# The provisioner proves grids with the node's client, and a customer for development has one.
RECIPES = {
    **{name: _of_root(name, f"s4-{name}", _NODE if name == "provisioner" else None) for name in (*SERVICES, "cli")},
    "devcloud": _of_root("devcloud", "s4-devcloud"),
    "shop": _of_root("shop", "s4-shop", _NODE),
    "mailbox": _of_root("mailbox", None),
    "node": _NODE,
}


def chosen(names: list[str]) -> list[Recipe]:
    """The named ones, each once; all when none is named. Raises Permanent."""
    for name in names:
        if name not in RECIPES:
            raise Permanent("no-such-image", image=name, known=",".join(RECIPES))
    return [RECIPES[name] for name in dict.fromkeys(names or RECIPES)]


def require_sources(root: Path) -> None:
    """Raise Permanent unless the folder is a checkout of S4."""
    for file in ("Dockerfile", "libs/ops/pyproject.toml"):
        if not (root / file).is_file():
            raise Permanent("not-the-sources", folder=str(root), lacks=file)


def distributions(recipe: Recipe, root: Path) -> dict[str, str]:
    """What has to be installed in the image, by normal name: exactly the pins and what is ours."""
    found = {normal(name): version for name, version in _PIN.findall((root / recipe.pins).read_text())}
    return {**found, **(dict(_ours(recipe.package, root)) if recipe.package else {})}


def normal(name: str) -> str:
    """A distribution's name as all tools agree on (PyPA, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _ours(package: str, root: Path) -> Iterator[tuple[str, str]]:
    projects = dict(_projects(root))
    waiting, seen = [package], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in projects:
            continue
        seen.add(name)
        project = projects[name]
        yield name, str(project["version"])
        waiting += [found[0] for text in project.get("dependencies", []) if (found := _NAME.match(text))]


def _projects(root: Path) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for file in [*root.glob("libs/*/pyproject.toml"), *root.glob("services/*/pyproject.toml")]:
        project = tomllib.loads(file.read_text())["project"]
        yield project["name"], project
