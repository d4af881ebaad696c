"""`s4-host lend`: sessions are handed on to running nodes, which notice and drop nobody."""

import json
import os
import stat
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from commands import BIN, GRID_ID, Host, a_grid, eventually, probe
from s4_node.host.files import only_one
from s4_node.s3.values import Store
from support.clients import a_running_client
from support.hosted import in_the_bucket, known, session
from support.s3_control import S3Control

OTHER = "0190d3a0-0000-7000-8000-000000000002"
LENT = "storage/private/lent-credentials"


@pytest.fixture
def host(host: Host) -> Host:
    """A host that has no credentials of its own."""
    host.more["environment"] = {"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"}
    return host


def lend(host: Host, grids: dict[str, dict[str, str]]) -> dict[str, Any]:
    answer = host.tell("lend", body={"grids": grids})
    assert answer.code == 0, answer
    return answer.json


def bucket_of(host: Host) -> Any:
    return host.listed()[GRID_ID]["bucket"]


@pytest.mark.parametrize("shard", [None, "one"])
def test_a_running_node_serves_on_with_newer_sessions_when_s3_refuses_the_old_ones(
    host: Host, store: Store, s3_control: S3Control, tmp_path: Path, shard: str | None
) -> None:
    lent = known(s3_control, session(0))
    grid = in_the_bucket(store, shard=shard, credentials=lent)
    assert host.apply(grid)["state"] == "running"
    pid = host.pid(shard or GRID_ID)
    with a_running_client(grid, tmp_path / "client") as client:
        assert client.hear() == {"stored": True}
        for number in (1, 2, 3):
            newer = known(s3_control, session(number))
            assert lend(host, {GRID_ID: newer}) == {"lent": [GRID_ID], "absent": []}
            known(s3_control, lent, "expired")
            lent = newer

            assert client.ask("read once") == {"read": True}
            assert probe(grid.introducer_furl).json["ok"] is True

    assert host.pid(shard or GRID_ID) == pid
    listed = host.listed()[GRID_ID]
    assert listed["credentials_until"] == lent["expires_at"]
    assert listed["bucket"] == {"ok": True, "code": None}
    assert host.apply(in_the_bucket(store, grid, shard=shard, credentials=lent))["changed"] is False
    assert "session-" not in json.dumps(host.tell("list").json)


def test_newer_credentials_in_a_specification_restart_nothing_either(
    host: Host, store: Store, s3_control: S3Control
) -> None:
    first, second = (known(s3_control, session(number)) for number in range(2))
    grid = in_the_bucket(store, credentials=first)
    host.apply(grid)
    pid = host.pid()

    assert host.apply(in_the_bucket(store, grid, credentials=second))["changed"] is False

    known(s3_control, first, "expired")
    assert probe(grid.introducer_furl).json["ok"] is True
    assert host.pid() == pid


def test_expired_and_wrong_credentials_are_told_apart_and_heal_with_the_next(
    host: Host, store: Store, s3_control: S3Control
) -> None:
    expired = known(s3_control, session(1, timedelta(hours=-1)), "expired")
    grid = in_the_bucket(store, credentials=expired)
    assert host.apply(grid)["state"] == "running"
    eventually(lambda: bucket_of(host) == {"ok": False, "code": "credentials-expired"})

    lend(host, {GRID_ID: session(2)})  # S3 has never heard of it
    assert probe(grid.introducer_furl, timeout_seconds=10).json["ok"] is False
    eventually(lambda: bucket_of(host) == {"ok": False, "code": "credentials-refused"})

    lend(host, {GRID_ID: known(s3_control, session(3))})
    assert probe(grid.introducer_furl).json["ok"] is True
    eventually(lambda: bucket_of(host) == {"ok": True, "code": None})


def test_credentials_that_expire_while_clients_use_them_are_told_at_once(
    host: Host, store: Store, s3_control: S3Control
) -> None:
    lent = known(s3_control, session(1))
    grid = in_the_bucket(store, credentials=lent)
    host.apply(grid)
    eventually(lambda: bucket_of(host) == {"ok": True, "code": None})

    known(s3_control, lent, "expired")

    assert probe(grid.introducer_furl, timeout_seconds=10).json["ok"] is False
    assert bucket_of(host) == {"ok": False, "code": "credentials-expired"}


