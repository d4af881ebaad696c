"""Grids in shards, as a host is told: they come, move and go one by one, and the others of a shard notice nothing."""

import json
import os
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from commands import BIN, GRID_ID, Host, a_grid, eventually, probe
from minting import Grid
from s4_node.host.files import Busy, only_one
from s4_node.host.processes import listening_ports, started_at
from s4_node.s3.values import Store
from support.clients import a_running_client
from support.hosted import in_the_bucket, known, session
from support.s3_control import S3Control
from support.serving import grid_id_of, port_of

OTHER = grid_id_of(2)


def sharded(shard: str | None, grid_id: str = GRID_ID, grid: Grid | None = None) -> Grid:
    """A grid with its shares on the host's disk, served by that shard."""
    made = grid or a_grid(grid_id=grid_id)
    return Grid(made.grid_id, made.introducer_furl, {**made.specification, "shard": shard})


def what_was_stored(host: Host, grid_id: str = GRID_ID) -> set[str]:
    """The names of the shares of a grid, wherever on the host they are; only one place has any."""
    homes = [path for path in host.grids.rglob(f"*{grid_id}") if path.is_dir()]
    assert len(homes) == 1, homes
    shares = homes[0] / "storage" / "storage" / "shares"
    return {str(path.relative_to(shares)) for path in shares.rglob("*") if path.is_file()}


def processes_of(host: Host) -> list[str]:
    mark = f"S4_HOST_CONFIG={host.folder}/host.json\0".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_grids_of_a_shard_share_a_process_and_come_and_go_one_by_one(host: Host) -> None:
    grids = [sharded("one", grid_id_of(number)) for number in range(1, 4)]
    assert host.apply(grids[0])["state"] == "running"
    pid = host.pid("one")
    for grid in grids[1:]:
        assert (answer := host.apply(grid))["shard"] == "one"
        assert (answer["state"], answer["changed"]) == ("running", True)
        assert host.apply(grid)["changed"] is False

    stays, stops, goes = grids
    assert host.run("stop", stops.grid_id).json["state"] == "stopped"
    assert host.run("stop", stops.grid_id).json["changed"] is False
    assert host.run("remove", goes.grid_id).json["state"] == "absent"
    assert host.run("remove", goes.grid_id).json["changed"] is False

    assert host.pid("one") == pid
    assert probe(stays.introducer_furl).json["ok"] is True
    ports = listening_ports(pid)
    assert {port_of(stays, "storage"), port_of(stays, "introducer")} <= ports
    assert not {port_of(grid, node) for grid in (stops, goes) for node in ("introducer", "storage")} & ports
    assert {grid_id: grid["state"] for grid_id, grid in host.listed().items()} == {
        stays.grid_id: "running",
        stops.grid_id: "stopped",
    }
    assert host.log("one").count("grid.serving") == 3, "nobody was restarted"


def test_a_grid_moves_with_all_that_was_stored_in_it_and_leaves_nothing_behind(host: Host, tmp_path: Path) -> None:
    grid = a_grid()
    host.apply(sharded(None, grid=grid))
    with a_running_client(grid, tmp_path / "client") as client:
        assert client.hear() == {"stored": True}
        stored = what_was_stored(host)
        for shard in ("one", "two", None, "two"):
            answer = host.apply(sharded(shard, grid=grid))
            assert (answer["state"], answer["shard"], answer["changed"]) == ("running", shard, True)
            assert client.ask("read") == {"read": True}
            assert what_was_stored(host) == stored
            assert len(processes_of(host)) == 1, "who served it before is gone"
            assert [path.name for path in (host.grids / ".shards").glob("*")] == ([shard] if shard else [])
    host.run("remove")
    assert [path.name for path in (host.grids / ".host").iterdir()] == ["host.lock"]
    assert sorted(path.name for path in host.grids.iterdir()) == [".host", ".shards"]
    assert processes_of(host) == []


def test_other_content_restarts_that_grid_and_no_other(host: Host) -> None:
    stays, changes = sharded("one"), sharded("one", OTHER)
    host.apply(stays)
    host.apply(changes)
    renamed = {**changes.specification["storage"], "nickname": "renamed"}  # type: ignore[dict-item]  # JSON

    assert host.apply(changes, storage=renamed)["changed"] is True

    closed = [json.loads(line) for line in host.log("one").splitlines() if "grid.closed" in line]
    assert [(line["grid"], line["why"]) for line in closed] == [(OTHER, "restarted")]


