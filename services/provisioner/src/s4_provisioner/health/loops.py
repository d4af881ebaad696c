"""What runs by itself for the health of hosts and grids."""

from collections.abc import Coroutine
from datetime import timedelta

from s4_provisioner.health.cheap import CheapLooks
from s4_provisioner.health.probing import Probing
from s4_provisioner.health.run import repeat_all
from s4_provisioner.health.usage import Measuring
from s4_provisioner.health.watch import Watch
from s4_provisioner.lending import Lending
from s4_provisioner.tools import Tools
from s4_store import Pool

_SOON = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)


def health(pool: Pool, tools: Tools) -> Coroutine[None, None, None]:
    """All loops of this package, with the pause of each when nothing is due."""
    rounds = {
        "host-looks": (Watch(pool, tools).round, _SOON),
        "grid-looks": (CheapLooks(pool, tools).round, _SOON),
        "probes": (Probing(pool, tools).round, _SOON),
        "lending": (Lending(pool, tools).round, _SOON),
        "usage": (Measuring(pool, tools).round, _MINUTE),
    }
    return repeat_all(rounds, tools.clock)
