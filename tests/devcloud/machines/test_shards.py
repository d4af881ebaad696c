"""Grids in shards on machines of either kind: units of systemd with users of their own, or plain processes."""

import importlib.util
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from s4_devcloud.machines import Driver, Machine
from s4_devcloud.machines.network import partner
from support.image import ROOT
from support.login import Keys
from support.machines import Boot
from support.waiting import until

GRIDS = "$(dirname ${S4_HOST_CONFIG:-/var/lib/s4/-})/grids"
IDS = [f"0190d3a0-0000-7000-8000-{number:012d}" for number in range(5)]
LENT = {"access_key_id": "ASIAA", "secret_access_key": "s", "session_token": "t", "expires_at": "2030-01-02T03:04:05Z"}
S3 = {"bucket": "none-there", "prefix": "", "region": "us-east-1", "endpoint": "http://127.0.0.1:9"}


def minting() -> Any:
    """How the node's own tests make the identity of a grid."""
    spec = importlib.util.spec_from_file_location("minting", ROOT / "libs/node/tests/minting.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Host:
    """`s4-host` on a machine, over one login."""

    def __init__(self, connection: Any, address: str) -> None:
        self._connection = connection
        self._mint = minting()
        self.address = address
        self._minted: dict[str, dict[str, Any]] = {}

    async def run(self, command: str, told: object = None, code: int = 0) -> str:
        done = await self._connection.run(command, input=None if told is None else json.dumps(told))
        assert done.exit_status == code, f"{command}: {done.exit_status}\n{done.stdout}{done.stderr}"
        return str(done.stdout).strip()

    async def apply(
        self, number: int, shard: str | None, code: int = 0, wait: int = 60, **storage: object
    ) -> dict[str, Any]:
        grid_id, port = IDS[number], 40000 + 2 * number
        if grid_id not in self._minted:
            self._minted[grid_id] = self._mint.mint_grid(grid_id, port, port + 1, self.address).specification
        told = json.loads(json.dumps({**self._minted[grid_id], "shard": shard, "wait_seconds": wait}))
        told["storage"] |= storage
        return dict(json.loads(await self.run(f"s4-host apply {grid_id}", told, code)))

    async def listed(self) -> dict[str, Any]:
        return dict(json.loads(await self.run("s4-host list"))["grids"])

    async def states(self) -> dict[str, str]:
        return {f"{grid['shard']}/{IDS.index(name)}": grid["state"] for name, grid in (await self.listed()).items()}

    async def serving(self, shard: str) -> str:
        """The pids that serve a shard."""
        return await self.run(f'pgrep --full "s4-node shard .*{GRIDS}/.shards/{shard}$"')

    async def serves_nobody(self, what: str) -> bool:
        return not await self.run(f'pgrep --full "s4-node {what}"', code=1)


# Processes in a shard are the same under both; what systemd adds to them is tested below.
EITHER = pytest.mark.parametrize("kind", ["sshd", pytest.param("nspawn", marks=pytest.mark.long)], indirect=True)


@pytest.fixture
async def host(driver: Driver, boot: Boot, keys: Keys) -> AsyncIterator[Host]:
    machine: Machine = boot()
    machine.expose(driver.ssh_port)
    async with keys.connect(machine.address, driver.ssh_port, driver.ssh_user) as connection:
        yield Host(connection, partner(machine.address) if driver.ssh_user else "127.0.0.1")


@EITHER
async def test_grids_come_to_a_shard_move_and_go_while_the_others_are_served(host: Host) -> None:
    for number, shard in ((0, "a"), (1, "a"), (2, "b"), (3, None)):
        assert (await host.apply(number, shard))["state"] == "running"
    pids = [await host.serving(shard) for shard in ("a", "b")]
    assert await host.states() == {"a/0": "running", "a/1": "running", "b/2": "running", "None/3": "running"}

    assert (await host.apply(3, "a"))["state"] == "running"
    assert (await host.apply(1, "b"))["state"] == "running"
    await host.run(f"s4-host stop {IDS[3]}")
    assert await host.states() == {"a/0": "running", "b/1": "running", "b/2": "running", "a/3": "stopped"}
    assert [await host.serving(shard) for shard in ("a", "b")] == pids
    assert (await host.apply(2, None))["state"] == "running"
    await host.run(f"s4-host remove {IDS[1]}")

    assert await host.states() == {"a/0": "running", "None/2": "running", "a/3": "stopped"}
    assert await host.serves_nobody(f"shard .*{GRIDS}/.shards/b$")
    for number in (0, 2, 3):
        await host.run(f"s4-host remove {IDS[number]}")
    assert await host.states() == {}
    assert await host.serves_nobody(f"(shard|run) .*{GRIDS}/.*$")


@EITHER
async def test_what_is_lent_arrives_at_grids_of_every_kind(host: Host) -> None:
    for number, shard in ((0, "a"), (1, None)):
        first = LENT | {"expires_at": "2029-01-01T00:00:00Z"}
        answer = await host.apply(number, shard, wait=0, s3=S3, credentials=first)
        assert answer["credentials_until"] == first["expires_at"]

    lent = json.loads(await host.run("s4-host lend", {"grids": {IDS[0]: LENT, IDS[1]: LENT, IDS[2]: LENT}}))

    assert lent == {"lent": IDS[:2], "absent": [IDS[2]]}
    assert {one["credentials_until"] for one in (await host.listed()).values()} == {LENT["expires_at"]}


@pytest.mark.parametrize("kind", ["nspawn"], indirect=True)
class TestUnderSystemd:
    async def test_a_shard_is_a_unit_with_a_user_and_limits_of_its_own(self, host: Host) -> None:
        limits = {"shard_memory_mib": 300, "shard_cpu_percent": 40}
        await host.run("sudo mkdir -p /etc/s4 && sudo tee /etc/s4/host.json", limits)
        for number, shard in ((0, "a"), (1, "b")):
            assert (await host.apply(number, shard))["state"] == "running"

        shown = await host.run("systemctl show --property=User,MemoryMax,CPUQuotaPerSecUSec,UnitFileState s4-shard@a")

        assert set(shown.splitlines()) == {
            "User=s4-shard-a",
            f"MemoryMax={300 * 2**20}",
            "CPUQuotaPerSecUSec=400ms",
            "UnitFileState=enabled",
        }
        users = await host.run("ps -o user:20= -p $(pgrep --full '[s]4-node shard' | paste -sd,)")
        assert set(users.split()) == {"s4-shard-a", "s4-shard-b"}
        for stranger in ("s4-shard-b", "s4"):
            await host.run(f"sudo -u {stranger} ls /var/lib/s4/grids/.shards/a", code=2)
        inside = "sudo nsenter --mount --target $(pgrep --full 's4-node shard .*/a$') ls -A"
        assert await host.run(f"{inside} /var/lib/s4/grids /var/lib/s4/grids/.shards | grep -c .") == "4"
        assert await host.run(f"{inside} /var/lib/s4/grids/.shards") == "a"

    @pytest.mark.long
    async def test_what_moves_is_the_new_users_and_leaves_nothing_of_the_old_ones(self, host: Host) -> None:
        await host.apply(0, None)
        kept = "storage/storage/shares/kept"
        await host.run(f"sudo -u s4-grid true && sudo touch {GRIDS}/{IDS[0]}/{kept}")
        await host.run(f"sudo chown s4-grid:s4-grid {GRIDS}/{IDS[0]}/{kept}")

        for shard in ("a", "b", None, "a"):
            assert (await host.apply(0, shard))["state"] == "running"
            place = f"{GRIDS}/.shards/{shard}/grids/{IDS[0]}" if shard else f"{GRIDS}/{IDS[0]}"
            user = f"s4-shard-{shard}" if shard else "s4-grid"
            assert await host.run(f"sudo find {place} -not -user {user} -or -not -group {user}") == ""
            assert await host.run(f"sudo ls {place}/{kept}")
            assert len((await host.run(f"sudo find {GRIDS} -name '*{IDS[0]}'")).splitlines()) == 1
            units = "systemctl list-units --plain --no-legend 's4-grid@*' 's4-shard@*' | cut -d ' ' -f 1"
            serving = f"s4-shard@{shard}.service" if shard else f"s4-grid@{IDS[0]}.service"
            assert await host.run(units) == serving

    @pytest.mark.long
    async def test_a_shard_that_was_killed_comes_back_with_all_its_grids(self, host: Host) -> None:
        for number in (0, 1):
            await host.apply(number, "a")
        await host.run("sudo systemctl kill --signal=KILL s4-shard@a")

        async def again() -> bool:
            return await host.states() == {"a/0": "running", "a/1": "running"}

        await until(again, within=60, what="systemd has started it again")

    @pytest.mark.long
    async def test_a_full_disk_leaves_what_there_was_and_is_called_so(self, host: Host) -> None:
        await host.run("sudo mkdir -p /var/lib/s4/grids")
        await host.run("sudo mount -t tmpfs -o size=8m,mode=755 tmpfs /var/lib/s4/grids")
        old = LENT | {"expires_at": "2029-01-01T00:00:00Z"}
        for number, shard in ((0, "a"), (1, None)):
            assert (await host.apply(number, shard, s3=S3, credentials=old))["state"] == "running"
        pid = await host.serving("a")
        await host.run("sudo sh -c 'dd if=/dev/zero of=/var/lib/s4/grids/filler bs=4k 2>/dev/null || true'")

        for number, shard in ((0, "b"), (0, None), (1, "a"), (2, "a"), (3, None)):
            refused = await host.apply(number, shard, code=1, s3=S3, credentials=LENT)
            assert (refused["state"], refused["code"]) == ("failed", "disk-full")
        for number, shard in ((0, "a"), (1, None)):
            refused = await host.apply(number, shard, code=1, s3=S3, credentials=LENT, nickname="other")
            assert (refused["state"], refused["code"]) == ("failed", "disk-full")
        answer = json.loads(await host.run("s4-host lend", {"grids": {IDS[0]: LENT, IDS[1]: LENT}}, code=1))
        assert answer["failed"] == {IDS[0]: "disk-full", IDS[1]: "disk-full"}

        assert await host.states() == {"a/0": "running", "None/1": "running"}
        assert {one["credentials_until"] for one in (await host.listed()).values()} == {old["expires_at"]}
        assert await host.serving("a") == pid
        await host.run("sudo rm /var/lib/s4/grids/filler")
        assert (await host.apply(0, "b", s3=S3, credentials=LENT))["state"] == "running"
