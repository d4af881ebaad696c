"""How the Kubernetes cluster of a region is reached and used: read from the settings, checked whole."""

from typing import Literal

import msgspec

from s4_runtime import SettingsError


class Resources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a grid's pod is given. Memory by measurement (docs/benchmarks.md, "Density"), with room for its uploads.

    ``spool_mib``: what may wait on the node's disk to be stored in the bucket.
    """

    cpu: str = "20m"
    cpu_limit: str = "1"
    memory: str = "112Mi"
    memory_limit: str = "512Mi"
    spool_mib: int = 1024


class Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One cluster.

    ``kubeconfig``: a file; empty for the cluster that we run in ourselves. ``role``: the ClusterRole that our service
    account (``account``, NAMESPACE/NAME) is bound to in each namespace that we make; empty where it needs none.
    ``annotations`` and ``load_balancer_class`` are for each grid's Service; {introducer} and
    {storage} in the name of an annotation become the grid's ports. ``s3``: where the grids' pods may go by
    HTTPS; empty for everywhere but private and link-local addresses. ``dns``: name servers outside of the cluster's own
    pods, such as a cache on each node.
    """

    kubeconfig: str = ""
    role: str = ""
    account: str = ""
    service: Literal["LoadBalancer", "NodePort"] = "LoadBalancer"
    annotations: dict[str, str] = {}
    load_balancer_class: str = ""
    s3: list[str] = []
    dns: list[str] = []
    node_selector: dict[str, str] = {}
    resources: Resources = Resources()


def read(text: str) -> dict[str, Cluster]:
    """The clusters of the setting's JSON, by region. Raises SettingsError."""
    if not text:
        return {}
    try:
        clusters = msgspec.json.decode(text, type=dict[str, Cluster])
    except msgspec.DecodeError as error:
        raise SettingsError([f"S4_CLUSTERS: {error}"]) from None
    wrong = [region for region, each in clusters.items() if bool(each.role) != bool(each.account.partition("/")[2])]
    if wrong:
        raise SettingsError(
            [f"S4_CLUSTERS: {region}: role and account (NAMESPACE/NAME) belong together" for region in wrong]
        )
    return clusters
