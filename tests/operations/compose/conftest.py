"""Everything up once, in an engine that ends with the tests."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import bases
from support.composed import images
from support.composed.engine import docker
from support.composed.file import ROOT
from support.composed.system import Composed, System
from support.infra import TestRun, needs_program


@pytest.fixture(scope="session")
def composed(test_run: TestRun) -> Iterator[Composed]:
    folder = test_run.folder / "compose"
    with needs_program(), docker(folder, f"s4c{os.getpid()}") as engine:
        system = System(engine, bases.sources(ROOT, folder / "sources"))
        given = os.environ.get("S4_COMPOSE_IMAGES")
        archive = Path(given) if given else folder / "images.tar"
        if not archive.exists():
            images.build(system.root, folder / "podman", archive)
        asyncio.run(engine.start())
        images.load(engine, archive)
        if not given:
            archive.unlink()
        began = time.monotonic()
        try:
            asyncio.run(system.up())
            yield Composed(system, time.monotonic() - began)
        finally:
            system.compose("down", "--volumes", "--timeout", "5")