def test_a_shard_that_died_is_started_again_with_all_its_grids_by_an_apply_of_one(host: Host) -> None:
    one, other = sharded("one"), sharded("one", OTHER)
    host.apply(one)
    host.apply(other)
    os.kill(host.pid("one"), signal.SIGKILL)
    eventually(lambda: {grid["state"] for grid in host.listed().values()} == {"failed"})

    again = host.apply(one)
    assert (again["state"], again["changed"]) == ("running", False), "as an apply that starts a process again says"

    eventually(lambda: host.run("status", OTHER).json["state"] == "running")
    assert probe(other.introducer_furl).json["ok"] is True


def test_a_grid_whose_directory_was_lost_under_its_shard_is_the_same_grid_again(host: Host) -> None:
    stays, loses = sharded("one"), sharded("one", OTHER)
    host.apply(stays)
    host.apply(loses)
    pid = host.pid("one")
    shutil.rmtree(host.home_in("one", OTHER))

    assert host.apply(loses)["state"] == "running"

    assert probe(loses.introducer_furl).json["ok"] is True
    assert host.pid("one") == pid


def test_a_grid_whose_directory_was_lost_is_served_where_it_is_to_be_and_nowhere_else(host: Host) -> None:
    grid = a_grid()
    host.apply(sharded("one", grid=grid))
    host.apply(sharded("one", OTHER))
    shutil.rmtree(host.home_in("one"))

    assert host.apply(sharded("two", grid=grid))["state"] == "running"

    assert probe(grid.introducer_furl).json["ok"] is True
    assert not listening_ports(host.pid("one")) & {port_of(grid, node) for node in ("introducer", "storage")}


def test_a_shard_whose_whole_directory_was_lost_is_made_again(host: Host) -> None:
    grid = sharded("one")
    host.apply(grid)
    pid = host.pid("one")
    shutil.rmtree(host.grids / ".shards")

    assert host.apply(grid)["state"] == "running"

    assert started_at(pid) is None
    assert probe(grid.introducer_furl).json["ok"] is True


@pytest.mark.parametrize("left_at", ["rest", "new", "the old shard"])
def test_a_command_that_was_killed_on_the_way_is_made_good_by_the_next(host: Host, left_at: str) -> None:
    grid = a_grid()
    host.apply(sharded("one", grid=grid))
    stored = host.home_in("one") / "storage" / "storage" / "shares" / "kept"
    stored.write_text("kept")
    if left_at == "new":
        (host.grids / f".new-{GRID_ID}").mkdir()
    else:
        host.run("stop")
    if left_at == "the old shard":  # moved, and killed before the old shard was left
        shutil.copytree(host.grids / ".shards" / "one", host.grids / ".shards" / "old")
        shutil.rmtree(host.grids / ".shards" / "old" / "grids" / f".{GRID_ID}")

    assert host.apply(sharded("one", grid=grid))["state"] == "running"

    assert stored.read_text() == "kept"
    assert probe(grid.introducer_furl).json["ok"] is True
    assert host.run("remove").json["state"] == "absent"
    assert not [*host.grids.glob(f"*{GRID_ID}*"), *(host.grids / ".shards").iterdir()]


@pytest.mark.parametrize("number", range(6))
def test_a_move_may_be_killed_at_any_moment(host: Host, number: int) -> None:
    grid = a_grid()
    host.apply(sharded("one", grid=grid))
    kept = Path("storage/storage/shares/kept")
    (host.home_in("one") / kept).write_text("kept")
    environ = {**os.environ, "S4_HOST_CONFIG": str(host.folder / "host.json")}
    target = "two" if number % 2 else None
    with subprocess.Popen(
        [str(BIN / "s4-host"), "apply", GRID_ID], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environ
    ) as moving:
        assert moving.stdin is not None
        moving.stdin.write(json.dumps(sharded(target, grid=grid).specification).encode())
        moving.stdin.close()
        try:
            moving.wait(0.25 + 0.15 * number)
        except subprocess.TimeoutExpired:
            moving.kill()

    assert host.apply(sharded(target, grid=grid))["state"] == "running"

    home = host.home_in("two") if target else host.home()
    assert (home / kept).read_text() == "kept"
    assert probe(grid.introducer_furl).json["ok"] is True
    assert len(processes_of(host)) == 1
    assert [path.name for path in (host.grids / ".shards").glob("*")] == ([target] if target else [])


