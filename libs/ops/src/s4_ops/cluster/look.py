"""What a cluster says of itself, by kubectl: through a kubeconfig of its own and a context of the cluster's name."""

import json
from pathlib import Path
from typing import Any

import yaml

from s4_ops.cluster.place import Place
from s4_ops.cluster.programs import Programs
from s4_ops.cluster.spec import Spec
from s4_runtime import Temporary

Object = dict[str, Any]
_ABSENT = ("doesn't have a resource type", "could not find the requested resource")
_REFUSED = "Forbidden"


class Unreachable(Temporary):
    """The API server does not answer, or not to us."""


class Look:
    """Questions to one cluster. Each raises Unreachable."""

    def __init__(self, programs: Programs, spec: Spec, kubeconfig: Path) -> None:
        self._programs = programs
        self._words = ("kubectl", "--kubeconfig", str(kubeconfig), "--context", spec.name)
        self._kubeconfig = kubeconfig

    def all(self, resource: str) -> list[Object]:
        """All objects of a resource, everywhere; none when the cluster does not know the resource."""
        answer = self._programs.ask((*self._words, "get", resource, "--all-namespaces", "--output", "json"))
        if answer.status and any(text in answer.err for text in _ABSENT):
            return []
        if answer.status:
            raise Unreachable("cluster-unreachable", asked=resource)
        items: list[Object] = json.loads(answer.out)["items"]
        return items

    def refuses(self, manifest: Object) -> bool:
        """Whether the API server would refuse to make this; nothing is made."""
        words = (*self._words, "create", "--dry-run=server", "--filename", "-")
        answer = self._programs.ask(words, json.dumps(manifest))
        if answer.status and _REFUSED not in answer.err:
            raise Unreachable("cluster-unreachable", asked="create")
        return bool(answer.status)

    def server(self) -> str | None:
        """Where the API server is, as the kubeconfig says."""
        found = yaml.safe_load(self._kubeconfig.read_text(encoding="utf-8")) or {}
        clusters = found.get("clusters") or [{}]
        server = clusters[0].get("cluster", {}).get("server")
        return str(server) if server else None


def kubeconfig_words(spec: Spec, place: Place) -> tuple[str, ...]:
    """The command by which AWS's own way gives a kubeconfig (aws, "eks update-kubeconfig")."""
    named = ("aws", "eks", "update-kubeconfig", "--name", spec.name.partition(".")[0], "--alias", spec.name)
    return (*named, "--region", spec.region, "--kubeconfig", str(place.kubeconfig))


def name_of(found: Object) -> str:
    """namespace/name."""
    metadata = found["metadata"]
    return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
