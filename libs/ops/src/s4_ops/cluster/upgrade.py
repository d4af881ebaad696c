"""Another version of Kubernetes, or other machines: the control plane first, then group after group, each looked at."""

from s4_ops.cluster import manifests, validate
from s4_ops.cluster.create import told
from s4_ops.cluster.groups import order
from s4_ops.cluster.kops import CONTROL_PLANE, differences
from s4_ops.cluster.spec import Spec, version
from s4_ops.cluster.steps import Step, command
from s4_ops.cluster.work import Work
from s4_runtime import Clock, Permanent

_LONGEST = "8h"


def changes(work: Work) -> list[str]:
    """What is not as the spec says. Raises Permanent: there is no cluster, or no way from its version to the spec's."""
    known = work.kops.known()
    if not known:
        raise Permanent("no-such-cluster", cluster=work.spec.name, use="s4 cluster create")
    _require_way(str(known[0]["spec"]["kubernetesVersion"]), work.spec)
    return differences(manifests.documents(work.spec), known)


def steps(work: Work, clock: Clock) -> list[Step]:
    """Machines that are as they should be stay: done again, it goes on where it was cut off."""
    kops, run = work.kops, work.programs
    planes, nodes = order(work.spec)
    return [
        Step("s4 cluster validate", "it is well before", lambda: _require_well(work, clock, "before")),
        told(work),
        command(run, kops.replace(), "the state bucket holds the spec"),
        command(
            run, kops.update("--instance-group-roles", CONTROL_PLANE), "new machines of the control plane will be new"
        ),
        *(step for group in planes for step in _rolled(work, clock, group)),
        command(run, kops.update(), "new nodes will be new"),
        *(step for group in nodes for step in _rolled(work, clock, group)),
        command(run, kops.update("--prune"), "what only old machines needed is gone"),
        Step("s4 cluster validate", "everything is well", lambda: validate.require_well(work, clock, "after all")),
    ]


def _rolled(work: Work, clock: Clock, group: str) -> list[Step]:
    spec, name = work.spec, f"after {group}"
    return [
        command(work.programs, work.kops.kubeconfig(_LONGEST), "kops may drain for as long as a large group takes"),
        command(
            work.programs,
            work.kops.roll(group),
            f"{group}: each machine is drained (disruption budgets hold), replaced, and waited for",
        ),
        Step(
            f"{' '.join(work.kops.validate('10m')[:3])} {spec.name} && s4 cluster validate",
            f"{group} is well, or nothing more is done",
            lambda: _require_group(work, clock, name),
        ),
    ]


def _require_group(work: Work, clock: Clock, when: str) -> None:
    """Both kops and we have looked, after a group was rolled."""
    validate.fetched_kubeconfig(work)
    work.programs.run(work.kops.validate("10m"))
    _require_well(work, clock, when)


def _require_well(work: Work, clock: Clock, when: str) -> None:
    """All is well but for versions: some machines still run the one before."""
    for check in validate.look_at(work, clock):
        wrong = [line for line in check.wrong if " runs v" not in line]
        if wrong:
            raise Permanent("cluster-is-ill", when=when, check=check.name, first=wrong[0])


def _require_way(has: str, spec: Spec) -> None:
    """Kubernetes goes up by one minor version at a time, and never back (Kubernetes, "Version Skew Policy")."""
    now, then = version(has), spec.version
    if then < now:
        raise Permanent("no-way-back", cluster=has, spec=spec.kubernetes)
    if then[0] != now[0] or then[1] - now[1] > 1:
        raise Permanent("one-minor-version-at-a-time", cluster=has, spec=spec.kubernetes)
