"""Machines that are rows: they answer as real ones do, in every number, and misbehave when they are told to."""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from support.cloud import LocalCloud
from support.crowd import SSH_PORT, CrowdHost, a_host, a_specification, credentials
from support.identity import certificate
from support.login import Keys
from support.waiting import until

AT_ONCE = 16
PORT = 20_010


@pytest.fixture
async def host(crowd: LocalCloud) -> CrowdHost:
    return await a_host(crowd, PORT, PORT + 1)


async def apply(host: CrowdHost, specification: dict[str, Any]) -> dict[str, Any]:
    told = json.dumps(specification).encode()
    code, answer = await host.run(f"s4-host apply {specification['grid_id']}", told)
    assert code == 0
    return answer


class TestLogins:
    async def test_show_the_key_of_the_machines_own_user_data(self, crowd: LocalCloud, host: CrowdHost) -> None:
        other = await a_host(crowd)

        assert (await host.run("s4-host list"))[0] == 0
        with pytest.raises(asyncssh.HostKeyNotVerifiable):
            await Keys(user=other.keys.user).run(other.address, SSH_PORT, "true")

    async def test_need_a_key_of_the_machines_own_user_data(self, host: CrowdHost) -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            await Keys(host=host.keys.host).run(host.address, SSH_PORT, "true")

    async def test_are_refused_where_no_group_lets_them_in(self, crowd: LocalCloud, host: CrowdHost) -> None:
        ec2 = crowd.client("ec2")
        instance = ec2.describe_instances(InstanceIds=[host.instance_id])["Reservations"][0]["Instances"][0]
        (group,) = ec2.describe_security_groups(GroupIds=[instance["SecurityGroups"][0]["GroupId"]])["SecurityGroups"]
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])

        with socket.socket() as probe:
            assert probe.connect_ex((host.address, SSH_PORT)) != 0


class TestGrids:
    async def test_live_as_on_a_real_host(self, host: CrowdHost) -> None:
        told = a_specification(PORT)
        grid = told["grid_id"]

        first, again = await apply(host, told), await apply(host, told)
        moved = await apply(host, {**told, "shard": "blue"})
        stopped = (await host.run(f"s4-host stop {grid}"))[1]
        listed = (await host.run("s4-host list"))[1]
        removed = (await host.run(f"s4-host remove {grid}"))[1]
        twice = (await host.run(f"s4-host remove {grid}"))[1]

        assert [(each["state"], each["changed"]) for each in (first, again, moved, stopped, removed, twice)] == [
            ("running", True),
            ("running", False),
            ("running", True),
            ("stopped", True),
            ("absent", True),
            ("absent", False),
        ]
        assert (first["listening"], moved["shard"]) == ({"introducer": True, "storage": True}, "blue")
        assert listed["grids"][grid]["state"] == "stopped"
        assert listed["version"] == "s4-node 1.0.0"
        assert abs(listed["clock"] - time.time()) < 5

    async def test_are_lent_credentials_in_one_call(self, host: CrowdHost) -> None:
        told = a_specification(PORT)
        told["storage"]["credentials"] = credentials("2030-01-01T00:00:00Z")
        await apply(host, told)
        absent = "00000000-0000-0000-0000-000000000000"
        lent = {"grids": {grid: credentials("2031-01-01T00:00:00Z") for grid in (told["grid_id"], absent)}}

        code, answer = await host.run("s4-host lend", json.dumps(lent).encode())

        assert (code, answer) == (0, {"lent": [told["grid_id"]], "absent": [absent]})
        until_when = (await host.run("s4-host list"))[1]["grids"][told["grid_id"]]["credentials_until"]
        assert until_when == "2031-01-01T00:00:00Z"
        assert (await apply(host, told))["changed"] is False, "other credentials are no other grid"

    async def test_that_are_told_wrong_are_refused(self, host: CrowdHost) -> None:
        codes = [
            (await host.run("s4-host apply no-uuid", b"{}"))[0],
            (await host.run("s4-host apply 00000000-0000-0000-0000-000000000000", b"{}"))[0],
            (await host.run("s4-host status"))[0],
            (await host.run("rm -rf /"))[0],
        ]

        assert codes == [2, 2, 2, 127]

    async def test_show_their_certificate_where_they_listen_and_nowhere_else(self, host: CrowdHost) -> None:
        pem, fingerprint = certificate()
        told = a_specification(PORT, pem)
        await apply(host, told)

        shown = await asyncio.to_thread(ssl.get_server_certificate, (host.address, PORT + 1))
        await host.run(f"s4-host stop {told['grid_id']}")

        assert fingerprint(shown) == fingerprint(pem)
        with socket.socket() as probe:
            assert probe.connect_ex((host.address, PORT + 1)) != 0


