"""Names and passwords of registries, where container tools keep them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from s4_runtime import Permanent, Secret


def basic_for(host: str) -> Secret | None:
    """What `podman login` or `docker login` left for this registry; nothing when one may come in without."""
    for path in _places():
        if not path.is_file():
            continue
        try:
            known = json.loads(path.read_text(encoding="utf-8")).get("auths", {})
        except (OSError, ValueError, AttributeError):
            raise Permanent("registry-credentials-unreadable", file=str(path)) from None
        if (found := known.get(host, {}).get("auth")) is not None:
            return Secret(found)
    return None


def _places() -> Iterator[Path]:
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    if run := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(run) / "containers" / "auth.json"
    yield Path(os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))) / "config.json"
