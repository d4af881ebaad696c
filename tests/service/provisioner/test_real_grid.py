"""The whole way, with nothing in place of anything: a machine, Tahoe-LAFS on it, and a Tahoe-LAFS client."""

from s4_contracts.provisioner import FurlIssued, InstanceReady, ProvisioningProgressed
from s4_provisioner.lifecycle import Stage
from support.grid_cloud import Cloud
from support.provisioner import a_desk, a_payment, real_probe


async def test_a_payment_becomes_a_grid_that_a_real_client_has_used(database: str, tahoe_cloud: Cloud) -> None:
    payment = a_payment()
    async with a_desk(database, tahoe_cloud, probe_command=real_probe(tahoe_cloud)) as desk, desk.converging():
        grid_id = await desk.pay(payment)
        grid = await desk.comes_to(grid_id, Stage.READY, within=90)

        (ready,) = await desk.events(InstanceReady, grid_id)
        (issued,) = await desk.events(FurlIssued, grid_id)
        progress = await desk.events(ProvisioningProgressed, grid_id)

    assert (ready.account_id, ready.signup_id) == (payment.account_id, payment.signup_id)
    assert ready.proof_seconds > 0
    assert issued.claim_ref == f"{grid_id}:1"
    assert grid.host
    stored = tahoe_cloud.client("s3").list_objects_v2(Bucket=grid.bucket, Prefix="shares/")
    assert sum(share["Size"] for share in stored["Contents"]) > 96 * 1024, "what the proof stored is in the bucket"
    assert tahoe_cloud.address_of(grid.dns_name) == [str(grid.host.address)]
    assert [(event.step, event.state) for event in progress] == [
        (step, state)
        for step in ("identity", "bucket", "credentials", "host", "boot", "node", "dns", "proof")
        for state in ("started", "done")
    ]
