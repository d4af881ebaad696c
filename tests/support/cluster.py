"""A local cluster as a process of its own, and plain requests to its API server."""

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from support.waiting import until

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}
PATHS = {
    "Namespace": "api/v1/namespaces",
    "Node": "api/v1/nodes",
    "Pod": "api/v1/namespaces/{}/pods",
    "Secret": "api/v1/namespaces/{}/secrets",
    "Service": "api/v1/namespaces/{}/services",
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
    "Event": "api/v1/namespaces/{}/events",
    "LimitRange": "api/v1/namespaces/{}/limitranges",
    "ResourceQuota": "api/v1/namespaces/{}/resourcequotas",
    "StatefulSet": "apis/apps/v1/namespaces/{}/statefulsets",
    "NetworkPolicy": "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Role": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ValidatingAdmissionPolicy": "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
}
Answer = tuple[int, dict[str, Any]]


def light_nodes(folder: Path) -> Path:
    """A folder with an image whose `s4-node pod` listens and stores nothing."""
    programs = folder / "light" / "bin"
    programs.mkdir(parents=True)
    program = Path(__file__).with_name("light_node.py").read_text()
    (programs / "s4-node").write_text(f"#!{sys.executable} -IS\n{program}")
    (programs / "s4-node").chmod(0o755)
    (folder / "sshd.json").write_text(json.dumps({"kind": "sshd", "name": "s4-node-light", "layers": ["light"]}))
    return folder


class Cluster:
    """`python -m s4_devcloud kubernetes`; its answers are what any client gets."""

    def __init__(self, state: Path, image: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "s4_devcloud", "kubernetes", "--state", str(state), "--image", str(image)]
        self.process = subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the local cluster ended with {self.process.wait()}"
        self.ready: dict[str, Any] = json.loads(line)
        self.state = state
        self.kubeconfig = Path(self.ready["kubeconfig"])
        config = yaml.safe_load(self.kubeconfig.read_text())
        self.token: str = config["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cafile=config["clusters"][0]["cluster"]["certificate-authority"])

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json", token: str = "") -> Answer:
        """Status and answer of one request."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": kind, "User-Agent": "tests/1"}
        url = self.ready["listen"] + f"/{path}"
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  loopback
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._tls) as answer:  # noqa: S310  as above
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, _read(refused.read())

    def apply(self, wanted: dict[str, Any], *, manager: str = "tests", force: bool = False, token: str = "") -> Answer:
        """Server-side apply."""
        meta = wanted["metadata"]
        path = PATHS[wanted["kind"]].format(meta.get("namespace", ""))
        query = f"fieldManager={manager}&force={'true' if force else 'false'}"
        return self.ask("PATCH", f"{path}/{meta['name']}?{query}", wanted, APPLY, token)

    def get(self, kind: str, name: str, namespace: str = "") -> dict[str, Any] | None:
        """The object, or nothing."""
        status, found = self.ask("GET", f"{PATHS[kind].format(namespace)}/{name}")
        assert status in {200, 404}, found
        return found if status == 200 else None

    def list(self, kind: str, namespace: str = "", query: str = "") -> list[dict[str, Any]]:
        """The objects of a kind."""
        status, found = self.ask("GET", f"{PATHS[kind].format(namespace)}?{query}")
        assert status == 200, found
        items: list[dict[str, Any]] = found["items"]
        return items

    def delete(self, kind: str, name: str, namespace: str = "", options: Any = None) -> Answer:
        """Ask for its end."""
        return self.ask("DELETE", f"{PATHS[kind].format(namespace)}/{name}", options)

    def account(self, name: str, namespace: str) -> str:
        """The token of a service account, made if need be."""
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
        path = PATHS["ServiceAccount"].format(namespace)
        return str(self.ask("POST", f"{path}/{name}/token", {})[1]["status"]["token"])

    def kubeconfig_of(self, token: str, path: Path) -> Path:
        """A kubeconfig with another token than the administrator's."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        config["users"][0]["user"]["token"] = token
        path.write_text(yaml.safe_dump(config))
        return path

    async def ready_pod(self, name: str, namespace: str, *, within: float = 20) -> dict[str, Any]:
        """The pod, once it is ready."""

        def found() -> dict[str, Any] | None:
            pod = self.get("Pod", name, namespace)
            return pod if pod and condition(pod, "Ready") == "True" else None

        pod: dict[str, Any] = await until(found, within=within, what=f"{name} is ready")
        return pod

    def volume(self, pod: dict[str, Any], name: str) -> Path:
        """Where a volume of the pod is on this machine."""
        folder: Path = self.state / "pods" / pod["metadata"]["uid"] / "volumes" / name
        return folder

    def control(self, method: str, path: str, body: Any = None) -> Answer:
        """Status and answer of the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.ready["control"] + path, data, method=method)  # noqa: S310  loopback
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  as above
                return answer.status, _read(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, _read(refused.read())

    def fault(self, **described: Any) -> None:
        """Something goes wrong at the next requests of this kind."""
        status, answer = self.control("POST", "/faults", described)
        assert status == 201, answer

    def stop(self) -> int:
        """End it in order; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> int:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        code = self.process.wait(30)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@contextmanager
def local_cluster(state: Path, image: Path, *flags: str) -> Iterator[Cluster]:
    """A cluster whose every trace is gone afterwards."""
    state.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(state, image, *flags)
    try:
        yield cluster
    finally:
        assert cluster.stop() == 0


def condition(of: dict[str, Any] | None, kind: str) -> str | None:
    """What a condition says."""
    found = (of or {}).get("status", {}).get("conditions", [])
    return next((str(each["status"]) for each in found if each["type"] == kind), None)


def _read(sent: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(sent)
    except ValueError:
        return {"text": sent.decode()}
    return found
