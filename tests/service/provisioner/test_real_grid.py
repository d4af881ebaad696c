"""The whole way, with nothing in place of anything: a machine, Tahoe-LAFS on it, and a Tahoe-LAFS client."""

import secrets
import socket
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from s4_contracts.provisioner import FurlIssued, GridDeleted, GridResumed, InstanceReady, ProvisioningProgressed
from s4_provisioner.capability import furl_of
from s4_provisioner.grids import Grid
from s4_provisioner.lifecycle import Stage
from s4_shop.demo.tahoe import TahoeClient, TahoeFailed
from support.grid_cloud import Cloud
from support.provisioner import a_desk, a_payment, real_probe, real_tahoe
from support.subscriptions import Subscription


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


def answering(grid: Grid) -> list[int]:
    """On which of the grid's two ports a node speaks. The local cloud takes connections for machines that do not."""
    found = []
    for port in (grid.port, grid.port + 1):
        with suppress(OSError), socket.create_connection((str(grid.address), port), timeout=10) as knocking:
            knocking.sendall(b"GET /id/nobody HTTP/1.1\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n")
            if knocking.recv(1):
                found.append(port)
    return found


@pytest.mark.timeout(300)
async def test_what_a_client_stored_is_out_of_reach_while_suspended_and_back_by_the_same_furl_and_gone_in_the_end(
    database: str, tahoe_cloud: Cloud, tmp_path: Path
) -> None:
    content, subscription = secrets.token_bytes(2_000_000), Subscription(a_payment())
    tahoe, probe = real_tahoe(tahoe_cloud, tmp_path), real_probe(tahoe_cloud)
    async with a_desk(database, tahoe_cloud, probe_command=probe) as desk, desk.converging():
        grid_id = await desk.pay(subscription.payment)
        grid = await desk.comes_to(grid_id, Stage.READY, within=90)
        furl = furl_of(grid, desk.tools.seal, hint=True).reveal()
        async with TahoeClient.running(tahoe, furl) as client:
            file = await client.put(content)
            assert len(answering(grid)) == 2

            await desk.tell(subscription.suspended())
            await desk.comes_to(grid_id, Stage.SUSPENDED)
            assert answering(grid) == []
            with pytest.raises(TahoeFailed):
                await client.get(file)

        await desk.tell(subscription.resumed())
        resumed = await desk.comes_to(grid_id, Stage.READY, within=90)
        assert furl_of(resumed, desk.tools.seal, hint=False) == furl_of(grid, desk.tools.seal, hint=False)
        # The address, which only a machine without resolver is told, is another one: a running client that knows the
        # name alone reads on (fleet/test_shared_hosts.py).
        furl = furl_of(resumed, desk.tools.seal, hint=True).reveal()
        async with TahoeClient.running(tahoe, furl) as client:
            assert await client.get(file) == content
            await desk.tell(subscription.changed(quota_bytes=len(content) // 2))
            await desk.comes_to(grid_id, Stage.READY, within=90)
            assert await client.get_again(file, within=90) == content
            with pytest.raises(TahoeFailed):
                await client.put(content[1:])
        stored = tahoe_cloud.client("s3").list_objects_v2(Bucket=grid.bucket)["KeyCount"]

        await desk.tell(subscription.ended(timedelta(days=30)))
        await desk.comes_to(grid_id, Stage.SUSPENDED)
        assert answering(resumed) == []
        await desk.pass_time(timedelta(days=31))
        await desk.comes_to(grid_id, Stage.ABSENT, within=60)

        assert tahoe_cloud.remains(desk.settings.deployment, grid.dns_name) == {}
        (deleted,) = await desk.events(GridDeleted, grid_id)
        (told,) = await desk.events(GridResumed, grid_id)
    assert deleted.objects == stored > 0
    assert told.proved_at == resumed.proved_at
