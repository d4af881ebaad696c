"""compose.yaml as compose reads it: with what its anchors say, and its variables' defaults."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
Service = dict[str, Any]


@cache
def read(name: str = "compose.yaml") -> dict[str, Any]:
    """The whole file."""
    found: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(r"\2", (ROOT / name).read_text()))
    return found


SERVICES: dict[str, Service] = read()["services"]
DEVELOPED: dict[str, Service] = read("compose.develop.yaml")["services"]


def environment(service: Service) -> dict[str, str]:
    """The variables that its container gets, beside those of its image."""
    found: dict[str, str] = {}
    if path := service.get("env_file"):
        lines = (ROOT / path).read_text().splitlines()
        found = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    told: dict[str, str] = service.get("environment", {})
    return found | told


def is_one_shot(service: Service) -> bool:
    """It runs to its end."""
    return bool(service["restart"] == "no")


def mounts(service: Service) -> dict[str, tuple[str, bool]]:
    """By its place in the container: the volume or the file that is mounted, and whether it may be written."""
    parts = [mount.split(":") for mount in service.get("volumes", [])]
    return {place: (source, how != ["ro"]) for source, place, *how in parts}
