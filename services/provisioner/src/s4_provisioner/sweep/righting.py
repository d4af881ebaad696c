"""Puts right what was changed by hand, and removes what may go. Each may be ended on any line and be done again."""

from datetime import datetime
from ipaddress import IPv4Address

from s4_contracts.ids import GridId, HostId
from s4_provisioner import names, store
from s4_provisioner.fleet import store as hosts
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.fleet.lifecycle import HostStage, HostWanted
from s4_provisioner.grids import present
from s4_provisioner.lifecycle import Stage
from s4_provisioner.sweep.finding import BUCKET, NAME, Finding
from s4_provisioner.tools import Tools
from s4_runtime import Permanent

_PAGES = 100  # of what is in a bucket, in one go; the rest is done by the next sweep


class ByHand(Permanent):
    """Nothing of this kind is removed or put right by us: a person does."""


async def put_right(finding: Finding, tools: Tools) -> bool:
    """Whether it is as it should be now. Raises ByHand."""
    match finding.kind, finding.what:
        case (kind, "changed") if kind == BUCKET and finding.grid_id:
            grid_tags = names.tags(tools.settings.deployment, finding.grid_id)
            await tools.cloud(finding.region).buckets.ensure(finding.thing, grid_tags)
        case ("ec2:instance", "changed") if finding.host_id:
            host = present(await hosts.host(tools.pool, HostId(finding.host_id)))
            host_tags = names.host_tags(tools.settings.deployment, host.id, host.pool)
            await tools.cloud(finding.region).machines.tag([finding.thing], host_tags)
        case (kind, _) if kind == NAME and finding.grid_id:
            return await _point(finding.thing, GridId(finding.grid_id), tools)
        case _:
            raise ByHand("by-hand")
    return True


async def _point(name: str, grid_id: GridId, tools: Tools) -> bool:
    grid = await store.grid(tools.pool, grid_id)
    if grid is None or grid.stage is not Stage.READY or grid.address is None or grid.dns_name != name:
        return False
    await tools.zone.point(name, IPv4Address(grid.address))
    return True


async def remove(finding: Finding, tools: Tools, now: datetime) -> bool:
    """Whether nothing of it is left. Raises ByHand for kinds that are removed by a person alone."""
    cloud = tools.cloud(finding.region)
    match finding.kind:
        case "dns:name":
            await tools.zone.take_out(finding.thing)
            return True
        case "s3:bucket":
            return await _empty_and_delete(finding, tools)
        case "iam:role" | "iam:instance-profile":
            await cloud.roles.remove(finding.thing)
            return True
        case kind if finding.host_id is not None:
            ghost = _ghost(HostId(finding.host_id), kind, finding.region, now)
            return await tools.driver(ghost).terminate(ghost)
        case _:
            raise ByHand("by-hand")


async def _empty_and_delete(finding: Finding, tools: Tools) -> bool:
    buckets = tools.cloud(finding.region).buckets
    for _ in range(_PAGES):
        stored = await buckets.first_versions(finding.thing)
        if not stored:
            await buckets.abort_uploads(finding.thing)
            await buckets.delete(finding.thing)
            return True
        if not finding.holds_data:
            raise ByHand("bucket-not-empty")  # it was empty when it was found: something writes into it
        await buckets.delete_versions(finding.thing, stored)
    return False


def _ghost(host_id: HostId, kind: str, region: str, now: datetime) -> Host:
    """A host that is on no record, for its driver to end."""
    driver = kind.partition(":")[0]
    return Host(
        id=host_id, driver=driver, pool="", region=region, zone=None, release=None, wanted=HostWanted.ABSENT,
        reason="ownerless", stage=HostStage.RELEASE, stage_since=now, attempts=0, request=None, sealed_host_key=None,
        host_key=None, instance_id=None, address=None, ready_at=None, failed_code=None, created_at=now,
    )  # fmt: skip
