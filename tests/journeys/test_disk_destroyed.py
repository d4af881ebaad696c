"""The disk of a grid's machine is destroyed: what a client was told is stored is still there, under the same furl."""

import secrets
from pathlib import Path

import pytest

from s4_shop.demo.operator import Machine, Operator
from s4_shop.demo.tahoe import TahoeClient
from s4_shop.shop import Shop
from support.buyer import Buyer
from support.ledger import EXACTLY_ONE, Ledger
from support.waiting import until

# As a failing disk would: the files go while the node runs, the node dies of it, and what it still wrote goes too.
# On a booted machine systemd goes on trying to start it from nothing.
DESTROY = {
    "nspawn": """
        sudo -n rm -rf /var/lib/s4/grids/{grid}
        sudo -n systemctl kill --signal=KILL s4-grid@{grid}.service
        sudo -n rm -rf /var/lib/s4/grids/{grid}
    """,
    "sshd": """
        grids="$(dirname "$S4_HOST_CONFIG")/grids"
        rm -rf "$grids/{grid}"
        kill -KILL "$(cut -d ' ' -f 1 "$grids/.host/{grid}.pid")"
        rm -rf "$grids/{grid}"
    """,
}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_running_client_reads_and_writes_on_after_the_disk_of_its_grid_was_destroyed(
    shop: Shop, ledger: Ledger
) -> None:
    operator, tahoe = Operator(shop), shop.wiring.options.node / "bin" / "tahoe"
    async with Buyer.visiting(shop, "disk") as buyer:
        await buyer.buy()
        await buyer.wait_until_ready()
        furl = await buyer.claim()
        async with TahoeClient.running(tahoe, furl) as client:
            large, small = secrets.token_bytes(9_000_000), secrets.token_bytes(2_000)
            file, draft = await client.put(large), await client.put(small, mutable=True)
            machine = await operator.machine_of(furl)
            stored = await operator.contents_of(machine.grid)
            assert sum(stored.sizes[key] for key in stored.shares) > len(large) + len(small)

            await destroy(shop, operator, machine)
            await operator.reapply(machine.grid)

            assert await client.get_again(file, within=90) == large
            assert await client.get(draft) == small
            await client.put(large[:5_000], over=draft)
            assert await client.get(draft) == large[:5_000]
            assert (await client.round_trip()).size == 1_000_000
        await ready_again(ledger, machine.grid)
        await a_client_that_was_never_there_before_reads_it(tahoe, furl, file, large)
        kept = await operator.contents_of(machine.grid)
        assert set(stored.shares) < set(kept.shares)
        assert await operator.machine_of(furl) == machine
        assert await ledger.holdings(buyer.email) == EXACTLY_ONE, "nobody was told anew"


async def destroy(shop: Shop, operator: Operator, machine: Machine) -> None:
    """Nothing of the grid is left on the machine's disk, and its node was killed."""
    await operator.run(machine, DESTROY[shop.wiring.options.driver].format(grid=machine.grid))


async def ready_again(ledger: Ledger, grid: str) -> None:
    """The provisioner has proved the grid from outside anew."""

    async def is_ready() -> bool:
        (row,) = await ledger.rows("provisioner", "SELECT stage FROM grids WHERE id = $1", grid)
        assert row["stage"] != "failed"
        return bool(row["stage"] == "ready")

    await until(is_ready, within=90, what="the grid is ready again")


async def a_client_that_was_never_there_before_reads_it(tahoe: Path, furl: str, cap: str, content: bytes) -> None:
    """The introducer is the same too: who joins with the old furl finds the server."""
    async with TahoeClient.running(tahoe, furl) as newcomer:
        assert await newcomer.get(cap) == content
