"""What goes wrong at the emulated cloud: calls and machines, by chance."""

import asyncio
from random import Random

from support.grid_cloud import Cloud
from support.provisioner import Desk

_ACTIONS = (
    *("ec2:RunInstances", "ec2:DescribeInstances", "ec2:TerminateInstances", "ec2:*", "s3:*", "s3:CreateBucket"),
    *("sts:AssumeRole", "route53:ChangeResourceRecordSets", "route53:*", "*"),
)


class Trouble:
    """Faults of one history; `mend` ends them all."""

    def __init__(self, desk: Desk, cloud: Cloud, random: Random) -> None:
        self._desk, self._cloud, self._random = desk, cloud, random

    async def happens(self) -> str:
        """One thing goes wrong; its name."""
        random = self._random
        kind = random.choice(["throttle", "error", "cut", "cut", "capacity", "failed-boot", "slow-boot", "machine"])
        if kind == "machine":
            return await self._machine()
        action, times = random.choice(_ACTIONS), random.randrange(1, 4)
        options: dict[str, dict[str, object]] = {
            "throttle": {"action": action, "times": times},
            "error": {"action": action, "times": times, "code": "InternalError", "status": 500},
            "cut": {"action": action, "times": times},
            "capacity": {"times": times},
            "failed-boot": {},
            "slow-boot": {"seconds": 0.5},
        }
        more = options[kind]
        await self._fault(kind=kind, **more)
        return f"{kind} {more}"

    async def _machine(self) -> str:
        living = await self._living()
        if not living:
            return "no machine"
        instance_id = self._random.choice(living)
        found: dict[str, object] = self._random.choice(
            [
                {"kind": "lost", "shows": "terminated"},
                {"kind": "lost", "shows": "impaired"},
                {"kind": "unreachable", "shows": "ok"},
                {"kind": "impaired"},
                {"kind": "event", "seconds": 3600},
                {"kind": "behave", "silent_grids": True},
                {"kind": "behave", "clock_skew_seconds": 7200},
            ]
        )
        await self._fault(**found, instance_id=instance_id)
        return f"{found}"

    async def mend(self) -> None:
        """Nothing goes wrong any more, and who can be reached is."""
        await asyncio.to_thread(self._cloud.mend)
        for instance_id in await self._living():
            await self._fault(kind="reachable", instance_id=instance_id)
            await self._fault(kind="behave", instance_id=instance_id)

    async def _living(self) -> list[str]:
        found = await asyncio.to_thread(self._cloud.instances, self._desk.settings.deployment, "running")
        return sorted(each["InstanceId"] for each in found)

    async def _fault(self, **fault: object) -> None:
        """Refused when the machine was gone before it could be harmed."""
        try:
            await asyncio.to_thread(self._cloud.control, "POST", "/faults", fault)
        except OSError:
            return
