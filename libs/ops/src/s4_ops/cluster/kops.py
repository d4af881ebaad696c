"""How kops is told things, and what it knows (kops, command reference)."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from s4_ops.cluster.place import Place
from s4_ops.cluster.programs import Programs
from s4_ops.cluster.spec import Spec
from s4_runtime import Permanent

Words = tuple[str, ...]
CONTROL_PLANE = "control-plane,apiserver"
_UNKNOWN = ("not found", "no clusters found", "cluster not found")


class Kops:
    """kops for one cluster and its state bucket."""

    def __init__(self, programs: Programs, spec: Spec, place: Place) -> None:
        self._programs = programs
        self._spec = spec
        self._place = place

    def replace(self) -> Words:
        """The state bucket holds the manifests; what was not there before is made."""
        return ("kops", "replace", "--force", "--filename", str(self._place.manifests), *self._state())

    def update(self, *more: str, really: bool = True) -> Words:
        """AWS has what the state bucket says; without ``really`` it is only shown what would change."""
        named = ("kops", "update", "cluster", self._spec.name, *more, "--create-kube-config=false")
        return (*named, *(["--yes"] if really else []), *self._state())

    def roll(self, group: str) -> Words:
        """Machines of the group that are not as they should be are replaced one by one: drained, and then validated."""
        careful = ("--fail-on-drain-error", "--fail-on-validate-error", "--validation-timeout", "20m")
        named = ("kops", "rolling-update", "cluster", self._spec.name, "--instance-group", group)
        return (*named, *careful, "--yes", *self._state())

    def kubeconfig(self, lasting: str = "1h") -> Words:
        """A kubeconfig of its own with rights for an hour, or for longer work."""
        named = ("kops", "export", "kubeconfig", self._spec.name, f"--admin={lasting}")
        return (*named, "--kubeconfig", str(self._place.kubeconfig), *self._state())

    def validate(self, wait: str = "20m") -> Words:
        """The look of kops itself, until it is well three times in a row."""
        named = ("kops", "validate", "cluster", self._spec.name, "--wait", wait, "--count", "3")
        return (*named, "--kubeconfig", str(self._place.kubeconfig), *self._state())

    def delete(self) -> Words:
        """The cluster and all that kops made for it."""
        return ("kops", "delete", "cluster", self._spec.name, "--yes", *self._state())

    def known(self) -> list[dict[str, Any]]:
        """The Cluster and its groups as the state bucket has them; nothing when it has none of this name."""
        clusters = self._asked("get", "clusters", self._spec.name)
        return [*clusters, *self._asked("get", "instancegroups", "--name", self._spec.name)] if clusters else []

    def all_clusters(self) -> list[dict[str, Any]]:
        """Every Cluster in the state bucket."""
        return self._asked("get", "clusters")

    def shown_update(self) -> str:
        """What kops itself says that an update would change."""
        answer = self._programs.ask(self.update(really=False))
        if answer.status:
            raise Permanent("kops-failed", command="update", why=_last_line(answer.err))
        return answer.out

    def _asked(self, *words: str) -> list[dict[str, Any]]:
        answer = self._programs.ask(("kops", *words, "--output", "json", *self._state()))
        if answer.status and any(text in answer.err.lower() for text in _UNKNOWN):
            return []
        if answer.status:
            raise Permanent("kops-failed", command=" ".join(words[:2]), why=_last_line(answer.err))
        found = json.loads(answer.out) if answer.out.strip() else []
        return found if isinstance(found, list) else [found]

    def _state(self) -> Sequence[str]:
        return ("--state", self._spec.state)


def differences(wanted: list[dict[str, Any]], known: list[dict[str, Any]]) -> list[str]:
    """What would be told to kops that it does not know yet, one line each; what kops filled in by itself is its own."""
    found = {_named(each): each for each in known}
    lines: list[str] = []
    for each in wanted:
        if _named(each) not in found:
            lines.append(f"+ {_named(each)}")
        else:
            lines += [
                f"~ {_named(each)} {line}" for line in _changed("spec", each["spec"], found[_named(each)]["spec"])
            ]
    gone = sorted(found.keys() - {_named(each) for each in wanted})
    return [
        *lines,
        *(f"- {name} (kops deletes no group that it is not told to: kops delete instancegroup)" for name in gone),
    ]


def _changed(path: str, wanted: Any, known: Any) -> list[str]:
    if isinstance(wanted, dict) and isinstance(known, dict):
        return [line for key, value in wanted.items() for line in _changed(f"{path}.{key}", value, known.get(key))]
    return [] if wanted == known else [f"{path}: {_short(known)} -> {_short(wanted)}"]


def _short(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).strip().removesuffix("...").strip()
    return text if len(text) <= 80 else f"{text[:77]}..."


def _named(manifest: dict[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was said"])[-1]
