"""A stand-in for kubectl over a folder: ``objects.json`` has lists by resource, ``raw.json`` answers by path.

It refuses words that it does not know, and any cluster but the one of its kubeconfig.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

HOME = Path(os.environ["KUBECTL_STAND_IN"])


def _json(name: str) -> dict[str, Any]:
    path = HOME / name
    return json.loads(path.read_text()) if path.exists() else {}


def _refuse(text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return 1


def _get(words: list[str]) -> int:
    if words[0] == "--raw":
        found = _json("raw.json").get(words[1])
        return _refuse("Error from server (ServiceUnavailable)") if found is None else _print(found)
    resource, *flags = words
    if set(flags) - {"--all-namespaces", "--output", "json"} or flags[-2:] != ["--output", "json"]:
        return _refuse(f"unknown flags {flags}")
    objects = _json("objects.json")
    if resource not in objects:
        return _refuse(f'error: the server doesn\'t have a resource type "{resource}"')
    return _print(json.dumps({"items": objects[resource]}))


def _print(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _create(words: list[str]) -> int:
    """As the API server's admission does it: a privileged pod is refused where Pod Security says restricted."""
    told = json.loads(sys.stdin.read())
    assert words == ["--dry-run=server", "--filename", "-"]
    name = told["metadata"]["namespace"]
    namespace = next(each for each in _json("objects.json")["namespaces"] if each["metadata"]["name"] == name)
    level = namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
    if level == "restricted":
        return _refuse(f'Error from server (Forbidden): violates PodSecurity "{level}:latest": privileged')
    return _print("pod/s4-check created (server dry run)")


def _misled(words: list[str]) -> str | None:
    """Why it cannot speak to the cluster that it is told to speak to."""
    if words[:1] != ["--kubeconfig"] or words[2:3] != ["--context"]:
        return "the stand-in wants --kubeconfig and --context"
    path = Path(words[1])
    if not path.exists() or json.loads(path.read_text())["current-context"] != words[3]:
        return f'error: context "{words[3]}" does not exist'
    return "Unable to connect to the server: dial tcp: i/o timeout" if (HOME / "unreachable").exists() else None


def main(words: list[str]) -> int:
    if misled := _misled(words):
        return _refuse(misled)
    verb, *rest = words[4:]
    with (HOME / "events").open("a") as events:
        events.write(" ".join([verb, *rest]) + "\n")
    match verb:
        case "get":
            return _get(rest)
        case "create":
            return _create(rest)
        case "apply" if rest[0] == "--kustomize" and Path(rest[1], "kustomization.yaml").exists():
            return 0
    return _refuse(f"unknown command {verb} {rest}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
