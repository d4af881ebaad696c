"""Everything that the provisioner does by itself, beside what it hears and is asked."""

from collections.abc import Coroutine
from random import Random

from s4_provisioner.converge import Converger
from s4_provisioner.fleet.capacity import Capacity
from s4_provisioner.fleet.converge import Hosts
from s4_provisioner.fleet.retire import Retire
from s4_provisioner.fleet.warm import Warm
from s4_provisioner.health.loops import health
from s4_provisioner.rollout.loop import Rollouts
from s4_provisioner.sweep.loop import Sweep
from s4_provisioner.tools import Tools
from s4_store import Pool


def loops(pool: Pool, tools: Tools, random: Random) -> list[Coroutine[None, None, None]]:
    """Each runs for ever; any number of replicas may run all of them."""
    return [
        Converger(pool, tools, random).forever(),
        Hosts(pool, tools, random).forever(),
        Warm(pool, tools, random).forever(),
        Retire(pool, tools).forever(),
        Capacity(pool, tools).forever(),
        health(pool, tools),
        Rollouts(pool, tools).forever(),
        Sweep(pool, tools).forever(),
    ]
