"""Overlays rendered by the kubectl that operators have, as plain objects."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
K8S = ROOT / "k8s"
KUBECTL = ROOT / ".venv" / "bin" / "kubectl"
_WITH_PODS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
Object = dict[str, Any]


@dataclass(frozen=True)
class Manifests:
    """All objects of one environment."""

    objects: tuple[Object, ...]

    def of(self, *kinds: str) -> list[Object]:
        """Those of these kinds."""
        return [one for one in self.objects if one["kind"] in kinds]

    def named(self, kind: str, name: str) -> Object:
        """The only one."""
        (found,) = (one for one in self.of(kind) if one["metadata"]["name"] == name)
        return found

    def pods(self) -> Iterator[tuple[str, Object]]:
        """Every pod that these objects make: whose it is, and its template."""
        for one in self.of(*_WITH_PODS):
            yield title(one), one["spec"]["template"]
        for one in self.of("CronJob"):
            yield title(one), one["spec"]["jobTemplate"]["spec"]["template"]

    def containers(self) -> Iterator[tuple[str, Object]]:
        """Every container, also those that run before."""
        for owner, template in self.pods():
            spec = template["spec"]
            for each in (*spec.get("initContainers", ()), *spec["containers"]):
                yield f"{owner}, container {each['name']}", each


def title(one: Object) -> str:
    """As people say it: the kind and the name."""
    return f"{one['kind']} {one['metadata']['name']}"


@cache
def render(folder: str) -> Manifests:
    """The objects of a folder below k8s/. They are shared: who changes one takes a copy."""
    done = subprocess.run([KUBECTL, "kustomize", K8S / folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{folder}: {done.stderr}"
    return Manifests(load(done.stdout))


def load(text: str) -> tuple[Object, ...]:
    """What kubectl printed, as objects."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return tuple(one for one in yaml.load_all(text, Loader=loader) if one)


@cache
def in_environment(name: str) -> Manifests:
    """What is applied once and what every release applies, together."""
    folders = [f"overlays/{name}", f"overlays/{name}/platform"]
    present = [folder for folder in folders if (K8S / folder / "kustomization.yaml").exists()]
    return Manifests(tuple(one for folder in present for one in render(folder).objects))
