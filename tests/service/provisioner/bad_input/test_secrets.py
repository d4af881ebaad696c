"""Nothing that lets its bearer in can be read anywhere, in good times and in bad, on machines and in pods."""

import base64
import json
import logging
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import yaml

from s4_aws.sessions import Session
from s4_provisioner import lending
from s4_provisioner.fleet.hosts import Host
from s4_provisioner.grids import Grid
from s4_provisioner.lending import Lending
from s4_provisioner.lifecycle import Stage
from s4_provisioner.rights import Rights
from support import canaries
from support.bad_input import Trouble, a_trouble
from support.canaries import Remembering
from support.cluster import Cluster
from support.driver_scenes import IMAGE
from support.grid_cloud import REGION, Cloud
from support.operator_cli import Terminal

POD = {"driver": "kubernetes", "region": REGION, "image": IMAGE, "isolation": "process", "capacity": 3}
KINDS = ("StatefulSet", "Service", "Pod", "NetworkPolicy", "Event", "ServiceAccount", "ResourceQuota")
# Says how it was called, and that all is well.
WATCHED = "import os, sys; open({!r}, 'a').write(repr((sys.argv, dict(os.environ)))); print('{}')"
WELL = '{"ok":true,"total_seconds":0.25}'


class Printed:
    """What the service printed, and how its probes were called."""

    def __init__(self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, folder: Path) -> None:
        caplog.set_level(logging.INFO)
        self._capsys, self._caplog, self._calls = capsys, caplog, folder / "calls"

    @property
    def probe(self) -> list[str]:
        return [sys.executable, "-c", WATCHED.format(str(self._calls), WELL)]

    def places(self) -> dict[str, str]:
        printed = self._capsys.readouterr()
        assert "step.done" in printed.out
        logs = {"log": printed.out, "errors": printed.err, "logs of libraries": self._caplog.text}
        return logs | {"calls of probes": self._calls.read_text(), "processes": canaries.command_lines()}


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path) -> Printed:
    return Printed(capsys, caplog, tmp_path)


def remember(trouble: Trouble) -> list[Session]:
    """From now on every session is kept, in this list."""
    desk = trouble.desk
    rights = Remembering(desk.tools.cloud(REGION).sessions)
    cloud = msgspec.structs.replace(desk.tools.cloud(REGION), sessions=cast("Rights", rights))
    desk.tools = msgspec.structs.replace(desk.tools, clouds={REGION: cloud})
    return rights.had


async def lend_anew(trouble: Trouble, grid: Grid) -> None:
    desk = trouble.desk
    async with desk.pool.transaction() as tx:
        await lending.renew(tx, [grid.id], desk.tools.clock.now())
    await Lending(desk.pool, desk.tools).round()


async def be_looked_at(trouble: Trouble, grid: Grid) -> dict[str, str]:
    """What operators see, and what somebody gets who is none."""
    async with Terminal.of_provisioner(trouble.desk) as terminal:
        seen = [await terminal.type("grids", "show", grid.id), await terminal.type("hosts", "list", "--json")]
        assert [code for code, _, _ in seen] == [0, 0]
        refused = await terminal.type("grids", "show", grid.id, who="somebody-with-a-guess")
    return {"operator's screen": "\n".join(out + err for _, out, err in seen), "refusal": refused[1] + refused[2]}


async def everywhere(trouble: Trouble, printed: Printed) -> dict[str, Any]:
    rows, at_aws = await canaries.rows(trouble.desk), canaries.at_aws(trouble.desk, trouble.cloud)
    return {**printed.places(), **rows, **at_aws, "metrics": canaries.metrics()}


async def test_no_secret_of_a_grid_on_a_machine_is_anywhere(database: str, crowd: Cloud, printed: Printed) -> None:
    async with a_trouble(database, crowd, probe_command=printed.probe) as trouble:
        had = remember(trouble)
        trouble.boots_badly(disk_full=True)
        crowd.break_next("throttle", action="AssumeRole")
        grid_id, host = await trouble.ready()
        grid = await trouble.desk.grid(grid_id)
        await lend_anew(trouble, grid)
        await make_trouble(trouble, grid, host)
        seen = await be_looked_at(trouble, grid)

        secrets = canaries.of_sessions(had) | canaries.of_a_grid(trouble.desk, grid)
        places = await everywhere(trouble, printed) | seen

        assert len(had) >= 4
        assert "lending.failed" in places["log"]
        assert all(grid.id in places[place] for place in ("log", "table grids", "table outbox", "tags of buckets"))
        secrets |= canaries.of_the_service(trouble.desk) | {"guess": "somebody-with-a-guess"}
        assert canaries.leaks(secrets, places) == []


async def make_trouble(trouble: Trouble, grid: Grid, host: Host) -> None:
    """The host shows another key, when it is looked at and when it should be lent to."""
    trouble.behaves(host, strange_key=True)
    await trouble.look()
    await lend_anew(trouble, grid)
    trouble.behaves(host)


async def test_no_secret_of_a_grid_in_a_pod_is_anywhere_but_in_its_secret(
    database: str, crowd: Cloud, cluster: Cluster, way_in: dict[str, Any], printed: Printed
) -> None:
    pools = {
        "fleet": json.dumps({"pools": {"small": POD}, "otherwise": "small"}),
        "clusters": json.dumps({REGION: way_in}),
        "patience": timedelta(seconds=20),
    }
    async with a_trouble(database, crowd, probe_command=printed.probe, **pools) as trouble:
        had = remember(trouble)
        grid_id, host = await trouble.ready()
        grid = await trouble.desk.grid(grid_id)
        await lend_anew(trouble, grid)
        seen = await be_looked_at(trouble, grid)

        secrets = canaries.of_sessions(had) | canaries.of_a_grid(trouble.desk, grid)
        secrets |= canaries.of_the_service(trouble.desk) | {"bearer token": bearer(way_in)}
        place = str(host.instance_id)
        objects = {kind: str(cluster.list(kind, place)) for kind in KINDS}
        places = await everywhere(trouble, printed) | seen | objects

        assert grid.stage is Stage.READY
        assert had[-1].access_key_id in decoded(cluster, place)
        assert canaries.leaks(secrets, places) == []


def decoded(cluster: Cluster, place: str) -> str:
    """What the Secrets of the namespace hold, as pods read it."""
    return str([_plain(each) for each in cluster.list("Secret", place)])


def _plain(secret: dict[str, Any]) -> list[str]:
    return [base64.b64decode(value).decode() for value in secret.get("data", {}).values()]


def bearer(way_in: dict[str, Any]) -> str:
    config = yaml.safe_load(Path(way_in["kubeconfig"]).read_text())
    token: str = config["users"][0]["user"]["token"]
    return token
