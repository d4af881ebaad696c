"""Hosts on EC2, reached by SSH."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address

import msgspec

from s4_aws.machines import LaunchRequest, Machines, Seen
from s4_aws.sessions import Session
from s4_aws.surroundings import Image, Rule
from s4_aws.trouble import NotThere
from s4_aws.watching import Status
from s4_contracts.ids import GridId, HostId
from s4_provisioner import names
from s4_provisioner.drivers import patching, signed_images
from s4_provisioner.drivers.contract import HostReport, Leftover, Machine, Plan, PlanOutdated
from s4_provisioner.drivers.user_data import HostKey, new_host_key, public_half, user_data
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.pools import Pool
from s4_provisioner.grids import present
from s4_provisioner.node_host import NodeHost
from s4_provisioner.ports import FORMER, PortRange
from s4_provisioner.settings import Settings
from s4_provisioner.ssh import Ssh, SshTarget
from s4_runtime import Clock, Secret

_COMMON_SECONDS = 300.0  # a new image is used for new machines within minutes, without a restart
# A machine that was asked for may be missing in EC2's lists for some seconds (EC2 API, "Eventual consistency").
_SETTLED = timedelta(seconds=30)
_RETIREMENTS = {"instance-retirement", "instance-stop"}  # EC2 User Guide, "Scheduled events for your instances"


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """All that a machine is asked for with, except its key."""

    image: str
    root_device: str
    instance_type: str
    disk_gib: int
    security_group: str
    zone: str | None
    user: str
    authorized_key: str
    restart_at: str | None = None


class Ec2Hosts:
    """Machines of one account and region."""

    def __init__(
        self,
        machines: Machines,
        *,
        ssh: Ssh,
        settings: Settings,
        ports: PortRange,
        clock: Clock,
    ) -> None:
        self._machines = machines
        self._ssh, self._nodes = ssh, NodeHost(ssh)
        self._settings, self._ports, self._clock = settings, ports, clock
        self._authorized_key = public_half(settings.ssh_key)
        self._window = patching.read(settings.reboot_window)
        self._lock = asyncio.Lock()
        self._keys = signed_images.keys(settings.machine_image_keys)
        self._images: dict[str, Image] = {}
        self._group: str | None = None
        self._known_until = 0.0

    async def plan(self, host: Host, pool: Pool) -> Plan:
        """All that the machine will be asked for with, looked up now and then. Raises NoSuchImage and others."""
        image, group = await self.common(host.release or pool.image)
        key = new_host_key()
        request = _Request(
            image=image.id,
            root_device=image.root_device,
            instance_type=pool.instance_type,
            disk_gib=pool.disk_gib,
            security_group=group,
            zone=host.zone,
            user=self._settings.host_user,
            authorized_key=self._authorized_key,
            restart_at=self._window.of(host.id) if self._window else None,
        )
        return Plan(
            request=msgspec.json.encode(request).decode(), private_key=Secret(key.private), public_key=key.public
        )

    async def common(self, image: str) -> tuple[Image, str]:
        """What many machines are started with: the image of this name, and the deployment's security group."""
        async with self._lock:
            now = self._clock.monotonic()
            if now > self._known_until:
                self._images, self._group, self._known_until = {}, None, now + _COMMON_SECONDS
            if image not in self._images:
                found = await self._machines.image(image)
                signed_images.require(found, self._keys)
                self._images[image] = found
            if self._group is None:
                self._group = await self._machines.security_group(
                    names.security_group(self._settings.deployment),
                    (
                        Rule(self._settings.ssh_port, self._settings.ssh_port, self._settings.ssh_from),
                        Rule(self._ports.first, self._ports.last),
                        Rule(FORMER.first, FORMER.last),
                    ),
                    {"s4:deployment": self._settings.deployment},
                )
            return self._images[image], self._group

    async def launch(self, host: Host, private_key: Secret | None) -> str:
        """The machine's id; it was started now or by an earlier attempt."""
        request = msgspec.json.decode(present(host.request), type=_Request)
        key = HostKey(present(private_key).reveal(), present(host.host_key))
        try:
            instance = await self._machines.launch(
                LaunchRequest(
                    token=host.id,
                    image=request.image,
                    root_device=request.root_device,
                    instance_type=request.instance_type,
                    disk_gib=request.disk_gib,
                    security_groups=(request.security_group,),
                    user_data=user_data(key, request.user, request.authorized_key, request.restart_at),
                    tags=names.host_tags(self._settings.deployment, host.id, host.pool),
                    zone=request.zone,
                )
            )
        except NotThere:
            self._known_until = 0.0
            raise PlanOutdated("launch-plan-outdated") from None
        return instance.id

    async def look(self, hosts: Sequence[Host], *, checks: bool = False) -> Mapping[HostId, Machine]:
        """What EC2 says of the hosts."""
        ids = {host.instance_id: host.id for host in hosts if host.instance_id}
        seen = await self._machines.look(ids)
        statuses = await self._machines.status(seen) if checks else {}
        return {ids[each]: _machine(each, found, statuses.get(each)) for each, found in seen.items()}

    async def terminate(self, host: Host) -> bool:
        """The host's machine is told to end; True when EC2 shows it terminated, or does not know it any more."""
        found = await self._machines.by_tag({"s4:host": host.id})
        if host.instance_id and host.instance_id not in found:  # somebody may have taken its tags off
            found |= await self._machines.look([host.instance_id])
        if living := [each for each, seen in found.items() if seen.state != "gone"]:
            await self._machines.terminate(living)
            found = await self._machines.look(living)
            return all(seen.state == "gone" for seen in found.values())
        return bool(found) or self._clock.now() - host.stage_since > _SETTLED

    async def greets(self, host: Host) -> bool:
        """Whether an SSH server greets at the host's address."""
        return host.address is not None and await self._ssh.is_answering(host.address)

    async def report(self, host: Host) -> HostReport:
        """What the host says of itself."""
        return await self._nodes.report(_target(host))

    async def apply(self, host: Host, grid: GridId, payload: bytes, patience: timedelta) -> IPv4Address | None:
        """The grid is served at the host's address."""
        await self._nodes.apply(_target(host), grid, payload)
        listens = await self._nodes.wait_until_listening(_target(host), grid, patience)
        return host.address if listens else None

    async def stop(self, host: Host, grid: GridId) -> None:
        """No node of the grid runs on the host."""
        await self._nodes.stop(_target(host), grid)

    async def remove(self, host: Host, grid: GridId) -> None:
        """Nothing of the grid is on the host."""
        await self._nodes.remove(_target(host), grid)

    async def lend(self, host: Host, sessions: Mapping[GridId, Session]) -> set[GridId]:
        """The grids' nodes use these sessions."""
        return await self._nodes.lend(_target(host), sessions)

    async def leftovers(self) -> Sequence[Leftover]:
        """Every machine of the deployment that is not terminated."""
        found = await self._machines.by_tag({"s4:deployment": self._settings.deployment}, ("alive", "ending"))
        return [
            Leftover(kind="instance", id=each, host_id=_host_id(seen), grid_id=None, created_at=seen.launched_at)
            for each, seen in found.items()
        ]


def _target(host: Host) -> SshTarget:
    return SshTarget(present(host.address), present(host.host_key))


def _host_id(seen: Seen) -> HostId | None:
    found = seen.tags.get("s4:host")
    return HostId(found) if found else None


def _machine(machine_id: str, seen: Seen, status: Status | None) -> Machine:
    return Machine(
        id=machine_id,
        state=seen.state,
        address=seen.address,
        zone=seen.zone or None,
        impaired=status.is_impaired if status else False,
        retires_at=_retirement(status) if status else None,
    )


def _retirement(status: Status) -> datetime | None:
    times = [event.not_before for event in status.events if event.code in _RETIREMENTS and event.not_before]
    return min(times, default=None)
