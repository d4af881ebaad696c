"""Everything of the deployment that is on the platforms, compared with what is on record."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from s4_provisioner import names
from s4_provisioner.sweep import store
from s4_provisioner.sweep.finding import BUCKET, NAME, Finding, Thing, grid_of_name, may_hold_data, ownerless, thing_of
from s4_provisioner.tools import Tools
from s4_store import Pool

# Lists show for a while what is gone already (Resource Groups Tagging API; EC2 shows terminated ones for an hour).
_SETTLED = timedelta(hours=1)
# What is a host itself; its disks, say, have its tag, too.
_MACHINES = {"ec2:instance", "kubernetes:namespace"}


class Look:
    """One look at everything."""

    def __init__(self, pool: Pool, tools: Tools) -> None:
        self._pool, self._tools = pool, tools
        self._deployment, self._domain = tools.settings.deployment, tools.settings.grid_domain
        self._common = {names.role(self._deployment)}
        self._buckets: set[str] = set()
        self._machines: set[str] = set()
        self._found: list[Finding] = []

    async def all(self, began: datetime) -> list[Finding]:
        """What does not fit. Things are listed first, owners read afterwards: an owner is older than its thing."""
        async for page in self._things():
            await self._compare(page, began)
        await self._missing(began)
        await self._names(began)
        return self._found

    async def _things(self) -> AsyncIterator[list[Thing]]:
        for region, cloud in self._tools.clouds.items():
            async for page in cloud.tagged.pages("s4:deployment", self._deployment, f"s4-{self._deployment}-"):
                seen = [thing_of(each.kind, each.id, region, each.tags, self._deployment) for each in page]
                yield [thing for thing in seen if thing is not None]
        for (kind, region), driver in self._tools.drivers.items():
            yield [
                Thing(
                    kind="ec2:instance" if each.kind == "instance" else f"{kind}:{each.kind}",
                    id=each.id,
                    region=region,
                    grid_id=each.grid_id,
                    host_id=each.host_id,
                )
                for each in await driver.leftovers()
            ]

    async def _compare(self, page: Sequence[Thing], began: datetime) -> None:
        hosts, grids = await store.living(
            self._pool,
            [each.host_id for each in page if each.host_id],
            [each.grid_id for each in page if each.grid_id],
            began - _SETTLED,
        )
        for thing in page:
            if thing.kind == BUCKET:
                self._buckets.add(thing.id)
            if thing.host_id is not None and thing.kind in _MACHINES:
                self._machines.add(thing.host_id)
            if ownerless(thing, grids, hosts, self._common):
                self._found.append(await self._ownerless(thing))
            elif thing.kind == BUCKET and not thing.is_tagged:
                self._found.append(_changed(thing))

    async def _ownerless(self, thing: Thing) -> Finding:
        is_empty = thing.kind == BUCKET and await self._is_empty(thing)
        return Finding(
            what="ownerless",
            kind=thing.kind,
            thing=thing.id,
            region=thing.region,
            grid_id=thing.grid_id,
            host_id=thing.host_id,
            holds_data=may_hold_data(thing.kind, is_empty=is_empty),
        )

    async def _is_empty(self, thing: Thing) -> bool:
        return not await self._tools.cloud(thing.region).buckets.first_versions(thing.id)

    async def _missing(self, began: datetime) -> None:
        for row in await store.buckets(self._pool, began):
            name, region = row["bucket"], row["region"]
            if name not in self._buckets and not await self._tools.cloud(region).buckets.exists(name):
                found = Finding(what="missing", kind=BUCKET, thing=name, region=region, grid_id=row["id"])
                self._found.append(found)
        for row in await store.machines(self._pool, began):
            if row["id"] not in self._machines:
                self._found.append(await self._untagged(row["id"], row["instance_id"], row["driver"], row["region"]))

    async def _untagged(self, host_id: str, machine: str, driver: str, region: str) -> Finding:
        """A machine that no list shows: it lost its tags, or is not there."""
        is_there = driver == "ec2" and machine in await self._tools.cloud(region).machines.look([machine])
        kind = "ec2:instance" if driver == "ec2" else "kubernetes:namespace"
        what = "changed" if is_there else "missing"
        return Finding(what=what, kind=kind, thing=machine, region=region, host_id=host_id)  # type: ignore[arg-type]  # of a row

    async def _names(self, began: datetime) -> None:
        """Names below the grids' domain that mean nothing we know, and those that do not mean what they should."""
        seen = await self._tools.zone.below(self._domain)
        whose = {name: grid_of_name(name, self._domain) for name in seen}
        _, grids = await store.living(self._pool, [], [grid for grid in whose.values() if grid], began - _SETTLED)
        for name, grid_id in whose.items():
            if grid_id not in grids:
                self._found.append(_of_name("ownerless", name, grid_id))
        for row in await store.names(self._pool, began):
            found = seen.get(row["dns_name"])
            if found is None or not found.means(IPv4Address(row["address"])):
                self._found.append(_of_name("missing" if found is None else "changed", row["dns_name"], row["id"]))


def _changed(thing: Thing) -> Finding:
    return Finding(what="changed", kind=thing.kind, thing=thing.id, region=thing.region, grid_id=thing.grid_id)


def _of_name(what: str, name: str, grid_id: str | None) -> Finding:
    return Finding(what=what, kind=NAME, thing=name, region="", grid_id=grid_id)  # type: ignore[arg-type]  # of a row
