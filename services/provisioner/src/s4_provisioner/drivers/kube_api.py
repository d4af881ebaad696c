"""The API server of one cluster, in our words: its errors are translated here and nowhere else.

lightkube, because beside what the provisioner imports it takes 5 MiB and 0.3 s (kubernetes_asyncio: 73 MiB, 2.3 s).
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import msgspec
from lightkube import AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.core.resource import Resource
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import LimitRange, Namespace, Node, Pod, ResourceQuota, Secret, Service
from lightkube.resources.networking_v1 import NetworkPolicy
from lightkube.resources.rbac_authorization_v1 import RoleBinding
from lightkube.types import CascadeType, PatchType

from s4_provisioner.drivers.contract import HostFull
from s4_provisioner.drivers.manifests import MANAGER, Manifest
from s4_runtime import Permanent, Temporary

_LIMIT_SECONDS = 15.0  # of one request
_AT_ONCE = 20
_PAGE = 500
_BUSY_WAIT = timedelta(seconds=5)
_KINDS: Mapping[str, type[Resource]] = MappingProxyType(
    {
        kind.__name__: kind
        for kind in (
            LimitRange, Namespace, NetworkPolicy, Node, Pod, ResourceQuota, RoleBinding, Secret, Service, StatefulSet,
        )
    }
)  # fmt: skip


class ClusterUnavailable(Temporary):
    """The API server could not be reached, answered with an error of its own, or asks us to slow down."""


class ClusterFull(Temporary):
    """No node of the cluster has room for one more pod; somebody may make some."""


class NamespaceFull(HostFull):
    """The namespace's quota is used up: the grid belongs into another one."""


class ClusterRefused(Permanent):
    """The API server does not accept the request, or us. ``reason`` is its own name for why."""


def translated(error: ApiError) -> Temporary | Permanent:
    """What the error means to us. The server's own text goes no further: it quotes what it was sent."""
    code, reason, said = error.status.code or 0, error.status.reason or "unknown", error.status.message or ""
    wait = error.status.details.retryAfterSeconds if error.status.details else None
    if code == 403 and "exceeded quota" in said:
        return NamespaceFull("namespace-full")
    if code == 403 and "is being terminated" in said:
        return ClusterUnavailable("namespace-ends", retry_after=_BUSY_WAIT)
    if code in {409, 429} or code >= 500:
        return ClusterUnavailable(
            "cluster-busy", retry_after=timedelta(seconds=wait) if wait else _BUSY_WAIT, reason=reason
        )
    return ClusterRefused("cluster-refused", reason=reason)


@contextmanager
def _our_errors(*expected: int) -> Iterator[None]:
    """Errors of the request inside leave as ours; answers with an ``expected`` status end the block without a word."""
    try:
        yield
    except ApiError as error:
        if error.status.code not in expected:
            raise translated(error) from None
    except (httpx2.HTTPError, ConfigError, OSError, TimeoutError, msgspec.DecodeError):
        raise ClusterUnavailable("cluster-unreachable") from None


class KubeApi:
    """Requests to one API server; each is idempotent."""

    def __init__(self, kubeconfig: str) -> None:
        """Raises ClusterRefused without a way to the cluster."""
        try:
            found = KubeConfig.from_file(Path(kubeconfig)) if kubeconfig else KubeConfig.from_service_account()
            timeout = httpx2.Timeout(_LIMIT_SECONDS)
            # its overloads do not take a kind that is chosen by its name
            self._client: Any = AsyncClient(found, timeout=timeout, trust_env=False, field_manager=MANAGER)
        except (ConfigError, OSError):
            raise ClusterRefused("no-kubeconfig") from None
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def apply(self, wanted: Manifest) -> None:
        """The object is as we want it, whoever made it or changed it since; what others added to it stays."""
        meta = wanted["metadata"]
        await self._patch(wanted["kind"], meta["name"], meta.get("namespace", ""), wanted, PatchType.APPLY)

    async def change(self, kind: str, name: str, namespace: str, patch: Manifest) -> bool:
        """The object is changed by this merge patch; False when it is not there."""
        return await self._patch(kind, name, namespace, patch, PatchType.MERGE, 404)

    async def get(self, kind: str, name: str, namespace: str = "") -> Any:
        """The object; None when it is not there."""
        async with self._turns:
            with _our_errors(404):
                return await self._client.get(_KINDS[kind], name, **_place(namespace))
        return None

    async def list(self, kind: str, namespace: str, labels: Mapping[str, str]) -> list[Any]:
        """The objects with these labels, asked for in pages."""
        async with self._turns:
            with _our_errors():
                pages = self._client.list(_KINDS[kind], labels=dict(labels), chunk_size=_PAGE, **_place(namespace))
                return [each async for each in pages]
        return []

    async def delete(self, kind: str, name: str, namespace: str = "", *, by_force: bool = False) -> None:
        """The object is going; a stateful set after its pod. ``by_force``: nobody waits for its end any more."""
        how: dict[str, Any] = {"grace_period": 0} if by_force else {}
        how |= {"cascade": CascadeType.FOREGROUND} if kind == "StatefulSet" else {}
        async with self._turns:
            with _our_errors(404):
                await self._client.delete(_KINDS[kind], name, **how, **_place(namespace))

    async def close(self) -> None:
        """No connection is left open."""
        await self._client.close()

    async def _patch(
        self, kind: str, name: str, namespace: str, patch: Manifest, how: PatchType, *expected: int
    ) -> bool:
        force = {"force": True} if how is PatchType.APPLY else {}
        async with self._turns:
            with _our_errors(*expected):
                await self._client.patch(_KINDS[kind], name, patch, patch_type=how, **force, **_place(namespace))
                return True
        return False


def _place(namespace: str) -> dict[str, Any]:
    return {"namespace": namespace} if namespace else {}
