"""Sources whose images are built in a second, by the real engine: a shell that answers as our Python would."""

import json
import shutil
from pathlib import Path

from support.registries import Engine

BASE = "localhost/tiny:base"
SERVICES = ("web", "billing")
_PYTHON = "lib/python3.11/site-packages"
_DOCKERFILE = """ARG BASE
FROM ${BASE}
ARG SERVICE
ARG REVISION
ARG VERSION
LABEL org.opencontainers.image.revision=${REVISION} org.opencontainers.image.version=${VERSION} service=${SERVICE}
COPY words-${SERVICE} /words
"""
_NEEDED = ("/bin/dash", "/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2")


def make_base(engine: Engine, folder: Path) -> None:
    """What the images are built on is in the engine's store."""
    root = folder / "root"
    for file in _NEEDED:
        there = root / file.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, there)
    found = [{"folder": f"/opt/s4/{_PYTHON}", "name": "aiohttp", "version": "3.13.2", "licence": "Apache-2.0"}]
    told = json.dumps({"user": 10001, "group": 10001, "python": found, "debian": []})
    python = root / "opt/s4/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/dash\necho '{told}'\n")
    python.chmod(0o755)
    (folder / "Containerfile").write_text("FROM scratch\nCOPY root /\nUSER 10001:10001\n")
    made = engine.podman("build", "--quiet", "--tag", BASE, str(folder))
    assert made.returncode == 0, made.stderr


def write_sources(folder: Path, words: str) -> None:
    """The folder is taken for a checkout of ours."""
    (folder / "libs" / "ops").mkdir(parents=True, exist_ok=True)
    (folder / "libs" / "ops" / "pyproject.toml").write_text("[project]\nname = 's4-ops'\nversion = '1'\n")
    (folder / "pyproject.toml").write_text("[project]\nname = 's4'\nversion = '1.2'\n")
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    for name in SERVICES:
        (folder / f"words-{name}").write_text(f"{name} {words}")
