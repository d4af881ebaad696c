"""One process that serves many grids, over the loopback, with a real S3 double and real clients."""

import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import eventually, probe, run
from s4_node.s3.values import Store
from support.s3_control import S3Control
from support.s3_servers import Server
from support.serving import LOOPBACK, Shard, grid_id_of, lay_out, mint, port_of, section, threads_and_files


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[Shard]:
    shard = Shard.of(tmp_path / "shard")
    yield shard
    shard.served.stop(signal.SIGKILL)


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0


def test_each_grid_is_served_with_an_identity_a_bucket_prefix_and_a_backend_of_its_own(
    shard: Shard, store: Store, s3_control: S3Control
) -> None:
    first, second, on_disk = shard.add(1, store), shard.add(2, store), shard.add(3)
    shard.served.start().until_ready()

    for grid in (first, second, on_disk):
        assert probe(grid.introducer_furl).json["ok"] is True

    keys = [key for key in s3_control.objects(store.bucket) if "/shares/" in key]
    assert {key.partition("/")[0] for key in keys} == {first.grid_id, second.grid_id}
    assert any((shard.home(on_disk) / "storage" / "storage" / "shares").rglob("*"))
    conditions = shard.served.conditions()
    assert [conditions[grid.grid_id]["ready"] for grid in (first, second, on_disk)] == [True] * 3
    assert conditions[first.grid_id]["bucket"]["reachable"] is True
    assert conditions[on_disk.grid_id]["bucket"] is None


def test_grids_are_added_restarted_and_removed_while_the_others_are_served(shard: Shard, store: Store) -> None:
    stays, changes, goes = shard.add(1, store), shard.add(2, store), shard.add(3, store)
    shard.served.start().until_ready()
    pid = shard.served.pid

    comes = shard.add(4, store)
    shard.remove(goes)
    config = shard.home(changes) / "storage" / "tahoe.cfg"
    config.write_text(config.read_text().replace("nickname = S4", "nickname = another"))
    answer = shard.apply()

    assert {grid_id: grid["change"] for grid_id, grid in answer.items()} == {
        stays.grid_id: "kept",
        changes.grid_id: "restarted",
        goes.grid_id: "removed",
        comes.grid_id: "added",
    }
    assert {grid["change"] for grid in shard.apply().values()} == {"kept"}
    assert not is_listening(port_of(goes, "storage"))
    assert not is_listening(port_of(goes, "introducer"))
    for grid in (stays, changes, comes):
        assert probe(grid.introducer_furl).json["ok"] is True
    assert shard.served.pid == pid
    assert shard.served.conditions().keys() == {stays.grid_id, changes.grid_id, comes.grid_id}


def test_bad_grids_are_shown_with_their_reasons_and_hurt_no_other(
    shard: Shard, store: Store, s3: Server, s3_control: S3Control
) -> None:
    good, taken, broken, empty, unset = (shard.add(number, store) for number in range(1, 6))
    (shard.home(broken) / "storage" / "private" / "node.pem").write_text("this is no key")
    shutil.rmtree(shard.home(empty) / "storage")
    (shard.home(unset) / "storage" / "tahoe.cfg").write_text("[node]\n[storageserver.plugins.s4-s3-v1]\nbuckets = x\n")
    missing = shard.add(6, s3.store("no-such-bucket"))
    with socket.socket() as other:
        other.bind((LOOPBACK, port_of(taken, "introducer")))
        other.listen()
        shard.served.start().until_ready()
        conditions = shard.served.conditions()

        listed = shard.ask("--list")
        assert listed.code == 1
        assert listed.json["grids"].keys() == conditions.keys()
        assert probe(good.introducer_furl).json["ok"] is True
        # S3's silence or refusal keeps no node from listening
        assert conditions[missing.grid_id]["state"] == "serving"
        eventually(lambda: shard.bucket_code(missing) == "NoSuchBucket")
        assert shard.served.conditions()[missing.grid_id]["ready"] is False

        failed = {grid_id: grid["why"] for grid_id, grid in conditions.items() if grid["state"] == "failed"}
        assert failed.keys() == {grid.grid_id for grid in (taken, broken, empty, unset)}
        assert f"cannot listen on {LOOPBACK}:{port_of(taken, 'introducer')}" in failed[taken.grid_id]
        assert "no tahoe.cfg" in failed[empty.grid_id]
        assert shard.served.metric("s4_node_grids") == 6
    # the port is free now, and nobody has to say so
    eventually(lambda: shard.served.conditions()[taken.grid_id]["ready"], 30)
    assert probe(taken.introducer_furl).json["ok"] is True


