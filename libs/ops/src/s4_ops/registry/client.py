"""The registry's HTTP API (OCI distribution specification): manifests, blobs, tags."""

import hashlib
import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from s4_ops.registry.credentials import basic_for
from s4_ops.registry.wire import Answer, Wire
from s4_runtime import Permanent, Secret, Temporary

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER = "application/vnd.docker.distribution.manifest"
_MANIFESTS = ", ".join([OCI_MANIFEST, OCI_INDEX, f"{_DOCKER}.v2+json", f"{_DOCKER}.list.v2+json"])
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_PAGE = 1000


def digest_of_bytes(content: bytes) -> str:
    """The name of this content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Registry:
    """One registry. Raises Temporary when it cannot be reached, Permanent when it refuses."""

    def __init__(self, host: str, basic: Secret | None = None) -> None:
        self.host = host
        self._wire = Wire(host)
        self._basic = basic or basic_for(host)
        self._authorization = self._basic and Secret(f"Basic {self._basic.reveal()}")

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest of what the tag or digest names; nothing when there is no such manifest."""
        answer = self._ask("HEAD", f"/v2/{repository}/manifests/{reference}", Accept=_MANIFESTS)
        return None if answer.status == 404 else str(answer.headers["docker-content-digest"])

    def manifest(self, repository: str, reference: str) -> bytes | None:
        """The manifest as it was pushed. Raises Permanent when it is not what its digest says."""
        answer = self._ask("GET", f"/v2/{repository}/manifests/{reference}", Accept=_MANIFESTS)
        if answer.status == 404:
            return None
        return _checked(answer.body, reference)

    def blob(self, repository: str, digest: str) -> bytes:
        """The content. Raises Permanent when it is not there, or not what its digest says."""
        answer = self._ask("GET", f"/v2/{repository}/blobs/{digest}")
        if answer.status in {302, 307} and (elsewhere := answer.headers.get("location")):
            answer = Wire.of(elsewhere).ask("GET", _target(elsewhere), {})
        if answer.status != 200:
            raise Permanent("no-such-blob", repository=repository, digest=digest)
        return _checked(answer.body, digest)

    def put_blob(self, repository: str, content: bytes) -> str:
        """The content is there; its digest."""
        digest = digest_of_bytes(content)
        if self.has_blob(repository, digest):
            return digest
        place = self._ask("POST", f"/v2/{repository}/blobs/uploads/").headers["location"]
        mark = "&" if "?" in place else "?"
        kind = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", f"{_target(place)}{mark}{urlencode({'digest': digest})}", content, **kind)
        return digest

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the content is there."""
        return self._ask("HEAD", f"/v2/{repository}/blobs/{digest}").status == 200

    def content(self, repository: str, reference: str) -> tuple[bytes, str]:
        """The manifest as it was pushed, and which kind of manifest it is. Raises Permanent."""
        answer = self._ask("GET", f"/v2/{repository}/manifests/{reference}", Accept=_MANIFESTS)
        if answer.status == 404:
            raise Permanent("no-such-image", image=f"{self.host}/{repository}", reference=reference)
        return _checked(answer.body, reference), answer.headers.get("content-type", OCI_MANIFEST)

    def put_content(self, repository: str, reference: str, content: bytes, kind: str) -> None:
        """The tag or digest names this manifest, byte for byte."""
        self._ask("PUT", f"/v2/{repository}/manifests/{reference}", content, **{"Content-Type": kind})

    def put_manifest(self, repository: str, reference: str, manifest: dict[str, Any]) -> str:
        """The tag names this manifest; its digest."""
        content = json.dumps(manifest, sort_keys=True).encode()
        self.put_content(repository, reference, content, OCI_MANIFEST)
        return digest_of_bytes(content)

    def delete(self, repository: str, digest: str) -> None:
        """The manifest is not there any more, nor any tag of it."""
        self._ask("DELETE", f"/v2/{repository}/manifests/{digest}")

    def tags(self, repository: str) -> list[str]:
        """All tags of a repository."""
        return self._listed(f"/v2/{repository}/tags/list", "tags")

    def repositories(self) -> list[str]:
        """All repositories."""
        return self._listed("/v2/_catalog", "repositories")

    def _listed(self, path: str, name: str) -> list[str]:
        found: list[str] = []
        place: str | None = f"{path}?n={_PAGE}"
        while place:
            answer = self._ask("GET", place)
            if answer.status == 404:
                break
            found += json.loads(answer.body).get(name) or []
            after = re.match(r"<([^>]+)>", answer.headers.get("link", ""))
            place = _target(after[1]) if after else None
        return sorted(found)

    def _ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._wire.ask(method, path, self._known(sent), body)
        challenge = answer.headers.get("www-authenticate", "")
        if answer.status == 401 and challenge.lower().startswith("bearer "):
            self._authorization = self._token(dict(_CHALLENGE.findall(challenge)))
            answer = self._wire.ask(method, path, self._known(sent), body)
        if answer.status >= 500 or answer.status == 429:
            raise Temporary("registry-failed", registry=self.host, status=answer.status)
        if answer.status in {401, 403}:
            raise Permanent("registry-refused", registry=self.host, status=answer.status)
        if answer.status >= 400 and answer.status != 404:
            raise Permanent("registry-refused", registry=self.host, status=answer.status, method=method)
        return answer

    def _known(self, headers: dict[str, str]) -> dict[str, str]:
        return {**headers, "Authorization": self._authorization.reveal()} if self._authorization else headers

    def _token(self, challenge: dict[str, str]) -> Secret:
        """What the registry's own token service gives for our name and password."""
        realm = challenge.get("realm", "")
        asked = urlencode([(name, challenge[name]) for name in ("service", "scope") if name in challenge])
        known = {"Authorization": f"Basic {self._basic.reveal()}"} if self._basic else {}
        answer = Wire.of(realm).ask("GET", f"{_target(realm)}?{asked}", known)
        if answer.status != 200:
            raise Permanent("registry-refused", registry=self.host, status=answer.status)
        told = json.loads(answer.body)
        return Secret(f"Bearer {told.get('token') or told['access_token']}")


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _checked(content: bytes, reference: str) -> bytes:
    if ":" in reference and digest_of_bytes(content) != reference:
        raise Permanent("content-is-not-its-digest", digest=reference)
    return content
