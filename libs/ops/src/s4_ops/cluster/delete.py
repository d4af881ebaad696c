"""A cluster goes away, with all that kops made for it; never with something of S4's that nobody spoke of."""

from s4_ops.cluster import health
from s4_ops.cluster.look import Look, Object, Unreachable, name_of
from s4_ops.cluster.place import write
from s4_ops.cluster.steps import Step, command
from s4_ops.cluster.validate import fetched_kubeconfig, tags_of
from s4_ops.cluster.work import Work
from s4_runtime import Permanent

_FREE = {"Available", "Released", "Bound"}


def losses(work: Work) -> list[str]:
    """What would be lost: workloads of S4, volumes that hold something, and disks that outlive the cluster.

    A cluster that has machines and does not answer may have anything: that is a loss, too.
    """
    disks = [disk for disk in work.cloud.disks(tags_of(work)) if disk.claim]
    volumes = [f"disk {disk.id} ({disk.gib} GiB) of {disk.claim}" for disk in disks]
    try:
        look = Look(work.programs, work.spec, fetched_kubeconfig(work))
        return [*_of_cluster(look), *volumes]
    except (Unreachable, Permanent) as trouble:
        unknown = [f"whatever runs there: {trouble}"] if work.cloud.machines(tags_of(work)) else []
        return [*unknown, *volumes]


def require_nothing_lost(found: list[str], *, forced: bool) -> None:
    """Nothing is lost, or it was said that it may be. Raises Permanent."""
    if found and not forced:
        raise Permanent("would-be-lost", count=len(found), give="--force")


def steps(work: Work, found: list[str], *, forced: bool) -> list[Step]:
    """Kops deletes what it made, and then nothing of it is left; done again, it deletes the rest."""
    is_known = bool(work.kops.known())
    return [
        Step("look once more", "nothing came in meanwhile", lambda: _look_again(work, found, forced=forced)),
        *(
            [command(work.programs, work.kops.delete(), "kops deletes machines, networks, roles, state")]
            if is_known
            else []
        ),
        Step("AWS: resources by tag", "nothing of the cluster is left", lambda: _require_gone(work)),
        Step(f"empty {work.place.kubeconfig}", "no rights are left on this machine", lambda: _forget(work)),
    ]


def _look_again(work: Work, shown: list[str], *, forced: bool) -> None:
    more = [line for line in losses(work) if line not in shown]
    if more and not forced:
        raise Permanent("would-be-lost", first=more[0], give="--force")


def _require_gone(work: Work) -> None:
    """Instances and networks are gone; disks of volumes may be kept, and were named. Raises Permanent."""
    left = work.cloud.machines(tags_of(work))
    if left:
        raise Permanent("machines-left", count=len(left), first=left[0].id)


def _forget(work: Work) -> None:
    for path in (work.place.kubeconfig, work.place.ssh_key):
        if path.exists():
            write(path, "")
            path.unlink()


def _of_cluster(look: Look) -> list[str]:
    ours = {each["metadata"]["name"] for each in look.all("namespaces") if health.is_ours(each)}
    running = [pod for pod in look.all("pods") if pod["metadata"]["namespace"] in ours]
    counts = {space: sum(pod["metadata"]["namespace"] == space for pod in running) for space in sorted(ours)}
    spaces = [f"namespace {space}: {count} pods" for space, count in counts.items() if count]
    return [*spaces, *(_told(each) for each in look.all("persistentvolumes") if _holds(each))]


def _holds(volume: Object) -> bool:
    return volume.get("status", {}).get("phase") in _FREE


def _told(volume: Object) -> str:
    claim = volume["spec"].get("claimRef") or {}
    owner = "/".join(part for part in (claim.get("namespace"), claim.get("name")) if part) or "nobody"
    kept = "kept" if volume["spec"].get("persistentVolumeReclaimPolicy") == "Retain" else "deleted with it"
    return f"volume {name_of(volume)} of {owner} (its disk is {kept})"
