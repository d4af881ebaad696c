"""A cluster is made, or made what its spec says now: the same steps, however often and wherever they were cut off."""

import yaml

from s4_ops.cluster import buckets, manifests, ssh_key
from s4_ops.cluster.kops import differences
from s4_ops.cluster.place import write
from s4_ops.cluster.spec import FOLDER, version
from s4_ops.cluster.steps import Step, command
from s4_ops.cluster.work import Work
from s4_runtime import Permanent

_DASHBOARD = FOLDER / "dashboard"


def changes(work: Work) -> list[str]:
    """What is not as the spec says yet. Raises Permanent: no zone, another's bucket, or only an upgrade leads there."""
    spec = work.spec
    work.cloud.require_zone(spec.dns_zone)
    absent = [name for name in (spec.state_bucket, spec.identity_bucket) if buckets.missing(work.cloud, name)]
    known = [] if spec.state_bucket in absent else work.kops.known()
    require_same_version(work, known)
    return [*(f"+ bucket {name}" for name in absent), *differences(manifests.documents(spec), known)]


def steps(work: Work) -> list[Step]:
    """Everything from nothing to a cluster that is well."""
    spec, kops, run = work.spec, work.kops, work.programs
    state, identity = spec.state_bucket, spec.identity_bucket
    return [
        Step(
            f"S3: create, close, encrypt, keep versions of {state}",
            "kops' state has a bucket that nobody else can read",
            lambda: buckets.ensure_state(work.cloud, spec),
        ),
        Step(
            f"S3: create, keep versions of, let anybody read {identity}",
            "AWS can check who a service account is",
            lambda: buckets.ensure_identity(work.cloud, spec),
        ),
        told(work),
        command(run, kops.replace(), "the state bucket holds the spec"),
        command(run, kops.update(), "AWS has the machines, networks and roles of the spec"),
        command(run, kops.kubeconfig(), "this machine may speak to the cluster for an hour"),
        command(
            run, kops.validate(), "all nodes and system pods are well, three times in a row (takes some 10 minutes)"
        ),
        dashboard(work),
    ]


def told(work: Work) -> Step:
    """What kops will be told is in a file."""
    return Step(f"write {work.place.manifests}", "the spec as kops wants it told", lambda: _write(work))


def dashboard(work: Work) -> Step:
    """Headlamp is installed from the repository."""
    words = ("kubectl", "--kubeconfig", str(work.place.kubeconfig), "--context", work.spec.name)
    return command(work.programs, (*words, "apply", "--kustomize", str(_DASHBOARD)), "the dashboard is installed")


def _write(work: Work) -> None:
    documents = manifests.documents(work.spec)
    if work.spec.ssh == "generated":
        documents.append(ssh_key.manifest(work.spec, ssh_key.ensure(work.place)))
    write(work.place.manifests, yaml.safe_dump_all(documents, sort_keys=False, width=120))


def require_same_version(work: Work, known: list[dict[str, object]]) -> None:
    """Another version is brought by `upgrade`, node by node."""
    if not known:
        return
    has = str(known[0]["spec"]["kubernetesVersion"])  # type: ignore[index]  # kops' own JSON
    if version(has) != work.spec.version:
        raise Permanent("another-version", cluster=has, spec=work.spec.kubernetes, use="s4 cluster upgrade")
