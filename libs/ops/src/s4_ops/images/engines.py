"""podman and docker: how each is told to build, push and look at an image."""

import json
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s4_ops.images.recipes import Recipe
from s4_runtime import Permanent

ENGINES = ("podman", "docker")
# 2020-02-02: what hatchling gives the files of wheels, too. One time for all releases, so that a layer whose content
# did not change is the same layer, and is neither pushed nor pulled again.
SOURCE_DATE_EPOCH = 1580601600
_LAST_LINES = 25
Tell = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """What an operator may choose about a build."""

    engine: str = "podman"
    base: str | None = None
    pull: str = "missing"
    network: str | None = None
    mounts: tuple[str, ...] = ()
    fresh: bool = False
    revision: str = "unknown"
    version: str = "0"
    tls: bool = True

    @property
    def tag(self) -> str:
        """Short enough to read."""
        return self.revision[:12]


def local(recipe: Recipe, tag: str) -> str:
    """The image's name on this machine."""
    return f"localhost/{recipe.repository}:{tag}"


def build_command(recipe: Recipe, how: How, root: Path) -> list[str]:
    """Builds the image from the sources."""
    made = [how.engine, "build", "--file", str(root / recipe.file)]
    arguments = {"SERVICE": recipe.name} if recipe.context == "." else {}
    arguments |= {"BASE": how.base} if how.base else {}
    arguments |= {"REVISION": how.revision, "VERSION": how.version}
    if how.engine == "podman":
        made += [f"--pull={how.pull}", f"--timestamp={SOURCE_DATE_EPOCH}"]
        made += [word for mount in how.mounts for word in ("--volume", f"{mount}:ro")]
    else:
        if how.mounts:
            raise Permanent("docker-builds-without-mounts", instead="podman, or a base that has the files")
        arguments |= {"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)}
        made += ["--pull"] if how.pull == "always" else []
    made += [f"--network={how.network}"] if how.network else []
    made += ["--no-cache"] if how.fresh else []
    made += [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    made += [word for tag in dict.fromkeys((how.tag, "latest")) for word in ("--tag", local(recipe, tag))]
    return [*made, str(root / recipe.context)]


def push_commands(recipe: Recipe, how: How, registry: str, digest_file: str) -> list[list[str]]:
    """Bring the image to the registry; podman writes the digest that it has there to a file."""
    here, there = local(recipe, how.tag), f"{registry}/{recipe.repository}:{how.tag}"
    if how.engine == "podman":
        check = [] if how.tls else ["--tls-verify=false"]
        return [["podman", "push", *check, "--digestfile", digest_file, here, f"docker://{there}"]]
    return [["docker", "tag", here, there], ["docker", "push", there]]


def push(recipe: Recipe, how: How, registry: str) -> str:
    """The image is in the registry, under the digest that is returned."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "digest"
        for command in push_commands(recipe, how, registry, str(file)):
            run(command, f"push-{recipe.name}")
        if how.engine == "podman":
            return file.read_text().strip()
    there = f"{registry}/{recipe.repository}"
    named: list[str] = look(how.engine, f"{there}:{how.tag}").get("RepoDigests") or []
    digests = [digest for name, _, digest in (text.partition("@") for text in named) if name == there]
    if not digests:
        raise Permanent("pushed-without-digest", image=recipe.name)
    return digests[0]


def look(engine: str, image: str) -> dict[str, Any]:
    """What the engine knows of an image. Raises Permanent when it has none of this name."""
    require(engine)
    done = subprocess.run([engine, "image", "inspect", image], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Permanent("no-such-image-here", image=image, engine=engine)
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def run(command: list[str], what: str, tell: Tell = lambda _line: None) -> None:
    """The command succeeded; each line that it prints is told. Raises Permanent after printing its last ones."""
    require(command[0])
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            last.append(line.rstrip())
            tell(last[-1])
    if process.returncode:
        raise EngineFailed(what, process.returncode, list(last))


class EngineFailed(Permanent):
    """The engine said no. `lines` are the last that it printed, for the person who asked."""

    def __init__(self, what: str, status: int, lines: list[str]) -> None:
        super().__init__("engine-failed", at=what, status=status)
        self.lines = lines


def require(engine: str) -> None:
    """Raise Permanent when the program is not installed."""
    if shutil.which(engine) is None:
        raise Permanent("no-such-program", program=engine)
