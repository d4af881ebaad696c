"""A repository with manifests, a registry, keys and a cluster that releases are brought to."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from s4_ops.deploy.deploying import Deploying, Watch
from s4_ops.deploy.funnel import Prometheus
from s4_ops.deploy.kubectl import Kubectl
from s4_ops.deploy.lock import Lock
from s4_ops.deploy.records import Record
from s4_ops.deploy.rollout import Patience, Rollout
from s4_ops.deploy.site import NAMESPACES, Site
from s4_ops.images import release as releases
from s4_ops.images import signing
from s4_ops.images.keys import SigningKey
from s4_ops.registry.client import Registry
from s4_ops.registry.names import Place
from s4_runtime import SystemClock
from support.cluster import Cluster
from support.registries import push

_SERVICE = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, labels: {{app.kubernetes.io/name: {name}, app.kubernetes.io/part-of: s4}}}}
spec:
  selector: {{matchLabels: {{app.kubernetes.io/name: {name}}}}}
  template:
    metadata: {{labels: {{app.kubernetes.io/name: {name}}}}}
    spec:
      containers: [{{name: service, image: s4-{name}, envFrom: [{{configMapRef: {{name: {name}-of-{words}}}}}]}}]
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, labels: {{app.kubernetes.io/name: {name}, app.kubernetes.io/part-of: s4}}}}
spec: {{selector: {{app.kubernetes.io/name: {name}}}, ports: [{{name: http, port: 8080}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}-of-{words}, labels: {{app.kubernetes.io/part-of: s4}}}}
data: {{S4_WORDS: "{words}"}}
"""
_JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: migrate-billing-REVISION, annotations: {s4/phase: before}, labels: {app.kubernetes.io/part-of: s4}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: service, image: s4-billing, args: [migrate]}]
"""
_OVERLAY = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
resources: [../../base]
components: [release]
"""
_RELEASE = """
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configMapGenerator:
  - name: release
    literals: [revision=unreleased]
    options: {disableNameSuffixHash: true, labels: {app.kubernetes.io/part-of: s4}}
images: []
replacements:
  - source: {kind: ConfigMap, name: release, fieldPath: data.revision}
    targets:
      - select: {kind: Job}
        fieldPaths: [metadata.name]
        options: {delimiter: "-", index: 2}
"""


class Repository:
    """A clone with manifests as ours has them, only fewer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")

    def commit(self, words: str, *, branch: str = "main") -> str:
        """A revision whose services are told these words."""
        if branch != "main":
            self._git("switch", "--quiet", "--create", branch)
        base = self.folder / "k8s" / "base"
        base.mkdir(parents=True, exist_ok=True)
        for name in ("billing", "web"):
            (base / f"{name}.yaml").write_text(_SERVICE.format(name=name, words=words.replace(" ", "-")))
        (base / "job.yaml").write_text(_JOB)
        (base / "kustomization.yaml").write_text("resources: [web.yaml, billing.yaml, job.yaml]\n")
        for environment, namespace in NAMESPACES.items():
            overlay = self.folder / "k8s" / "overlays" / environment
            (overlay / "release").mkdir(parents=True, exist_ok=True)
            (overlay / "kustomization.yaml").write_text(_OVERLAY.format(namespace=namespace))
            (overlay / "release" / "kustomization.yaml").write_text(_RELEASE)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", words)
        revision = self._git("rev-parse", "HEAD").strip()
        if branch != "main":
            self._git("switch", "--quiet", "main")
        return revision

    def _git(self, *words: str) -> str:
        known = ("-c", "user.name=tests", "-c", "user.email=tests@s4.example", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(self.folder), *known, *words], capture_output=True, text=True, check=True
        )
        return done.stdout


class Counters:
    """Prometheus's HTTP API over counters that a test sets: what is counted in each span, now and before."""

    def __init__(self) -> None:
        self.after: dict[str, float] = {}
        self.before: dict[str, float] = {}
        self.is_down = False
        self.turned_at = datetime.now(UTC)
        owner = self

        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: found[0] for name, found in parse_qs(urlsplit(self.path).query).items()}
                body = json.dumps(owner.answer(query["query"], float(query["time"]))).encode()
                self.send_response(503 if owner.is_down else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, query: str, at: float) -> dict[str, Any]:
        counts = self.after if at > self.turned_at.timestamp() else self.before
        value = next((count for part, count in counts.items() if part in query), 1.0 if "up{" in query else 0.0)
        return {"status": "success", "data": {"resultType": "vector", "result": [{"value": [at, str(value)]}]}}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Installation:
    """Everything that a deployment needs, small."""

    cluster: Cluster
    place: Place
    repository: Repository
    key: SigningKey
    folder: Path
    counters: Counters

    def site(self, environment: str = "staging") -> Site:
        kubectl = Kubectl(NAMESPACES[environment])
        return Site(environment, kubectl, self.repository.folder, self.place, [self.key.public])

    def released(
        self, words: str, *, branch: str = "main", signed_by: SigningKey | None = None, sign_images: bool = True
    ) -> Path:
        """A release of a new revision, with images of its own."""
        revision, key = self.repository.commit(words, branch=branch), signed_by or self.key
        images = {name: push(self.place, f"s4-{name}", f"{name} {words}") for name in ("web", "billing")}
        for image in images.values() if sign_images else []:
            signing.sign(Registry(self.place.host), image, key)
        release = releases.Release(
            revision=revision,
            created_at=datetime.now(UTC),
            images={name: image.digest for name, image in images.items()},
        )
        path = self.folder / f"{words.replace(' ', '-')}.json"
        releases.write(release, path, key)
        return path

    def record(self, path: Path) -> Record:
        """What is recorded when this release is begun."""
        signature = releases.signature_path(path).read_text().strip()
        return Record(text=path.read_text(), signature=signature, state="deploying", started_at=datetime.now(UTC))

    def deploying(
        self,
        *,
        environment: str = "staging",
        watched: bool = False,
        lasts: float = 60,
        say: Callable[[str], None] = print,
    ) -> Deploying:
        """A deployment in this process that waits less than operators do."""
        site, clock = self.site(environment), SystemClock()
        lock = Lock(site.kubectl, "tests", clock, timedelta(seconds=lasts))
        short = Patience(timedelta(seconds=15), timedelta(seconds=4), timedelta(seconds=0.1), timedelta(seconds=0.3))
        prometheus = Prometheus.at(self.counters.url, site.kubectl.namespace) if watched else None
        watch = Watch(prometheus, timedelta(seconds=1), timedelta(seconds=0.3))
        return Deploying(site, Rollout(site.kubectl, lock, clock, short, say), watch, clock, say)

    def image(self, path: Path, name: str) -> str:
        """As it stands in the cluster."""
        return str(releases.decode(path.read_bytes()).image(self.place, name))

    def running(self, environment: str = "staging") -> dict[str, str]:
        """The image of each service in the cluster."""
        found = Kubectl(NAMESPACES[environment]).select("deployments", "app.kubernetes.io/part-of=s4")
        return {one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"] for one in found}

    def pretend(self, part: str, **does: Any) -> None:
        """Containers whose image and words have this part do so."""
        assert self.cluster.control("POST", "/images", {"part": part, **does})[0] == 201
