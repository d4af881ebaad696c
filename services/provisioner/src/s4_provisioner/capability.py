"""The furl that a grid's owner gets: opened from what is sealed, at the moment that it is needed."""

from s4_provisioner import identity
from s4_provisioner.grids import Grid, host_of, present
from s4_provisioner.identity import Identity
from s4_provisioner.node_files import Whereabouts, customers_furl
from s4_provisioner.sealing import Seal
from s4_runtime import Secret


def identity_of(grid: Grid, seal: Seal) -> Identity:
    """Who the grid is. Raises SealBroken, Incomplete."""
    return identity.unpack(seal.open(present(grid.sealed_identity), grid.id))


def whereabouts(grid: Grid, *, hint: bool) -> Whereabouts:
    """Where clients will look for the grid: by its name and, with ``hint``, at its host's address."""
    return Whereabouts(present(grid.dns_name), present(host_of(grid).address) if hint else None)


def furl_of(grid: Grid, seal: Seal, *, hint: bool) -> Secret:
    """The capability that the customer pays for. Raises SealBroken, Incomplete."""
    return Secret(customers_furl(identity_of(grid, seal), whereabouts(grid, hint=hint)))
