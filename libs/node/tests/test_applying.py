"""`s4-host` with plain processes: done twice, killed half-way, and asked for what it must not do."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from commands import GRID_ID, Host, a_grid, eventually, probe, run
from minting import Grid
from s4_node.host import unit
from s4_node.host.configuration import HostConfiguration
from s4_node.host.processes import started_at

HOSTILE = ["", ".", "..", "../../etc", "/etc/passwd", "a/b", "0190D3A0-0000-7000-8000-000000000001", f"{GRID_ID}\n",
           f"{GRID_ID}/..", "0190d3a0-0000-7000-8000-00000000000%", "--help", "*"]  # fmt: skip


def sequence(host: Host) -> int:
    return int((host.home() / "storage" / "announcement-seqnum").read_text())


def test_apply_twice_changes_nothing_and_restarts_nothing(host: Host) -> None:
    grid = a_grid()
    assert host.apply(grid)["changed"] is True
    pid, number = host.pid(), sequence(host)

    again = host.apply(grid)

    assert (again["changed"], again["state"]) == (False, "running")
    assert (host.pid(), sequence(host)) == (pid, number)
    assert host.log().count("serving") == 1


def test_another_announcement_number_alone_restarts_nothing_and_is_never_lowered(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    pid, number = host.pid(), sequence(host)
    files = grid.specification["storage"]["files"]  # type: ignore[index]  # JSON

    files["announcement-seqnum"] = "7\n"
    assert host.apply(grid)["changed"] is False
    assert sequence(host) == number
    files["announcement-seqnum"] = f"{number + 1000}\n"
    assert host.apply(grid)["changed"] is False

    assert sequence(host) == number + 1000
    assert host.pid() == pid


def test_the_announcement_number_rises_with_every_start(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    before = sequence(host)
    host.run("stop")
    host.apply(grid)
    assert sequence(host) > before


def test_other_content_restarts_the_grid(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    pid = host.pid()
    storage = {**grid.specification["storage"], "nickname": "renamed"}  # type: ignore[dict-item]  # JSON

    assert host.apply(grid, storage=storage)["changed"] is True

    assert host.pid() != pid
    assert "nickname = renamed\n" in (host.home() / "storage" / "tahoe.cfg").read_text()


def test_a_file_that_was_damaged_on_the_host_is_written_again(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    (host.home() / "storage" / "private" / "node.privkey").write_text("priv-v0-damaged")

    assert host.apply(grid)["changed"] is True

    written = (host.home() / "storage" / "private" / "node.privkey").read_text()
    assert written == grid.specification["storage"]["files"]["private/node.privkey"]  # type: ignore[index]  # JSON


def test_an_apply_that_died_before_the_restart_is_made_good_by_the_next(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    pid = host.pid()
    (host.grids / ".host" / f"{GRID_ID}.applied").unlink()  # what it writes last

    assert host.apply(grid)["changed"] is True

    assert host.pid() != pid


def test_an_apply_that_died_before_the_rename_is_made_good_by_the_next(host: Host) -> None:
    half = host.grids / f".new-{GRID_ID}" / "introducer"
    half.mkdir(parents=True)
    (half / "tahoe.cfg").write_text("[node")

    assert host.apply(a_grid())["state"] == "running"

    assert not half.exists()


def test_a_process_whose_pid_was_never_written_down_is_found_again(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    pid = host.pid()
    (host.grids / ".host" / f"{GRID_ID}.pid").unlink()

    assert host.run("status").json["state"] == "running"
    assert host.apply(grid)["changed"] is False
    host.run("stop")

    assert started_at(pid) is None


def test_a_pid_that_now_names_another_process_is_not_taken_for_the_grid(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    host.run("stop")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        (host.grids / ".host" / f"{GRID_ID}.pid").write_text(f"{stranger.pid} 1\n")

        assert host.run("status").json["state"] == "failed"
        host.run("stop")

        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_died_before_its_start_was_noted_is_no_process(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    host.run("stop")
    (host.grids / ".host" / f"{GRID_ID}.pid").write_text(f"{2**22 + 1} None\n")

    assert host.run("status").json["state"] == "failed"
    assert host.run("stop").json["state"] == "stopped"


def test_stop_keeps_what_was_stored_and_remove_does_not(host: Host) -> None:
    host.apply(a_grid())
    kept = host.home() / "storage" / "storage" / "shares" / "kept"
    kept.write_text("kept")

    stopped = host.run("stop").json
    assert (stopped["state"], stopped["changed"]) == ("stopped", True)
    assert stopped["listening"] == {"introducer": False, "storage": False}
    assert host.run("stop").json["changed"] is False
    assert kept.read_text() == "kept"
    assert (host.run("remove").json["state"], host.home().exists()) == ("absent", False)
    assert host.run("remove").json["changed"] is False
    assert host.run("status").json["state"] == "absent"


def test_a_remove_that_died_half_way_is_finished_by_the_next(host: Host) -> None:
    host.apply(a_grid())
    host.run("stop")
    host.home().rename(host.grids / f".gone-{GRID_ID}")

    assert host.run("remove").json["changed"] is True

    assert not (host.grids / f".gone-{GRID_ID}").exists()


def test_a_grid_that_came_again_after_a_remove_died_half_way_is_removed_with_what_was_left(host: Host) -> None:
    rest = host.grids / f".gone-{GRID_ID}" / "storage"
    rest.mkdir(parents=True)
    host.apply(a_grid(), wait_seconds=0)

    assert host.run("remove").json["state"] == "absent"

    assert not rest.parent.exists()


def test_only_the_owner_reads_a_grid(host: Host) -> None:
    host.apply(a_grid())
    assert stat.S_IMODE(host.home().stat().st_mode) == 0o700
    for node in ("introducer", "storage"):
        assert stat.S_IMODE((host.home() / node / "private").stat().st_mode) == 0o700
        for path in (host.home() / node / "private").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for note in (host.grids / ".host").iterdir():
        assert stat.S_IMODE(note.stat().st_mode) == 0o600, note


def test_two_grids_live_side_by_side(host: Host) -> None:
    one, other = a_grid(), a_grid(grid_id="0190d3a0-0000-7000-8000-000000000002")
    host.apply(one)
    host.apply(other)
    assert host.run("remove", one.grid_id).json["state"] == "absent"
    assert host.run("status", other.grid_id).json["state"] == "running"


def test_two_commands_at_once_start_one_process(host: Host) -> None:
    grid = a_grid()
    host.run("status")
    environ = {**os.environ, "S4_HOST_CONFIG": str(host.folder / "host.json")}
    command = [str(Path(sys.prefix) / "bin" / "s4-host"), "apply", GRID_ID]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True)
        for _ in range(2)
    ]
    for process in both:
        assert process.stdin is not None
        process.stdin.write(json.dumps(grid.specification))
        process.stdin.close()
        process.stdin = None
    answers = [json.loads(process.communicate()[0]) for process in both]

    assert [answer["state"] for answer in answers] == ["running", "running"]
    assert sorted(answer["changed"] for answer in answers) == [False, True]


def test_apply_returns_after_the_time_it_was_given(host: Host) -> None:
    answer = host.apply(a_grid(), wait_seconds=0)
    assert (answer["state"], answer["changed"]) == ("starting", True)
    eventually(lambda: host.run("status").json["state"] == "running")


def test_a_grid_that_died_is_started_again(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    os.kill(host.pid(), signal.SIGKILL)
    eventually(lambda: host.run("status").json["state"] == "failed")

    assert host.apply(grid)["state"] == "running"


def test_a_grid_whose_directory_was_lost_is_the_same_grid_again(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    pid, number = host.pid(), sequence(host)
    shutil.rmtree(host.home())

    assert host.apply(grid)["state"] == "running"

    assert started_at(pid) is None, "the process that served from the lost directory is gone"
    assert sequence(host) >= number
    assert probe(grid.introducer_furl).code == 0, "under the furl that it always had"


def test_a_grid_that_was_lost_in_part_and_died_of_it_is_the_same_grid_again(host: Host) -> None:
    grid = a_grid()
    host.apply(grid)
    os.kill(host.pid(), signal.SIGKILL)
    shutil.rmtree(host.home() / "storage")
    shutil.rmtree(host.home() / "introducer" / "private")

    assert host.apply(grid)["state"] == "running"

    assert probe(grid.introducer_furl).code == 0


def test_the_hosts_environment_is_the_grids_and_another_one_restarts_it(host: Host) -> None:
    grid, name = a_grid(), "AWS_EC2_METADATA_SERVICE_ENDPOINT"
    host.more["environment"] = {name: "http://127.1.2.3:8169"}
    host.apply(grid)
    pid = host.pid()
    given = Path(f"/proc/{pid}/environ").read_text().split("\0")

    assert f"{name}=http://127.1.2.3:8169" in given
    assert f"S4_HOST_CONFIG={host.folder}/host.json" in given
    assert host.apply(grid)["changed"] is False
    host.more["environment"] = {name: "http://127.1.2.4:8169"}
    assert host.apply(grid)["changed"] is True
    assert host.pid() != pid


def test_a_unit_hands_on_the_hosts_environment() -> None:
    given = HostConfiguration(Path("/grids"), environment={"B": "2", "A": "http://127.0.0.1/"})
    for written in (unit.of_grids(given), unit.of_shards(given)):
        assert "\nUMask=0077\nEnvironment=A=http://127.0.0.1/\nEnvironment=B=2\nExecStart=/" in written
    assert "Environment=" not in unit.of_grids(HostConfiguration())


@pytest.mark.parametrize("grid_id", HOSTILE)
@pytest.mark.parametrize("command", ["apply", "status", "stop", "remove"])
def test_a_hostile_grid_id_touches_nothing(tmp_path: Path, command: str, grid_id: str) -> None:
    answer = Host(tmp_path).run(command, grid_id, body=a_specification_named(grid_id))
    assert answer.code == 2
    assert answer.json == {"state": "refused", "problems": ["grid_id: not a UUID in lower case"]}
    assert [path.name for path in tmp_path.iterdir()] == ["host.json"]


def a_specification_named(grid_id: str) -> dict[str, object]:
    return {"grid_id": grid_id}


def test_a_wrong_command_says_how_it_is_used() -> None:
    for arguments in ([], ["apply"], ["destroy", GRID_ID], ["apply", GRID_ID, "more"]):
        answer = run("s4-host", *arguments)
        assert (answer.code, answer.out) == (2, "")
        assert "usage: s4-host COMMAND [GRID_ID]" in answer.err


@pytest.mark.parametrize(
    "configuration",
    [
        '{"root": "relative"}',
        '{"supervisor": "init"}',
        '{"roots": "/tmp"}',
        "[]",
        "{",
        '{"root": "/tmp", "supervisor": "process", "bind": "x\\n[storage]"}',
        '{"root": "/tmp", "supervisor": "systemd", "user": null}',
        '{"root": "/tmp", "spool_bytes": 5}',
        '{"root": "/tmp", "spool_bytes": true}',
        '{"root": "/tmp", "environment": ["A=1"]}',
        '{"root": "/tmp", "environment": {"a": "1"}}',
        '{"root": "/tmp", "environment": {"A": 1}}',
        '{"root": "/tmp", "environment": {"A": "1\\nExecStart=/bin/sh"}}',
        '{"root": "/tmp", "environment": {"A": "50%"}}',
        '{"root": "/tmp", "environment": {"S4_HOST_CONFIG": "/tmp/x"}}',
    ],
)
def test_a_wrong_host_configuration_is_refused(tmp_path: Path, configuration: str) -> None:
    (tmp_path / "host.json").write_text(configuration)
    answer = run("s4-host", "status", GRID_ID, environ={"S4_HOST_CONFIG": str(tmp_path / "host.json")})
    assert answer.code == 2
    assert answer.json["problems"][0].startswith("host configuration: ")


def test_the_host_command_imports_nothing_of_the_node() -> None:
    code = (
        "import sys, s4_node.host.command; print([m for m in sys.modules if m in ('twisted', 'allmydata', 'foolscap')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_wrong_specification_is_refused_before_anything_is_made(host: Host) -> None:
    grid: Grid = a_grid()
    answer = host.run("apply", body={**grid.specification, "storage": {}})
    assert (answer.code, answer.json["state"]) == (2, "refused")
    assert not host.home().exists()