def test_many_grids_are_applied_to_one_shard_at_once(host: Host) -> None:
    grids = [sharded("one", grid_id_of(number)) for number in range(1, 9)]
    host.tell("list")
    environ = {**os.environ, "S4_HOST_CONFIG": str(host.folder / "host.json")}
    commands = [
        subprocess.Popen(
            [str(BIN / "s4-host"), "apply", grid.grid_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environ,
            text=True,
        )
        for grid in grids
    ]
    for command, grid in zip(commands, grids, strict=True):
        assert command.stdin is not None
        command.stdin.write(json.dumps({**grid.specification, "wait_seconds": 60}))
        command.stdin.close()
        command.stdin = None
    answers = [json.loads(command.communicate()[0]) for command in commands]

    assert [answer["state"] for answer in answers] == ["running"] * len(grids)
    assert {grid["state"] for grid in host.listed().values()} == {"running"}
    assert len(processes_of(host)) == 1


def test_one_list_tells_of_the_host_and_of_every_grid(host: Host, store: Store, s3_control: S3Control) -> None:
    lent = known(s3_control, session(1))
    in_s3, on_disk = in_the_bucket(store, shard="one", credentials=lent), sharded(None, OTHER)
    host.apply(in_s3)
    host.apply(on_disk)
    assert probe(in_s3.introducer_furl).json["ok"] is True
    eventually(lambda: (host.listed()[GRID_ID]["usage"] or {}).get("objects") == 2)

    answer = host.tell("list").json

    assert answer["version"] == "s4-node 0.1.0"
    assert abs(answer["clock"] - host_clock()) <= 5
    assert answer["memory_mib"]["total"] > answer["memory_mib"]["available"] > 0
    assert answer["disk_free_mib"] > 0
    assert answer["grids"].keys() == {GRID_ID, OTHER}
    both = {"introducer": True, "storage": True}
    usage = answer["grids"][GRID_ID].pop("usage")
    assert usage["bytes"] > 96 * 1024
    assert answer["grids"][GRID_ID] == {
        "state": "running",
        "listening": both,
        "shard": "one",
        "bucket": {"ok": True, "code": None},
        "credentials_until": lent["expires_at"],
        "version": "s4-node 0.1.0",
    }
    assert answer["grids"][OTHER] == {
        "state": "running",
        "listening": both,
        "shard": None,
        "bucket": None,
        "usage": None,
        "credentials_until": None,
        "version": "s4-node 0.1.0",
    }
    status = host.run("status").json
    assert {name: status[name] for name in ("shard", "version")} == {"shard": "one", "version": "s4-node 0.1.0"}


def host_clock() -> int:
    return int(subprocess.run(["date", "+%s"], check=True, capture_output=True, text=True).stdout)


def test_a_host_without_grids_is_listed_too(host: Host) -> None:
    assert host.listed() == {}
    assert host.tell("lend", body={"grids": {}}).json == {"lent": [], "absent": []}


def test_a_bucket_that_does_not_answer_keeps_no_grid_of_the_shard_from_being_applied(
    host: Host, store: Store, s3_control: S3Control
) -> None:
    lent = known(s3_control, session(1))
    silent = in_the_bucket(store, shard="one", credentials=lent)
    host.apply(silent)
    eventually(lambda: host.listed()[GRID_ID]["bucket"] == {"ok": True, "code": None})
    s3_control.fail("hang", times=None)
    assert host.run("stop").json["state"] == "stopped"

    assert host.apply(sharded("one", OTHER))["state"] == "running"


@pytest.mark.long
def test_a_shard_that_hangs_does_not_keep_a_grid_that_is_to_stop(host: Host) -> None:
    stops, stays = sharded("one"), sharded("one", OTHER)
    host.apply(stops)
    host.apply(stays)
    pid = host.pid("one")
    os.kill(pid, signal.SIGSTOP)

    assert host.run("stop").json["state"] == "stopped"

    assert started_at(pid) is None
    eventually(lambda: host.run("status", OTHER).json["state"] == "running")
    assert probe(stays.introducer_furl).json["ok"] is True


def test_what_a_shard_writes_into_its_directory_misleads_nobody(host: Host) -> None:
    """A shard that was broken into cannot make the host read or write elsewhere."""
    grid = sharded("one")
    host.apply(grid)
    victim = host.folder / "victim"
    victim.write_text("untouched")
    config = host.home_in("one") / "storage" / "tahoe.cfg"
    config.unlink()
    config.symlink_to(victim)
    seqnum = host.home_in("one") / "storage" / "announcement-seqnum"
    seqnum.unlink()
    os.mkfifo(seqnum)

    assert host.listed()[GRID_ID]["listening"] == {"introducer": True, "storage": False}
    assert host.apply(grid)["state"] == "running"

    assert victim.read_text() == "untouched"
    assert config.read_text().startswith("[node]")
    assert seqnum.is_file()


def test_a_lock_that_was_removed_while_somebody_waited_for_it_is_taken_anew(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as others:
        with only_one(tmp_path, "grid"):
            waiting = others.submit(lambda: only_one(tmp_path, "grid").__enter__())
            with pytest.raises(Busy), only_one(tmp_path, "grid", within=0.1):
                pass
            (tmp_path / "grid.lock").unlink()
            with only_one(tmp_path, "grid", within=0):
                assert not waiting.done()
        waiting.result(10)
