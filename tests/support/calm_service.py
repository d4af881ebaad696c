"""All loops of the service over a fleet at rest, whose machines and grids are all well."""

import ssl
from collections.abc import Coroutine
from datetime import timedelta
from random import Random

import msgspec

from s4_provisioner.converge import Converger
from s4_provisioner.fleet.capacity import Capacity
from s4_provisioner.fleet.converge import Hosts
from s4_provisioner.fleet.retire import Retire
from s4_provisioner.fleet.warm import Warm
from s4_provisioner.health.cheap import CheapLooks
from s4_provisioner.health.greeting import Greeting
from s4_provisioner.health.probing import Probing
from s4_provisioner.health.run import repeat_all
from s4_provisioner.health.usage import Measuring
from s4_provisioner.health.watch import Watch
from s4_provisioner.lending import Lending
from s4_provisioner.rollout.loop import Rollouts
from s4_provisioner.tools import Tools
from s4_store import Pool
from support.calm_hosts import CalmHosts
from support.grid_cloud import REGION
from support.scripted_steps import Script, scripted
from support.ward import MemoryRights

_SOON = timedelta(seconds=1)
_IDLE = timedelta(minutes=1)


def calm_tools(tools: Tools, hosts: CalmHosts, rights: MemoryRights) -> Tools:
    """The tools, with these hosts, and sessions that no cloud knows."""
    cloud = msgspec.structs.replace(tools.cloud(REGION), sessions=rights)
    return msgspec.structs.replace(tools, clouds={REGION: cloud}, drivers={("ec2", REGION): hosts.driver()})


def calm_loops(pool: Pool, tools: Tools, hosts: CalmHosts) -> list[Coroutine[None, None, None]]:
    """As s4_provisioner.loops; every storage server shows its certificate, every client gets its file back."""

    async def greet(_host: str, _port: int, _tub: str, _context: ssl.SSLContext) -> Greeting:
        hosts.calls["TLS greeting of a grid"] += 1
        return "there"

    rounds = {
        "host-looks": (Watch(pool, tools).round, _SOON),
        "grid-looks": (CheapLooks(pool, tools, greet).round, _SOON),
        "probes": (Probing(pool, tools, scripted(Script())).round, _SOON),
        "lending": (Lending(pool, tools).round, _SOON),
        "usage": (Measuring(pool, tools).round, _IDLE),
    }
    random = Random(1)
    return [
        Converger(pool, tools, random).forever(),
        Hosts(pool, tools, random).forever(),
        Warm(pool, tools, random).forever(),
        Retire(pool, tools).forever(),
        Capacity(pool, tools).forever(),
        repeat_all(rounds, tools.clock),
        Rollouts(pool, tools).forever(),
    ]