def test_grids_that_are_not_here_or_have_credentials_of_their_own_are_absent(host: Host, store: Store) -> None:
    lent = session(1)
    host.apply(in_the_bucket(store))

    assert lend(host, {GRID_ID: lent, OTHER: lent}) == {"lent": [], "absent": [GRID_ID, OTHER]}

    assert not (host.home() / LENT).exists()
    assert not (host.grids / ".host" / f"{OTHER}.lock").exists()


def test_a_grid_that_no_longer_has_lent_credentials_keeps_none(host: Host, store: Store) -> None:
    grid = in_the_bucket(store, credentials=session(1))
    host.apply(grid, wait_seconds=0)
    assert stat.S_IMODE((host.home() / LENT).stat().st_mode) == 0o600

    assert host.apply(in_the_bucket(store, grid, credentials=None), wait_seconds=0)["changed"] is True

    assert not (host.home() / LENT).exists()
    assert host.listed()[GRID_ID]["credentials_until"] is None


def test_a_grid_that_is_stopped_is_lent_too_and_starts_with_it(host: Host, store: Store, s3_control: S3Control) -> None:
    grid = in_the_bucket(store, shard="one", credentials=session(1))
    host.apply(grid)
    host.run("stop")
    newer = known(s3_control, session(2))

    assert lend(host, {GRID_ID: newer})["lent"] == [GRID_ID]

    assert (host.home_in("one", f".{GRID_ID}") / LENT).read_text().count("session-2") == 2
    host.apply(in_the_bucket(store, grid, shard="one", credentials=newer))
    assert probe(grid.introducer_furl).json["ok"] is True


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object with an object of grids"),
        ({"grids": []}, "not a JSON object with an object of grids"),
        ({"grids": {}, "more": 1}, "unknown fields: 1"),
        ({"grids": {"../x": session(1)}}, "grids: not a UUID in lower case: 1"),
        ({"grids": {GRID_ID: None}}, f"grids.{GRID_ID}: not an object"),
        ({"grids": {GRID_ID: session(1) | {"session_token": "a\nb"}}}, f"grids.{GRID_ID}.session_token: not one"),
        ({"grids": {GRID_ID: session(1) | {"expires_at": "soon"}}}, f"grids.{GRID_ID}.expires_at: not a moment"),
    ],
)
def test_what_cannot_be_lent_is_refused_before_any_grid_has_some_of_it(
    host: Host, store: Store, body: Any, problem: str
) -> None:
    grid = in_the_bucket(store, credentials=session(0))
    host.apply(grid, wait_seconds=0)
    before = (host.home() / LENT).read_text()

    answer = host.tell("lend", body=body)

    assert (answer.code, answer.json["state"]) == (2, "refused")
    assert any(problem in one for one in answer.json["problems"]), answer.json
    assert (host.home() / LENT).read_text() == before


def test_a_grid_that_another_command_works_on_keeps_no_other_waiting(host: Host, store: Store) -> None:
    for grid in (a_grid(), a_grid(grid_id=OTHER)):
        host.apply(in_the_bucket(store, grid, credentials=session(1)), wait_seconds=0)
    environ = {**os.environ, "S4_HOST_CONFIG": str(host.folder / "host.json")}
    with only_one(host.grids / ".host", GRID_ID):
        lending = subprocess.Popen(
            [str(BIN / "s4-host"), "lend"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True
        )
        assert lending.stdin is not None
        lending.stdin.write(json.dumps({"grids": {GRID_ID: session(2), OTHER: session(2)}}))
        lending.stdin.close()
        lending.stdin = None
        eventually(lambda: "session-2" in (host.home(OTHER) / LENT).read_text())
        assert "session-1" in (host.home() / LENT).read_text()

    assert json.loads(lending.communicate()[0]) == {"lent": [GRID_ID, OTHER], "absent": []}
    assert "session-2" in (host.home() / LENT).read_text()
