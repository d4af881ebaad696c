"""Everything that makes a cluster fit for S4 is looked at; whichever way it was made."""

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from cryptography import x509

from s4_ops.cluster import health
from s4_ops.cluster.look import Look, kubeconfig_words
from s4_ops.cluster.work import Work
from s4_runtime import Clock, Permanent, Temporary, Trouble

_PATIENCE = 10.0  # seconds


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at, and all that is wrong with it."""

    name: str
    wrong: list[str]


def look_at(work: Work, clock: Clock, kubeconfig: Path | None = None) -> list[Check]:
    """All checks. One that cannot be made is a check that failed; without a kubeconfig none of the cluster's can."""
    try:
        look = Look(work.programs, work.spec, kubeconfig or fetched_kubeconfig(work))
    except Trouble as trouble:
        return [Check("access", [str(trouble)])]
    spec = work.spec
    checks: dict[str, Callable[[], list[str]]] = {
        "nodes": lambda: health.nodes(spec, look.all("nodes")),
        "system pods": lambda: health.system_pods(look.all("pods")),
        "storage class": lambda: health.storage_classes(look.all("storageclasses")),
        "encryption": lambda: _disks(work),
        "metadata service": lambda: _machines(work),
        "DNS": lambda: [*health.name_service(look.all("deployments")), *_record(work)],
        "certificates": lambda: [
            *health.certificates(look.all("certificates.cert-manager.io"), clock.now()),
            *_api_certificate(look, clock),
        ],
        "Pod Security": lambda: health.pod_security(look.all("namespaces"), look.refuses),
        "dashboard": lambda: health.dashboard(spec, look.all("deployments")),
    }
    return [_checked(name, check) for name, check in checks.items()]


def require_well(work: Work, clock: Clock, when: str) -> None:
    """All checks pass. Raises Permanent with the first that does not."""
    for check in look_at(work, clock):
        if check.wrong:
            raise Permanent("cluster-is-ill", when=when, check=check.name, first=check.wrong[0])


def fetched_kubeconfig(work: Work) -> Path:
    """A fresh kubeconfig, from kops or from AWS. Raises Permanent."""
    work.place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    words = work.kops.kubeconfig() if work.spec.way == "kops" else kubeconfig_words(work.spec, work.place)
    if work.programs.ask(words).status:
        raise Permanent("no-kubeconfig", command=" ".join(words[:3]))
    work.place.kubeconfig.chmod(0o600)
    return work.place.kubeconfig


def tags_of(work: Work) -> dict[str, str]:
    """What AWS's things of the cluster are tagged with: by kops, or by EKS."""
    name = work.spec.name
    return {"KubernetesCluster": name} if work.spec.way == "kops" else {"eks:cluster-name": name.partition(".")[0]}


def _checked(name: str, check: Callable[[], list[str]]) -> Check:
    try:
        return Check(name, check())
    except (Permanent, Temporary) as trouble:
        return Check(name, [str(trouble)])


def _disks(work: Work) -> list[str]:
    return [f"{disk.id} is not encrypted" for disk in work.cloud.disks(tags_of(work)) if not disk.is_encrypted]


def _machines(work: Work) -> list[str]:
    found = work.cloud.machines(tags_of(work))
    return [f"{machine.id}: pods reach the metadata service" for machine in found if not machine.is_guarded]


def _record(work: Work) -> list[str]:
    """AWS's own way has a name for the API server that is AWS's."""
    zone = work.cloud.require_zone(work.spec.dns_zone)
    name = f"api.{work.spec.name}"
    is_missing = work.spec.way == "kops" and not work.cloud.record_values(zone, name)
    return [f"{name} is not in the zone"] if is_missing else []


def _api_certificate(look: Look, clock: Clock) -> list[str]:
    server = look.server()
    if server is None:
        return ["the kubeconfig names no API server"]
    place = urlsplit(server)
    try:
        end = _end_of_certificate(place.hostname or "", place.port or 443)
    except (OSError, ValueError) as trouble:
        return [f"the API server's certificate cannot be read ({type(trouble).__name__})"]
    return [f"the API server's certificate ends {end.isoformat()}"] if end - clock.now() < health.SOON else []


def _end_of_certificate(host: str, port: int) -> datetime:
    """When it ends. Who signed it does not matter here: kubectl checks that."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=_PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        told = secured.getpeercert(binary_form=True) or b""
    return x509.load_der_x509_certificate(told).not_valid_after_utc.astimezone(UTC)
