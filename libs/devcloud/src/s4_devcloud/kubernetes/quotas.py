"""How much of what a namespace may have (Kubernetes documentation, "Resource Quotas")."""

from collections.abc import Iterator
from decimal import Decimal

from s4_devcloud.kubernetes import kinds
from s4_devcloud.kubernetes.kinds import Kind
from s4_devcloud.kubernetes.problems import forbidden
from s4_devcloud.kubernetes.quantities import amount
from s4_devcloud.kubernetes.store import Object, Store

_COMPUTED = tuple(f"{sort}.{resource}" for sort in ("requests", "limits") for resource in ("cpu", "memory"))


def require(store: Store, kind: Kind, written: Object) -> None:
    """Raise Refused (403) when a quota of the namespace leaves no room for the object."""
    namespace, what = written["metadata"]["namespace"], f'{kind.resource} "{written["metadata"]["name"]}"'
    wanted, used = dict(_usage(kind, written)), _used(store, kind, namespace)
    for quota in store.list(kinds.RESOURCE_QUOTA, namespace):
        name = quota["metadata"]["name"]
        hard = {resource: amount(most) for resource, most in quota["spec"].get("hard", {}).items()}
        missing = sorted((hard.keys() & set(_COMPUTED)) - wanted.keys()) if kind is kinds.POD else []
        if missing:
            raise forbidden(what, f"failed quota: {name}: must specify {','.join(missing)}")
        for resource in sorted(hard.keys() & wanted.keys()):
            before = used.get(resource, Decimal(0))
            if before + wanted[resource] > hard[resource]:
                figures = f"requested: {resource}={wanted[resource]}, used: {resource}={before}"
                raise forbidden(what, f"exceeded quota: {name}, {figures}, limited: {resource}={hard[resource]}")


def _used(store: Store, kind: Kind, namespace: str) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for one in store.list(kind, namespace):
        for name, value in _usage(kind, one):
            total[name] = total.get(name, Decimal(0)) + value
    return total


def _usage(kind: Kind, one: Object) -> Iterator[tuple[str, Decimal]]:
    """What the object takes of a quota."""
    yield f"count/{kind.resource}", Decimal(1)
    if kind in {kinds.POD, kinds.SECRET, kinds.SERVICE}:
        yield kind.plural, Decimal(1)
    if kind is kinds.SERVICE:
        yield "services.loadbalancers", Decimal(int(one["spec"]["type"] == "LoadBalancer"))
        yield "services.nodeports", Decimal(sum("nodePort" in port for port in one["spec"].get("ports", [])))
    if kind is kinds.POD:
        for name in _COMPUTED:
            sort, _, resource = name.partition(".")
            each = [
                container.get("resources", {}).get(sort, {}).get(resource) for container in one["spec"]["containers"]
            ]
            if all(value is not None for value in each):
                yield name, sum((amount(value) for value in each), Decimal(0))
