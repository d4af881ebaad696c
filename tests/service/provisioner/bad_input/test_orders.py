"""Orders that AWS cannot carry out: who paid waits for a person, nothing is left over, and it comes right."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from s4_contracts.ids import GridId
from s4_contracts.provisioner import CapacityReported, InstanceReady, ProvisioningFailed
from s4_provisioner import names
from s4_provisioner.fleet.capacity import Capacity
from s4_runtime import new_id
from s4_store.testing import emitted
from support.bad_input import Trouble, a_trouble, one_deployment
from support.fleets import a_fleet
from support.grid_cloud import Cloud
from support.provisioner import Desk, a_payment

ROOM = {"service": "ec2", "code": "L-1216C47A"}
ZONES = ["us-east-1a", "us-east-1b"]


@dataclass(frozen=True)
class Wrong:
    """A pool that nothing can be had for, and what is said of it."""

    code: str
    pool: dict[str, Any] = field(default_factory=dict)


NOTHING_TO_HAVE = [
    pytest.param(Wrong("no-machine-image", {"image": "no-such-image-*"}), id="image"),
    pytest.param(Wrong("aws-no-such-type", {"instance_type": "x9.tiny"}), id="type"),
]


@pytest.mark.parametrize("wrong", NOTHING_TO_HAVE)
async def test_what_a_pool_names_and_aws_does_not_have_is_said_and_another_setting_makes_it_right(
    database: str, crowd: Cloud, wrong: Wrong
) -> None:
    ours = one_deployment(f"w{new_id()[-9:]}")
    async with a_trouble(database, crowd, fleet=a_fleet(alone=wrong.pool), **ours) as trouble:
        grid_id = await trouble.desk.pay()
        failed = await trouble.fails(grid_id)
        assert (failed.step, failed.code, failed.final) == ("boot", wrong.code, True)
        shown = (await trouble.seen("grids", "show", grid_id))["grid"]
        assert (shown["stage"], shown["failed_code"]) == ("failed", wrong.code)
        assert trouble.living() == []
        name = (await trouble.desk.grid(grid_id)).dns_name

    async with a_trouble(database, crowd, **ours) as trouble:
        grid = await trouble.recovers(grid_id)
        assert grid.dns_name == name
        assert len(trouble.living()) == len(crowd.buckets(trouble.desk.settings.deployment)) == 1
        assert len(await trouble.desk.events(InstanceReady, grid_id)) == 1


async def test_a_type_that_one_zone_does_not_have_is_had_in_another(database: str, crowd: Cloud) -> None:
    fleet = a_fleet(alone={"zones": ZONES, "max_age": None})
    async with a_trouble(database, crowd, fleet=fleet) as trouble:
        not_here = "Your requested instance type is not supported in your requested Availability Zone."
        crowd.break_next("error", action="RunInstances", code="Unsupported", status=400, message=not_here)

        grid_id, host = await trouble.ready()

        tried = await trouble.desk.pool.fetch("select zone, failed_code from hosts order by created_at")
        assert [tuple(each) for each in tried] == [(ZONES[0], "aws-not-in-zone"), (ZONES[1], None)]
        assert host.zone == ZONES[1]
        assert await trouble.desk.events(ProvisioningFailed, grid_id) == []


async def test_a_bucket_in_a_region_that_the_account_does_not_have_is_for_a_person(trouble: Trouble) -> None:
    wrong = {"code": "IllegalLocationConstraintException", "status": 400}
    trouble.cloud.break_next("error", action="CreateBucket", **wrong)
    grid_id = await trouble.desk.pay()

    failed = await trouble.fails(grid_id)

    assert (failed.step, failed.code) == ("bucket", "aws-wrong-region")
    assert trouble.living() == []
    assert (await trouble.recovers(grid_id)).proved_at


async def test_what_the_quota_does_not_allow_is_said_before_it_is_sold_and_built_when_there_is_more(
    database: str, crowd: Cloud
) -> None:
    fleet = a_fleet(alone={"max_age": None}, plans={"personal": "alone"})
    async with a_trouble(database, crowd, fleet=fleet) as trouble:
        crowd.control("PUT", "/quotas", ROOM | {"value": 0})
        try:
            grid_id = await trouble.desk.pay()
            failed = await trouble.fails(grid_id)
            sold_out = await told(trouble.desk)
        finally:
            crowd.control("PUT", "/quotas", ROOM | {"value": None})

        assert (failed.step, failed.code) == ("boot", "aws-quota-reached")
        assert (sold_out.can_build, sold_out.plans, sold_out.room) == (False, ["personal"], 0)
        assert (await trouble.recovers(grid_id)).proved_at
        assert (await told(trouble.desk)).can_build


async def told(desk: Desk) -> CapacityReported:
    """What was told last of how much can be built."""
    await desk.pool.execute("update quotas_seen set look_at = look_at - interval '1 hour'")
    await Capacity(desk.pool, desk.tools).round()
    return [each for each in await emitted(desk.pool) if isinstance(each, CapacityReported)][-1]


async def test_a_bucket_name_that_somebody_else_has_is_never_used(trouble: Trouble) -> None:
    payment = a_payment()
    grid_id: GridId = names.grid_of_signup(payment.signup_id)
    name = names.bucket(trouble.desk.settings.deployment, grid_id)
    stranger = trouble.cloud.client_of_somebody_else("s3")
    stranger.create_bucket(Bucket=name)
    await trouble.desk.tell(payment)

    failed = await trouble.fails(grid_id)

    assert (failed.step, failed.code) == ("bucket", "bucket-taken")
    assert trouble.living() == []
    assert stranger.list_objects_v2(Bucket=name).get("KeyCount", 0) == 0
    stranger.delete_bucket(Bucket=name)
    assert (await trouble.recovers(grid_id)).bucket == name
