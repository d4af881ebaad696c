"""What is inside an image, as the image itself says when it runs with nothing and may do nothing."""

import subprocess
from pathlib import Path

import msgspec

from s4_ops.images.engines import require
from s4_ops.images.recipes import Recipe, distributions, normal
from s4_runtime import Permanent

# Runs in the image with the image's Python, so it imports nothing of ours.
_LOOK = """
import glob, importlib.metadata, json, os, re
folders = glob.glob('/opt/**/site-packages', recursive=True)
def said(d, *names):
    return next((d.metadata[n].strip() for n in names if d.metadata[n]), '')
found = [
    {'folder': folder, 'name': d.metadata['Name'], 'version': d.version,
     'licence': said(d, 'License-Expression', 'License').split(chr(10))[0][:80]}
    for folder in folders for d in importlib.metadata.distributions(path=[folder])]
try:
    text = open('/var/lib/dpkg/status', errors='replace').read()
except OSError:
    text = ''
debian = []
for part in text.split(chr(10) * 2):
    told = dict(re.findall(r'^(Package|Version|Architecture|Status): (.*)$', part, re.M))
    if told.get('Status', '').endswith(' installed'):
        debian.append({'name': told['Package'], 'version': told['Version'], 'architecture': told['Architecture']})
print(json.dumps({'user': os.getuid(), 'group': os.getgid(), 'python': found, 'debian': debian}))
"""


class Distribution(msgspec.Struct, frozen=True):
    """A Python distribution in one of the image's environments."""

    folder: str
    name: str
    version: str
    licence: str = ""


class Package(msgspec.Struct, frozen=True):
    """A Debian package."""

    name: str
    version: str
    architecture: str


class Contents(msgspec.Struct, frozen=True):
    """All of it, and who runs there."""

    user: int
    group: int
    python: list[Distribution]
    debian: list[Package]

    def environment(self, venv: str) -> dict[str, str]:
        """Versions of what is installed in one environment, by normal name."""
        inside = [one for one in self.python if one.folder.startswith(f"{venv}/lib/")]
        return {normal(one.name): one.version for one in inside}


class Differences(msgspec.Struct, frozen=True):
    """How an image differs from its sources: by name of distribution."""

    missing: list[str]
    unexpected: list[str]
    other_version: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.other_version)


def contents(engine: str, image: str, recipe: Recipe) -> Contents:
    """What is in the image. Raises Permanent when it cannot be started."""
    require(engine)
    safe = ["--rm", "--pull=never", "--network=none", "--read-only", "--cap-drop=all"]
    entry = ["--entrypoint", f"{recipe.venv}/bin/python", image, "-I", "-c", _LOOK]
    done = subprocess.run([engine, "run", *safe, *entry], capture_output=True, check=False)
    if done.returncode:
        raise Permanent("image-does-not-run", image=image, status=done.returncode)
    found = msgspec.json.decode(done.stdout, type=Contents)
    return Contents(
        found.user,
        found.group,
        sorted(found.python, key=lambda one: (one.folder, normal(one.name))),
        sorted(found.debian, key=lambda one: one.name),
    )


def differences(found: Contents, recipe: Recipe, root: Path) -> Differences:
    """Between what is installed and what these sources pin, in all of the image's environments."""
    all_of_them = [(distributions(one, root), found.environment(one.venv)) for one in recipe.environments]
    return Differences(
        missing=sorted({name for wanted, there in all_of_them for name in wanted.keys() - there.keys()}),
        unexpected=sorted({name for wanted, there in all_of_them for name in there.keys() - wanted.keys()}),
        other_version=sorted(
            {
                name
                for wanted, there in all_of_them
                for name in wanted.keys() & there.keys()
                if wanted[name] != there[name]
            }
        ),
    )