def test_a_grid_whose_bucket_is_forbidden_heals_with_it(
    shard: Shard, s3: Server, s3_control: S3Control, store: Store, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("[default]\naws_access_key_id = AKIAREVOKED000000000\naws_secret_access_key = of-nobody\n")
    s3_control.credential("AKIAREVOKED000000000", "of-nobody", state="revoked")
    grid = shard.add(1, store, credentials=f"file:{keys}")
    shard.served.start()
    eventually(lambda: shard.bucket_code(grid) == "InvalidAccessKeyId")
    assert shard.served.get("/readyz")[0] == 503
    assert is_listening(port_of(grid, "storage"))

    s3_control.credential("AKIAREVOKED000000000", "of-nobody", state="valid")

    assert probe(grid.introducer_furl).json["ok"] is True
    eventually(lambda: shard.served.conditions()[grid.grid_id]["ready"])
    assert "of-nobody" not in shard.served.log.read_text()


def test_the_same_identity_comes_and_goes_and_nothing_of_it_is_left(shard: Shard, store: Store) -> None:
    stays = shard.add(1, store)
    shard.served.start().until_ready()
    assert probe(stays.introducer_furl).json["ok"] is True
    comes = mint(2)
    seen = []
    for _ in range(4):
        lay_out(comes, shard.home(comes), section(store, prefix="other"))
        assert shard.apply()[comes.grid_id]["change"] == "added"
        assert is_listening(port_of(comes, "storage"))
        shard.remove(comes)
        assert shard.apply()[comes.grid_id]["change"] == "removed"
        seen.append(threads_and_files(shard.served.pid))
        assert not is_listening(port_of(comes, "storage"))

    # a grid has two listeners, the two ends of its announcement and its connections to S3; the other one's come and go
    eventually(lambda: threads_and_files(shard.served.pid)[1] <= seen[0][1] + 4)
    assert threads_and_files(shard.served.pid)[0] <= 20


@pytest.mark.long
def test_grids_that_are_already_open_answer_while_others_are_opened(shard: Shard) -> None:
    grids = [shard.add(number) for number in range(12)]
    shard.served.start()
    eventually(lambda: is_listening(port_of(grids[0], "storage")))

    answer = probe(grids[0].introducer_furl)

    assert answer.json["ok"] is True
    shard.served.until_ready()
    assert len(shard.served.conditions()) == 12


def test_a_killed_shard_is_started_again_where_it_was(shard: Shard, store: Store) -> None:
    grid = shard.add(1, store)
    shard.served.start().until_ready()
    shard.served.stop(signal.SIGKILL)
    assert (shard.folder / "control.sock").exists()
    assert shard.ask("--list").code == 1

    shard.served.start().until_ready()

    assert shard.ask("--list").code == 0
    assert probe(grid.introducer_furl).json["ok"] is True


def test_a_directory_is_served_by_one_process_only(shard: Shard) -> None:
    shard.add(1)
    shard.served.start().until_ready()
    second = run("s4-node", "shard", str(shard.folder))
    assert (second.code, second.err.count("\n")) == (1, 1)
    assert "another process serves" in second.err
    assert shard.ask("--list").code == 0


def test_only_its_owner_speaks_to_a_shard_and_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    shard = Shard.of(tmp_path / ("long" * 30))
    shard.add(1)
    shard.served.start().until_ready()
    try:
        assert len(str(shard.folder / "control.sock")) > 107
        assert (shard.folder / "control.sock").stat().st_mode & 0o777 == 0o600
        assert shard.ask("--apply").json["grids"][grid_id_of(1)]["change"] == "kept"
    finally:
        shard.served.stop()


def test_a_shard_without_grids_waits_for_its_first(shard: Shard) -> None:
    (shard.folder / "grids").rmdir()
    shard.served.start().until_ready()
    assert shard.served.get("/healthz") == (200, "ok\n")
    assert (shard.ask("--list").code, shard.ask("--list").json["grids"]) == (0, {})
    grid = shard.add(1)
    assert shard.apply()[grid.grid_id]["state"] == "serving"
    assert shard.served.get("/readyz")[0] == 200


def test_nobody_is_asked_where_nobody_serves(tmp_path: Path) -> None:
    for word in ("--apply", "--list"):
        answer = run("s4-node", "shard", str(tmp_path), word)
        assert (answer.code, answer.out) == (1, "")
        assert f"no process serves {tmp_path}" in answer.err
    missing = run("s4-node", "shard", str(tmp_path / "missing"))
    assert (missing.code, missing.err.count("\n")) == (1, 1)


def test_a_shard_that_is_told_to_end_while_it_begins_ends_in_order(shard: Shard) -> None:
    grids = [shard.add(number) for number in range(4)]
    shard.served.start()
    eventually(lambda: any(is_listening(port_of(grid, "introducer")) for grid in grids))
    assert shard.served.stop() == 0
    assert "grid.failed" not in shard.served.log.read_text()


def test_a_shard_ends_in_order_when_it_is_told_to(shard: Shard, store: Store) -> None:
    grid = shard.add(1, store)
    shard.served.start().until_ready()
    assert shard.served.stop() == 0
    assert not is_listening(port_of(grid, "storage"))
    assert [home.name for home in (shard.folder / "grids").iterdir()] == [grid.grid_id]


def test_no_secret_of_any_grid_is_in_the_log_or_on_a_page(shard: Shard, store: Store, s3: Server) -> None:
    grids = [shard.add(1, store), shard.add(2, s3.store("no-such-bucket"))]
    (shard.home(shard.add(3, store)) / "storage" / "private" / "storage.furl").write_text("pb://broken@furl/swissnum\n")
    shard.served.start().until_ready()
    assert probe(grids[0].introducer_furl).json["ok"] is True
    said = shard.served.log.read_text() + shard.ask("--list").out + shard.served.get("/metrics")[1]
    said += shard.served.get("/readyz")[1]
    assert {line["event"] for line in shard.served.lines()} >= {"grid.serving", "grid.failed"}
    for grid in grids:
        for node in ("introducer", "storage"):
            for path, text in grid.specification[node]["files"].items():  # type: ignore[index]  # JSON
                if path != "announcement-seqnum":
                    assert text.strip() not in said
    assert "pb://" not in said
    assert s3.secret_key not in said
    assert s3.access_key not in said


def test_a_bucket_that_does_not_answer_keeps_no_other_grid_waiting(
    shard: Shard, store: Store, s3_control: S3Control
) -> None:
    silent, *others = [shard.add(number, store) for number in (1, 2, 3)]
    s3_control.fail("hang", times=None, key=silent.grid_id)

    shard.served.start()

    eventually(lambda: all(shard.served.conditions().get(grid.grid_id, {}).get("ready") for grid in others), 9)
    assert shard.served.conditions()[silent.grid_id]["ready"] is False
    assert shard.served.conditions()[silent.grid_id]["state"] == "starting"
    shard.remove(silent)
    assert shard.apply()[silent.grid_id]["change"] == "removed"
    assert shard.served.conditions().keys() == {grid.grid_id for grid in others}


def test_a_store_that_ignores_conditions_is_refused_until_it_does_not(
    shard: Shard, store: Store, s3_control: S3Control
) -> None:
    s3_control.behave(ignores_conditions=True)
    grid = shard.add(1, store)
    shard.served.start()
    eventually(lambda: shard.served.conditions().get(grid.grid_id, {}).get("state") == "failed")
    assert not is_listening(port_of(grid, "storage"))

    s3_control.behave(ignores_conditions=False)

    eventually(lambda: shard.served.conditions()[grid.grid_id]["ready"])
    assert probe(grid.introducer_furl).json["ok"] is True
