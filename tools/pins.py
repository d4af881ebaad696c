"""Renew the pins: requirements/NAME.txt per service and for development, with hashes, and constraints.txt without.

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
SERVICES = ("web", "billing", "provisioner", "notifier", "invites", "support")
_FORBIDDEN = re.compile(r"https?://|file:|^-|^\s*--(index|extra|find)|@ |/work|/home", re.MULTILINE)


def main(uv: str) -> None:
    """The files are written; fails when one of them names an address or a path."""
    _run(uv, "lock")
    folder = ROOT / "requirements"
    folder.mkdir(exist_ok=True)
    export = ["export", "--frozen", "--quiet", "--no-emit-workspace", "--no-header", "--no-annotate"]
    for service in SERVICES:
        _write(folder / f"{service}.txt", _run(uv, *export, "--no-dev", "--package", f"s4-{service}"))
    _write(folder / "dev.txt", _run(uv, *export, "--group", "dev"))
    _write(ROOT / "constraints.txt", _run(uv, *export, "--group", "dev", "--no-hashes"))
    version = _run(uv, "--version").split()[1]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as wanted:
        wanted.write(f"uv=={version}\n")
        wanted.flush()
        compiled = _run(
            uv, "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", wanted.name
        )
    _write(folder / "uv.txt", compiled)


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
