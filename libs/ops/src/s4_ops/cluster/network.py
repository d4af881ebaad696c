"""Which addresses each zone has: nodes in private networks, load balancers and NAT in small public ones."""

from ipaddress import IPv4Network
from typing import Any

from s4_ops.cluster.spec import Spec

# Of a /16: seven /19 for nodes, of which the eighth is cut into /22 for what must be public.
_PRIVATE_BITS, _UTILITY_BITS = 3, 6


def subnets(spec: Spec) -> list[dict[str, Any]]:
    """As kops wants them told: a private and a utility subnet in each zone. A zone's stay the same."""
    whole = IPv4Network(spec.network)
    *private, rest = whole.subnets(prefixlen_diff=_PRIVATE_BITS)
    utility = list(rest.subnets(prefixlen_diff=_UTILITY_BITS - _PRIVATE_BITS))
    places = {zone: ord(zone[-1]) - ord("a") for zone in spec.zones}
    return [
        *(_subnet(zone, zone, "Private", private[at]) for zone, at in places.items()),
        *(_subnet(f"utility-{zone}", zone, "Utility", utility[at]) for zone, at in places.items()),
    ]


def _subnet(name: str, zone: str, kind: str, network: IPv4Network) -> dict[str, Any]:
    return {"name": name, "zone": zone, "type": kind, "cidr": str(network)}
