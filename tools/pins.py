"""Renew the pins: requirements/NAME.txt per image and for development, with hashes, and constraints.txt without.

``python tools/pins.py UV`` resolves the whole workspace once (uv.lock, not kept in the repository) and exports that.
The files name no index and no path: any index that has the same files will do.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("web", "billing", "provisioner", "notifier", "invites", "support", "cli", "devcloud", "shop")
# What stands beside our packages in images of their own, in the versions that our tests have met.
OTHERS = {"mailbox": "magic-wormhole-mailbox-server", "build": "hatchling", "watch": "watchfiles"}
_FORBIDDEN = re.compile(r"https?://|file:|^-|^\s*--(index|extra|find)|@ |/work|/home", re.MULTILINE)


def main(uv: str) -> None:
    """The files are written; fails when one of them names an address or a path."""
    _run(uv, "lock")
    folder = ROOT / "requirements"
    folder.mkdir(exist_ok=True)
    export = ["export", "--frozen", "--quiet", "--no-emit-workspace", "--no-header", "--no-annotate"]
    for package in PACKAGES:
        _write(folder / f"{package}.txt", _run(uv, *export, "--no-dev", "--package", f"s4-{package}"))
    _write(folder / "dev.txt", _run(uv, *export, "--group", "dev"))
    _write(ROOT / "constraints.txt", _run(uv, *export, "--group", "dev", "--no-hashes"))
    for name, package in OTHERS.items():
        _write(folder / f"{name}.txt", _compiled(uv, package, "--constraint", str(ROOT / "constraints.txt")))
    _write(ROOT / "libs/node/requirements-build.txt", (folder / "build.txt").read_text())
    _write(folder / "uv.txt", _compiled(uv, f"uv=={_run(uv, '--version').split()[1]}"))


def _compiled(uv: str, wanted: str, *options: str) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write(f"{wanted}\n")
        file.flush()
        compile_ = [
            "pip",
            "compile",
            "--quiet",
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
            "--no-emit-options",
        ]
        return _run(uv, *compile_, "--python-version", "3.11", *options, file.name)


def _write(path: Path, text: str) -> None:
    if found := _FORBIDDEN.search(text):
        raise SystemExit(f"{path.name}: {found.group()!r} in a file of pins")
    path.write_text(text)
    print(f"{path.relative_to(ROOT)}: {len(re.findall('==', text))} packages")


def _run(*command: str) -> str:
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    environment.pop("VIRTUAL_ENV", None)
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    main(sys.argv[1])
