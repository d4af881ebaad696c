"""What follows a restore: each step with the question whether it is done, and what to do if it is not."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from s4_ops.backup import targets
from s4_ops.backup.inventory import Inventory
from s4_ops.backup.servers import Server
from s4_runtime import Permanent

_TOLD = "select not exists (select from outbox where sent_at is null) and $1::timestamptz is not null"
_RECONCILED = (
    "select exists (select from reconcile_run where scope = '{scope}' and finished_at is not null and started_at > $1)"
)


class Step(msgspec.Struct, frozen=True):
    """``sql`` answers whether it is done; $1 is when the restore was."""

    database: str
    what: str
    sql: str
    todo: str


class Standing(msgspec.Struct, frozen=True):
    """A step, and whether it is done."""

    what: str
    done: bool
    todo: str


def steps(inventory: Inventory) -> Sequence[Step]:
    """All of them, in the order in which they matter."""
    told = [
        Step(name, f"{name}: events of the last seven days are sent again", _TOLD, f"start {name} and the broker; wait")
        for name in inventory.databases
    ]
    return [
        *told,
        Step(
            "billing",
            "billing: what happened at Stripe meanwhile is fetched",
            _RECONCILED.format(scope="events"),
            "wait for minutes; if the backup is older than 30 days, Stripe has forgotten: s4 billing drift --apply",
        ),
        Step(
            "billing",
            "billing: every subscription was compared with Stripe",
            _RECONCILED.format(scope="nightly"),
            "s4 billing drift, then s4 billing drift --apply --lost: who paid after the backup comes back, with"
            " another grid",
        ),
        Step(
            "provisioner",
            "provisioner: nothing keeps lost machines from being replaced",
            "select not exists (select from breakers where state <> 'closed') and $1::timestamptz is not null",
            "s4 breaker show; once the region is seen to be well: s4 breaker close REGION",
        ),
        Step(
            "provisioner",
            "provisioner: every grid that is wanted is served",
            "select not exists (select from grids where wanted = 'ready' and not held and not paused"
            " and stage <> 'ready') and $1::timestamptz is not null",
            "s4 grids list --trouble",
        ),
        Step(
            "provisioner",
            "provisioner: everything at AWS was compared with what is on record",
            "select exists (select from sweeps where last_at > $1)",
            "s4 sweep run, then s4 sweep show: buckets without an owner are of grids that were made after the backup;"
            " approve nothing that holds data before support has looked",
        ),
    ]


async def standing(server: Server, inventory: Inventory) -> tuple[str, list[Standing]]:
    """The backup that was restored, and how far its installation is. Raises Permanent when none was."""
    first = next(iter(inventory.databases))
    target = await targets.look(server, first)
    if target.restored_from is None or target.restored_at is None:
        raise Permanent("nothing-was-restored", database=first)
    since = datetime.strptime(f"{target.restored_at}+0000", "%Y%m%dt%H%M%Sz%z")
    found = []
    for step in steps(inventory):
        connection = await server.connect(step.database)
        try:
            done = bool(await connection.fetchval(step.sql, since))
        finally:
            await connection.close()
        found.append(Standing(step.what, done, step.todo))
    return target.restored_from, found
