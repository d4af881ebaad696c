"""Names of all that we make, derived from ids: a repeated step finds what the first one made."""

import base64
import re
import uuid

from s4_contracts.ids import GridId, HostId, SignupId
from s4_runtime import derived_id

# With a grid's id the longest name stays within a bucket's 63 characters (S3, "Bucket naming rules").
DEPLOYMENT = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]|[a-z]")


def grid_of_signup(signup: SignupId) -> GridId:
    """The one grid that a signup leads to, however often it is told."""
    return GridId(derived_id("grid", signup))


def bucket(deployment: str, grid: GridId) -> str:
    """The grid's bucket."""
    return f"s4-{deployment}-{grid}"


def role(deployment: str, grid: GridId) -> str:
    """The grid's role, and the instance profile that lends it to the host."""
    return f"s4-{deployment}-{grid}"


def security_group(deployment: str) -> str:
    """The one group that all of a deployment's grid hosts are in."""
    return f"s4-{deployment}-grids"


def client_token(host: HostId, generation: int) -> str:
    """The token that makes a repeated launch harmless; EC2 allows 64 ASCII characters."""
    return f"{host}-{generation}"


def dns_name(grid: GridId, domain: str) -> str:
    """The grid's own name, which stays when the grid moves. The label tells nothing but the id."""
    label = base64.b32encode(uuid.UUID(grid).bytes).decode().rstrip("=").lower()
    return f"g{label}.{domain}"


def nickname(grid: GridId) -> str:
    """What a client shows for the grid; distinct, because clients refuse one nickname for two grids."""
    return f"S4 {grid[:8]}"


def claim_ref(grid: GridId, generation: int) -> str:
    """Names one version of the grid's furl without giving it away."""
    return f"{grid}:{generation}"


def tags(deployment: str, grid: GridId, host: HostId | None = None) -> dict[str, str]:
    """Who a thing belongs to, for the sweeper: opaque ids only."""
    found = {"s4:deployment": deployment, "s4:grid": grid}
    return found | ({"s4:host": host} if host else {})
