"""The upper layers: what the node distribution needs, then the node distribution itself, in one venv."""

import ensurepip
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from s4_devcloud.image import recipe
from s4_devcloud.image.base import run, write
from s4_devcloud.image.shelf import PARTIAL, digest, digest_of_tree

NODE_FILES = ["pyproject.toml", "README.md", "LICENSE", "src"]
# A clean environment: nothing of this machine's configuration gets into the image.
INSIDE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


def packages_name(below: str, node: Path) -> str:
    """The layer of third-party packages: it changes with the pins only."""
    return f"packages-{digest(below, sys.version, (node / 'requirements.txt').read_bytes())}"


def node_name(below: str, node: Path) -> str:
    """The topmost layer: it changes with every edit of the node distribution."""
    return f"node-{digest(below, digest_of_tree(node, NODE_FILES), recipe.HOST_COMMAND)}"


def _pip() -> Path:
    """The pip that came with this Python: beside ensurepip, or where Debian's python3-venv keeps it."""
    folders = [Path(ensurepip.__file__).parent / "_bundled", Path("/usr/share/python-wheels")]
    found = [wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"))]
    if not found:
        raise SystemExit("this Python brings no pip; on Debian: apt-get install python3-venv")
    return found[0]


class Wheels:
    """Wheels made on this machine with this machine's pip configuration, so that the image needs no network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pip = _pip()

    @classmethod
    @contextmanager
    def workshop(cls) -> Iterator["Wheels"]:
        """A scratch place to make wheels in."""
        with tempfile.TemporaryDirectory(prefix="s4-wheels-") as scratch:
            yield cls(Path(scratch))

    def of_requirements(self, node: Path) -> list[str]:
        """Every pinned package as a wheel, its download checked against the pinned hash."""
        return self._make(["--require-hashes", "--requirement", str(node / "requirements.txt")])

    def of_node(self, node: Path) -> list[str]:
        """The node distribution itself. Built from a copy: a build leaves nothing in the source tree."""
        source = self.folder / "source"
        source.mkdir()
        for name in NODE_FILES:
            if (node / name).is_dir():
                shutil.copytree(node / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif (node / name).is_file():
                shutil.copy(node / name, source / name)
        return self._make(["--no-build-isolation", str(source)])

    def _make(self, what: list[str]) -> list[str]:
        made = self.folder / "made"
        run([sys.executable, f"{self.pip}/pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), *what])
        return [wheel.name for wheel in made.glob("*.whl")]


def bake_packages(layer: Path, base: Path, node: Path) -> None:
    """Fill the layer with a venv that holds the pinned packages."""
    with Wheels.workshop() as wheels, root_over(layer, [base]) as root:
        names = wheels.of_requirements(node)
        inside(root, ["python3", "-m", "venv", "--without-pip", recipe.VENV])
        _install(root, wheels, names)


def bake_node(layer: Path, lower: list[Path], node: Path) -> None:
    """Fill the layer with the node distribution and the command that the provisioner runs."""
    with Wheels.workshop() as wheels, root_over(layer, lower) as root:
        _install(root, wheels, wheels.of_node(node))
        write(root / "usr/local/bin/s4-host", recipe.HOST_COMMAND, 0o755)
        (root / "usr/local/bin/s4-node").symlink_to(f"{recipe.VENV}/bin/s4-node")


def bake_plain_packages(folder: Path, node: Path) -> None:
    """Fill a folder with a venv of this machine's Python that holds the pinned packages."""
    with Wheels.workshop() as wheels:
        names = wheels.of_requirements(node)
        run([sys.executable, "-m", "venv", "--without-pip", str(folder / "node")])
        _install_plain(folder, wheels, names)


def bake_plain(folder: Path, packages: Path, node: Path) -> None:
    """Fill a folder for machines that are only an sshd: the packages' venv, the node distribution, two commands."""
    shutil.copytree(packages / "node", folder / "node", symlinks=True)
    with Wheels.workshop() as wheels:
        _install_plain(folder, wheels, wheels.of_node(node))
    final = folder.with_name(folder.name.removeprefix(PARTIAL))
    (folder / "bin").mkdir()
    for command in ("s4-host", "s4-node"):
        script = folder / "node/bin" / command
        script.write_text(script.read_text().replace(str(folder), str(final)))
        (folder / "bin" / command).symlink_to(f"../node/bin/{command}")


@contextmanager
def root_over(layer: Path, lower: list[Path]) -> Iterator[Path]:
    """A root filesystem whose changes land in `layer`; it is unmounted on the way out."""
    scratch = layer.with_name(f"{layer.name}.mount")
    root, work = scratch / "root", scratch / "work"
    root.mkdir(parents=True)
    work.mkdir()
    below = ":".join(str(folder) for folder in lower)
    run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={below},upperdir={layer},workdir={work}", str(root)])
    try:
        yield root
    finally:
        subprocess.run(["umount", str(root)], check=True)
        shutil.rmtree(scratch)


def inside(root: Path, command: list[str]) -> None:
    """Run a command in the root filesystem."""
    run(["chroot", str(root), *command], env=INSIDE)


def _install(root: Path, wheels: Wheels, names: list[str]) -> None:
    carried = root / "wheels"
    shutil.copytree(wheels.folder / "made", carried)
    shutil.copy(wheels.pip, carried)
    pip = [f"{recipe.VENV}/bin/python", f"/wheels/{wheels.pip.name}/pip"]
    quiet = ["--quiet", "--no-index", "--no-deps", "--no-cache-dir", "--root-user-action=ignore"]
    inside(root, [*pip, "install", *quiet, "--compile", *(f"/wheels/{name}" for name in names)])
    shutil.rmtree(carried)


def _install_plain(folder: Path, wheels: Wheels, names: list[str]) -> None:
    made = [str(wheels.folder / "made" / name) for name in names]
    pip = [str(folder / "node/bin/python"), f"{wheels.pip}/pip"]
    run([*pip, "install", "--quiet", "--no-index", "--no-deps", "--compile", *made])
