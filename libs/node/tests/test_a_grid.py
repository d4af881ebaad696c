"""A grid from its identity to a client's files and back, over the loopback, with real nodes and real clients."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from commands import GRID_ID, Host, a_grid, eventually, free_port, probe, run
from minting import Grid, furl, location, mint_tub
from support.clients import a_running_client


def shares(host: Host) -> Path:
    return host.home() / "storage" / "storage" / "shares"


def moved(grid: Grid, storage_port: int) -> Grid:
    """The same identity with its storage server on another port."""
    storage = json.loads(json.dumps(grid.specification["storage"]))
    here, there = storage["location"], location(storage_port, "127.0.0.1")
    storage["files"]["private/storage.furl"] = storage["files"]["private/storage.furl"].replace(here, there)
    return Grid(
        grid.grid_id,
        grid.introducer_furl,
        {**grid.specification, "storage": {**storage, "port": storage_port, "location": there}},
    )


def test_a_minted_identity_is_served_unchanged_and_a_client_stores_and_reads(host: Host) -> None:
    grid = a_grid("g1.grids.s4.invalid", "127.0.0.1")
    assert host.apply(grid)["state"] == "running"

    answer = probe(grid.introducer_furl)

    assert answer.code == 0, answer
    assert answer.json["ok"] is True
    assert {"connect_seconds", "put_seconds", "get_seconds", "total_seconds"} < answer.json.keys()
    for node in ("introducer", "storage"):
        for path, text in grid.specification[node]["files"].items():  # type: ignore[index]  # JSON
            if path != "announcement-seqnum":
                assert (host.home() / node / path).read_text() == text
    assert any(share.stat().st_size >= 64 * 1024 for share in shares(host).rglob("*") if share.is_file())


def test_a_destroyed_grid_made_again_elsewhere_is_found_by_a_client_that_never_stopped(
    host: Host, tmp_path: Path
) -> None:
    grid = a_grid()
    host.apply(grid)
    with a_running_client(grid, tmp_path / "client") as client:
        assert client.hear() == {"stored": True}
        host.run("stop")
        kept = shutil.copytree(host.home() / "storage" / "storage", tmp_path / "kept")
        host.run("remove")

        new = moved(grid, free_port())
        host.apply(new)
        host.run("stop")
        shutil.copytree(kept, host.home() / "storage" / "storage", dirs_exist_ok=True)
        host.apply(new)

        assert client.ask("read") == {"read": True}


def test_a_client_does_not_take_what_it_wrote_for_what_the_grid_holds(host: Host, tmp_path: Path) -> None:
    grid = a_grid()
    host.apply(grid)
    with a_running_client(grid, tmp_path / "client") as client:
        assert client.hear() == {"stored": True}
        assert client.ask("read once") == {"read": True}
        shutil.rmtree(shares(host))

        answer = client.ask("read once")

        assert answer["read"] is False
        assert answer["error"] in {"NoSharesError", "NotEnoughSharesError", "UnrecoverableFileError", "FirstError"}


def test_a_stored_file_survives_apply_with_other_content_and_kill_9(host: Host, tmp_path: Path) -> None:
    grid = a_grid()
    host.apply(grid)
    with a_running_client(grid, tmp_path / "client") as client:
        assert client.hear() == {"stored": True}
        storage = {**grid.specification["storage"], "nickname": "another 100% name"}  # type: ignore[dict-item]  # JSON
        assert host.apply(grid, storage=storage)["changed"] is True
        assert client.ask("read") == {"read": True}
        os.kill(host.pid(), signal.SIGKILL)
        eventually(lambda: host.run("status").json["state"] == "failed")
        again = host.apply(grid, storage=storage)
        assert (again["state"], again["changed"]) == ("running", False)
        assert again["listening"] == {"introducer": True, "storage": True}
        assert client.ask("read") == {"read": True}


def test_a_probe_says_that_the_introducer_is_unreachable(tmp_path: Path) -> None:
    nobody = furl(mint_tub(), location(free_port(), "127.0.0.1"))

    answer = probe(nobody, timeout_seconds=4, environ={"TMPDIR": str(tmp_path)})

    assert answer.code == 1
    assert answer.json["code"] == "introducer-unreachable"
    assert list(tmp_path.iterdir()) == []


def test_a_probe_does_not_take_another_introducer_for_the_one_it_was_given(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    port = int(grid.introducer_furl.rpartition("/")[0].rpartition(":")[2])

    answer = probe(furl(mint_tub(), location(port, "127.0.0.1")), timeout_seconds=8)

    assert answer.json["code"] == "introducer-unreachable"


def test_a_probe_says_that_there_is_no_storage_server(host: Host) -> None:
    grid = a_grid()
    unreachable = moved(grid, free_port())
    port = grid.specification["storage"]["port"]  # type: ignore[index]  # JSON
    # announced where nobody listens: the furl is right for itself, but the node listens on its old port
    storage = {**unreachable.specification["storage"], "port": port}  # type: ignore[dict-item]  # JSON
    host.apply(grid, storage=storage)

    answer = probe(grid.introducer_furl, timeout_seconds=5)

    assert (answer.code, answer.json["code"]) == (1, "no-storage-server")


def test_a_probe_that_hangs_ends_in_time_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        lost = furl(mint_tub(), location(silent.getsockname()[1], "127.0.0.1"))

        answer = probe(lost, timeout_seconds=0.2, environ={"TMPDIR": str(tmp_path)})

    assert answer.code == 1
    assert answer.json["code"] in {"timeout", "introducer-unreachable"}
    assert answer.json["total_seconds"] < 10
    assert list(tmp_path.iterdir()) == []


def test_a_probe_stopped_in_the_middle_leaves_no_directory_behind(tmp_path: Path) -> None:
    nobody = furl(mint_tub(), location(free_port(), "127.0.0.1"))
    with subprocess.Popen(
        [str(Path(sys.prefix) / "bin" / "s4-node"), "probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"furl": nobody, "timeout_seconds": 30}).encode())
        process.stdin.close()
        eventually(lambda: any(tmp_path.iterdir()))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_one_clear_line_and_an_exit_code(host: Host) -> None:
    grid = a_grid()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", grid.specification["storage"]["port"]))  # type: ignore[index]  # JSON
        taken.listen()

        answer = host.run("apply", body=grid.specification)

        assert (answer.code, answer.json["state"]) == (1, "failed")
        served = run("s4-node", "run", str(host.home()))
        assert served.code == 1
        assert served.err.count("\n") == 1
        assert f"cannot listen on 127.0.0.1:{taken.getsockname()[1]}: Address already in use" in served.err
    assert host.apply(grid)["state"] == "running"


def test_a_storage_server_that_would_announce_itself_elsewhere_is_refused(host: Host) -> None:
    grid = a_grid()
    elsewhere = furl(mint_tub(), location(free_port(), "127.0.0.1"))
    storage = {**grid.specification["storage"], "introducer_furl": elsewhere}  # type: ignore[dict-item]  # JSON

    answer = host.run("apply", body={**grid.specification, "storage": storage})

    assert answer.code == 2
    assert answer.json["problems"] == ["storage.introducer_furl: not the introducer's furl"]


def test_a_node_ends_in_order_when_it_is_told_to(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    host.run("stop")
    with subprocess.Popen([str(Path(sys.prefix) / "bin" / "s4-node"), "run", str(host.home())]) as node:
        eventually(lambda: probe_connects(grid))
        node.terminate()
        assert node.wait(10) == 0


def probe_connects(grid: Grid) -> bool:
    port = grid.specification["storage"]["port"]  # type: ignore[index]  # JSON
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_the_service_manager_is_told_once_the_grid_is_served(host: Host, tmp_path: Path) -> None:
    grid = a_grid()
    host.apply(grid)
    host.run("stop")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        environ = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        command = [str(Path(sys.prefix) / "bin" / "s4-node"), "run", str(host.home())]
        with subprocess.Popen(command, env=environ) as node:
            assert manager.recv(100) == b"READY=1"
            answer = probe(grid.introducer_furl)
            node.terminate()
            assert manager.recv(100) == b"STOPPING=1"
    assert answer.json["ok"] is True


def test_no_secret_is_printed_or_logged(host: Host) -> None:
    grid = a_grid()
    applied = host.run("apply", body=grid.specification)
    proved = probe(grid.introducer_furl)
    status = host.run("status")
    said = host.log() + "".join(answer.out + answer.err for answer in (applied, proved, status))

    for node in ("introducer", "storage"):
        for path, text in grid.specification[node]["files"].items():  # type: ignore[index]  # JSON
            if path != "announcement-seqnum":
                assert text.strip() not in said
    assert "pb://" not in said
    assert "URI:" not in said
    command_line = Path(f"/proc/{host.pid()}/cmdline").read_text()
    assert command_line.split("\0")[-4:] == ["run", "--control", str(host.home()), ""]
    assert GRID_ID in command_line
