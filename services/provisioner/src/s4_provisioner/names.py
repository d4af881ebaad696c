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


def role(deployment: str) -> str:
    """The one role of all of a deployment's grids; each gets sessions of it for its own bucket."""
    return f"s4-{deployment}-grids"


def all_buckets(deployment: str) -> str:
    """A pattern that fits the buckets of all grids of the deployment."""
    return f"s4-{deployment}-*"


def security_group(deployment: str) -> str:
    """The one group that all of a deployment's grid hosts are in."""
    return f"s4-{deployment}-grids"


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


def tags(deployment: str, grid: GridId) -> dict[str, str]:
    """To whom a thing belongs, for the sweeper and for the bill: opaque ids only."""
    return {"s4:deployment": deployment, "s4:grid": grid}


def host_tags(deployment: str, host: HostId, pool: str) -> dict[str, str]:
    """The same of a host."""
    return {"s4:deployment": deployment, "s4:host": host, "s4:pool": pool}
