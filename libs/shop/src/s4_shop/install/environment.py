"""The Python environments: one for the services and tests, one for the storage node with its own pins."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

Say = Callable[[str], None]

_STAMP = ".s4-installed"


class EnvironmentFailed(Exception):
    """Neither uv nor pip could make the environment; their last words are in the text."""


@dataclass(frozen=True)
class Environment:
    """What belongs into one environment. Pins have versions and hashes; `editable` are folders of ours.

    What `lone` pins is installed without what it depends on, and is more than the shop itself needs: the tests need it.
    """

    folder: Path
    pins: Path
    editable: Sequence[Path]
    why: str
    lone: Sequence[Path] = ()

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def fingerprint(self) -> str:
        """Changes when the pins, the interpreter or the metadata of ours do; an edit of the source does not matter."""
        total = hashlib.sha256(f"{sys.version} {os.path.realpath(sys.executable)}".encode())
        for path in (self.pins, *self.lone, *(folder / "pyproject.toml" for folder in self.editable)):
            total.update(path.read_bytes())
        return total.hexdigest()

    @property
    def stamp(self) -> str:
        """What an environment says of itself that was made like this: that it is this, and the same without `lone`."""
        return "\n".join(dict.fromkeys([self.fingerprint(), replace(self, lone=()).fingerprint()]))

    @property
    def is_current(self) -> bool:
        """True when it was made from what is there now, with `lone` and perhaps with more."""
        stamp = self.folder / _STAMP
        return self.python.exists() and stamp.exists() and self.fingerprint() in stamp.read_text().splitlines()


def workspace(root: Path, *, for_tests: bool) -> list[Environment]:
    """The environments of a clone; `for_tests` with all that only its tests need."""
    members = sorted(
        path.parent for path in [*root.glob("libs/*/pyproject.toml"), *root.glob("services/*/pyproject.toml")]
    )
    node = root / "libs" / "node"
    ours = [folder for folder in members if folder != node]
    pins = root / "requirements"
    return [
        Environment(
            folder=root / ".venv",
            pins=pins / "dev.txt",
            editable=ours,
            why="the services, the local cloud, the tests",
            lone=[pins / "stripe-spec.txt", pins / "kubectl.txt"] if for_tests else [],
        ),
        Environment(
            folder=root / ".s4" / "node",
            pins=node / "requirements.txt",
            editable=[node],
            why="Tahoe-LAFS and the storage node",
            lone=[node / "requirements-test.txt"] if for_tests else [],
        ),
    ]


def make(environment: Environment, root: Path, say: Say) -> bool:
    """The environment is as described; False when it already was. Raises EnvironmentFailed."""
    if environment.is_current:
        return False
    began = time.monotonic()
    say(f"{environment.folder.relative_to(root)}: {environment.why} ({environment.pins.relative_to(root)})")
    (environment.folder / _STAMP).unlink(missing_ok=True)
    try:
        _by_uv(environment, _uv(root, say))
    except EnvironmentFailed as trouble:
        say(f"  uv could not ({str(trouble).splitlines()[-1][:200]}); trying plain pip, which takes longer")
        _by_pip(environment)
    (environment.folder / _STAMP).write_text(environment.stamp)
    say(f"  done in {time.monotonic() - began:.1f} s")
    return True


def _by_uv(environment: Environment, uv: Path) -> None:
    if not environment.python.exists():
        _run([str(uv), "venv", "--quiet", "--python", sys.executable, str(environment.folder)])
    install = [str(uv), "pip", "install", "--quiet", "--python", str(environment.python)]
    _install(install, environment)


def _by_pip(environment: Environment) -> None:
    if not (environment.folder / "bin" / "pip").exists():
        shutil.rmtree(environment.folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(environment.folder)])
    install = [str(environment.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _install(install, environment)


def _install(install: Sequence[str], environment: Environment) -> None:
    _run([*install, "--require-hashes", "-r", str(environment.pins)])
    for pins in environment.lone:
        _run([*install, "--no-deps", "--require-hashes", "-r", str(pins)])
    _run([*install, "--no-deps", *_editable(environment)])


def _uv(root: Path, say: Say) -> Path:
    """The installer, at its pinned version, in a small environment of its own. Raises EnvironmentFailed."""
    folder, pins = root / ".s4" / "uv", root / "requirements" / "uv.txt"
    stamp, wanted = folder / _STAMP, pins.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        say(".s4/uv: the installer (requirements/uv.txt)")
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", str(pins)])
        stamp.write_text(wanted)
    return folder / "bin" / "uv"


def _editable(environment: Environment) -> list[str]:
    return [argument for folder in environment.editable for argument in ("--editable", str(folder))]


def _run(command: Sequence[str]) -> None:
    # uv brings its own certificates unless told to trust what this machine trusts.
    settings: Mapping[str, str] = {"UV_SYSTEM_CERTS": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    done = subprocess.run(command, env={**inherited, **settings}, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stdout + done.stderr).strip().splitlines()[-15:]
        raise EnvironmentFailed("\n".join([" ".join(command[:6]), *words]))
