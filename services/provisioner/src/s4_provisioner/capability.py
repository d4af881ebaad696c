"""What a grid is to its host and to its owner: opened from what is sealed, at the moment that it is needed."""

from s4_aws.sessions import Session
from s4_provisioner import identity
from s4_provisioner.grids import Grid, present
from s4_provisioner.identity import Identity
from s4_provisioner.node_files import Shares, Whereabouts, customers_furl
from s4_provisioner.sealing import Seal
from s4_provisioner.settings import Settings
from s4_runtime import Secret


def identity_of(grid: Grid, seal: Seal) -> Identity:
    """Who the grid is. Raises SealBroken, Incomplete."""
    return identity.unpack(seal.open(present(grid.sealed_identity), grid.id))


def whereabouts(grid: Grid, *, hint: bool) -> Whereabouts:
    """Where clients will look for the grid: by its name and, with ``hint``, at its address or its host's."""
    address = grid.address or (grid.host.address if grid.host else None)
    return Whereabouts(present(grid.dns_name), grid.port, address if hint else None)


def shares_of(grid: Grid, settings: Settings, session: Session) -> Shares:
    """In which bucket the grid's shares are, how much of them it may hold, and by what right."""
    bucket, endpoint = present(grid.bucket), settings.aws_endpoint_url
    return Shares(bucket=bucket, region=grid.region, endpoint=endpoint, quota_bytes=grid.quota_bytes, session=session)


def furl_of(grid: Grid, seal: Seal, *, hint: bool) -> Secret:
    """The capability that the customer pays for. Raises SealBroken, Incomplete."""
    return Secret(customers_furl(identity_of(grid, seal), whereabouts(grid, hint=hint)))
