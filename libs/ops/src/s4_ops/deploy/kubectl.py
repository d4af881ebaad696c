"""The cluster, spoken to by the real kubectl, in one namespace."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from s4_runtime import Permanent, Temporary

Object = dict[str, Any]
MANAGER = "s4-deploy"  # who owns the fields that are applied
_PATIENCE = 120.0  # seconds, for one command
_AWAY = ("connection refused", "Unable to connect", "i/o timeout", "EOF", "TLS handshake", "no such host", "etcdserver")
_TAKEN = ("(AlreadyExists)", "(Conflict)")


class KubectlMissing(Permanent):
    """There is no kubectl on this machine."""


def program() -> str:
    """kubectl: the one that S4_KUBECTL names, else beside the interpreter, else on the path."""
    beside = Path(sys.executable).with_name("kubectl")
    found = os.environ.get("S4_KUBECTL") or (str(beside) if beside.exists() else shutil.which("kubectl"))
    if not found:
        raise KubectlMissing("no-kubectl", set="S4_KUBECTL")
    return found


class Kubectl:
    """Commands in a namespace. Raises Temporary when the cluster cannot be reached, Permanent when it refuses."""

    def __init__(self, namespace: str, context: str = "") -> None:
        self.namespace, self.context = namespace, context
        where = ["--context", context] if context else []
        self._command = [program(), *where, "--namespace", namespace]

    def get(self, kind: str, name: str) -> Object | None:
        """The object, or nothing."""
        found = self._run("get", kind, name, "--ignore-not-found", "--output", "json").stdout
        read: Object | None = json.loads(found) if found.strip() else None
        return read

    def select(self, kinds: str, selector: str) -> list[Object]:
        """The objects of these kinds that have these labels."""
        told = json.loads(self._run("get", kinds, "--selector", selector, "--output", "json").stdout)
        items: list[Object] = told["items"]
        return items

    def everywhere(self, kinds: str) -> list[Object]:
        """The objects of these kinds in all namespaces."""
        told = json.loads(self._run("get", kinds, "--all-namespaces", "--output", "json").stdout)
        items: list[Object] = told["items"]
        return items

    def apply(self, objects: Sequence[Object]) -> None:
        """The objects are in the cluster as they are here; fields of others in them stay."""
        if objects:
            self._run(*("apply", "--server-side", "--force-conflicts"), *_BY, given=stream(objects))

    def diff(self, objects: Sequence[Object]) -> str:
        """What applying them would change, as the server sees it; nothing is changed."""
        words = ("diff", "--server-side", "--force-conflicts", *_BY)
        done = self._run(*words, given=stream(objects), good=(0, 1))
        if done.returncode and not done.stdout.strip():
            raise _trouble(done.stderr)
        return done.stdout

    def create(self, made: Object) -> bool:
        """The object is there; False when another of this name was there before."""
        return self._write("create", made)

    def replace(self, changed: Object) -> bool:
        """The object is as given; False when somebody changed it since it was read."""
        return self._write("replace", changed)

    def delete(self, kind: str, name: str) -> None:
        """The object is not there any more."""
        self._run("delete", kind, name, "--ignore-not-found", "--wait=true", "--timeout=60s")

    def logs(self, job: str) -> str:
        """The last lines that the pods of a Job printed."""
        lines = []
        for pod in self.select("pods", f"batch.kubernetes.io/job-name={job}"):
            name = pod["metadata"]["name"]
            done = self._run("logs", name, "--tail=40", good=(0, 1))
            lines.append(f"--- {name}\n{done.stdout.rstrip() or done.stderr.rstrip()}")
        return "\n".join(lines)

    def raw(self, path: str) -> str:
        """The answer of the API server at this path."""
        return self._run("get", "--raw", path).stdout

    def server(self) -> str:
        """The address of the cluster that the context means."""
        told = json.loads(self._run("config", "view", "--minify", "--output", "json").stdout)
        return str(told["clusters"][0]["cluster"]["server"])

    def kustomize(self, folder: Path) -> str:
        """The objects that the folder stands for, as YAML."""
        return self._run("kustomize", str(folder)).stdout

    def _write(self, how: str, sent: Object) -> bool:
        done = self._run(how, "--filename", "-", given=json.dumps(sent), good=(0, 1))
        if done.returncode == 0:
            return True
        if any(words in done.stderr for words in _TAKEN):
            return False
        raise _trouble(done.stderr)

    def _run(
        self, *words: str, given: str | None = None, good: tuple[int, ...] = (0,)
    ) -> subprocess.CompletedProcess[str]:
        try:
            done = subprocess.run(
                [*self._command, *words], input=given, capture_output=True, text=True, timeout=_PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            raise Temporary("cluster-unreachable", namespace=self.namespace) from None
        if done.returncode not in good or (done.returncode and any(words in done.stderr for words in _AWAY)):
            raise _trouble(done.stderr)
        return done


_BY = (f"--field-manager={MANAGER}", "--filename", "-")


def stream(objects: Iterable[Object]) -> str:
    """The objects as kubectl reads them."""
    return "\n---\n".join(json.dumps(one) for one in objects)


def _trouble(said: str) -> Temporary | Permanent:
    lines = [line for line in said.strip().splitlines() if line.strip()] or ["nothing"]
    if any(words in said for words in _AWAY):
        return Temporary("cluster-unreachable", said=lines[-1][:200])
    return Permanent("cluster-refused", said=lines[-1][:300])