class TestAMachineThatMisbehaves:
    @pytest.mark.parametrize("stage", ["tcp", "version", "login", "command"])
    async def test_hangs_at_the_stage_that_it_is_told(self, host: CrowdHost, stage: str) -> None:
        host.behave(stage=stage)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await host.run("s4-host list")
        reader, writer = await asyncio.open_connection(host.address, SSH_PORT)
        greeting = b"" if stage == "tcp" else await reader.read(4)
        writer.close()
        host.behave()

        assert greeting == (b"" if stage == "tcp" else b"SSH-")
        assert (await host.run("s4-host list"))[0] == 0

    async def test_is_slow_and_its_clock_is_off_and_its_disk_full(self, host: CrowdHost) -> None:
        host.behave(seconds=0.4, clock_skew_seconds=-900, disk_full=True, version="s4-node 2.0.0", bucket_code="denied")
        began = time.monotonic()
        told = a_specification(PORT)

        listed = (await host.run("s4-host list"))[1]
        code, answer = await host.run(f"s4-host apply {told['grid_id']}", json.dumps(told).encode())

        assert time.monotonic() - began >= 0.8
        assert (listed["version"], listed["disk_free_mib"]) == ("s4-node 2.0.0", 0)
        assert 890 < time.time() - listed["clock"] < 910
        assert (code, answer["code"]) == (1, "disk-full")

    async def test_shows_a_host_key_that_nobody_knows(self, host: CrowdHost) -> None:
        host.behave(strange_key=True)

        with pytest.raises(asyncssh.HostKeyNotVerifiable):
            await host.run("s4-host list")

    async def test_may_do_so_from_its_first_moment_on(self, crowd: LocalCloud) -> None:
        crowd.fault(kind="bad-boot", behaviour={"stage": "version"})
        bad, good = await a_host(crowd), await a_host(crowd)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await bad.run("s4-host list")
        assert (await good.run("s4-host list"))[0] == 0
        assert crowd.control("POST", "/faults", {"kind": "bad-boot", "behaviour": {"colour": "red"}})[0] == 422

    async def test_runs_grids_that_do_not_listen(self, host: CrowdHost) -> None:
        told = a_specification(PORT)
        host.behave(silent_grids=True)

        assert (await apply(host, told))["listening"] == {"introducer": False, "storage": False}

    async def test_that_is_lost_forgets_and_refuses(self, crowd: LocalCloud, host: CrowdHost) -> None:
        crowd.fault(kind="lost", instance_id=host.instance_id)

        with socket.socket() as probe:
            assert probe.connect_ex((host.address, SSH_PORT)) != 0
        assert crowd.instance(host.instance_id)["impaired"]

    async def test_that_is_cut_off_under_a_command_answers_when_it_is_back(
        self, crowd: LocalCloud, host: CrowdHost
    ) -> None:
        host.behave(seconds=0.3)
        async with host.keys.connect(host.address, SSH_PORT) as connection:
            running = asyncio.ensure_future(connection.run("s4-host list", encoding=None, stdin=asyncssh.DEVNULL))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(crowd.fault, kind="unreachable", instance_id=host.instance_id)
            done, _ = await asyncio.wait([running], timeout=0.6)
            await asyncio.to_thread(crowd.fault, kind="reachable", instance_id=host.instance_id)

            assert not done
            assert (await running).exit_status == 0


async def test_a_killed_cloud_leaves_no_crowd(tmp_path: Path) -> None:
    cloud = LocalCloud(tmp_path / "state", None, "--driver", "crowd", "--boot-seconds", "0.1")
    host = await a_host(cloud)

    cloud.kill()

    def refused() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((host.address, SSH_PORT)) != 0

    await until(refused, within=10, what="nobody answers any more")


@pytest.mark.parametrize("many", [200, pytest.param(1_000, marks=pytest.mark.long)])
async def test_any_number_of_machines_boots_and_answers_in_seconds(
    crowd: LocalCloud, many: int, record_property: Callable[..., None]
) -> None:
    ec2, keys, began = crowd.client("ec2", max_pool_connections=AT_ONCE), Keys(), time.monotonic()
    image = ec2.describe_images()["Images"][0]["ImageId"]
    group = (await a_host(crowd)).cloud.client("ec2").describe_security_groups()["SecurityGroups"][-1]["GroupId"]
    asked = {"ImageId": image, "InstanceType": "t3.small", "UserData": keys.user_data(), "SecurityGroupIds": [group]}

    def launch(count: int) -> None:
        ec2.run_instances(MinCount=count, MaxCount=count, **asked)

    with ThreadPoolExecutor(AT_ONCE) as launchers:
        list(launchers.map(launch, [many // 20] * 20))

    def running() -> list[str]:
        found = [one for one in crowd.control("GET", "/state")[1]["instances"] if one["state"] == "running"]
        return [one["address"] for one in found] if len(found) > many else []

    addresses = await until(running, within=120, what="all machines run", pause=0.2)
    booted = time.monotonic() - began

    async def greeting(address: str) -> bytes:
        reader, writer = await asyncio.open_connection(address, SSH_PORT)
        said = await reader.read(4)
        writer.close()
        return said

    assert {await greeting(address) for address in addresses} == {b"SSH-"}
    greeted = time.monotonic() - began - booted
    record_property("note", f"{many:,} machines of a crowd: up in {booted:.1f} s, all greeted in {greeted:.1f} s")
