"""Parts are started in order, watched, restarted, adopted and ended: small programs stand in for the real ones."""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from s4_shop import control, plan, processes, status
from s4_shop.control import PartFailed
from s4_shop.folder import StateFolder
from s4_shop.plan import Answers, Finishes, Part, PrintsReady
from s4_shop.table import table
from support.waiting import until

LISTEN = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("up", flush=True)
time.sleep(600)
"""
SAY_READY = """import sys,time; print('{"ready": true}',flush=True); time.sleep(600)"""


def listener(name: str, port: int, *needs: str, stamp: str = "") -> Part:
    argv = [sys.executable, "-c", LISTEN, str(port)]
    return Part(name=name, argv=argv, ready=Answers(port), needs=list(needs), port=port, stamp=stamp)


def script(name: str, code: str, *needs: str, repeat_after: tuple[str, ...] = ()) -> Part:
    argv = [sys.executable, "-c", code]
    return Part(name=name, argv=argv, ready=Finishes(), needs=list(needs), repeat_after=list(repeat_after))


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[StateFolder]:
    one = StateFolder(tmp_path / "shop")
    yield one
    await asyncio.to_thread(control.down, one, lambda _line: None)


def pid_of(folder: StateFolder, part: str) -> int:
    process = processes.recall(folder.pid_file(part))
    assert process is not None, f"{part} does not run"
    return process.pid


def state_of(folder: StateFolder, part: str) -> str:
    one = status.load(folder.status).get(part)
    return "unknown" if one is None else one.state


class Told(list[str]):
    @property
    def text(self) -> str:
        return "\n".join(self)


@pytest.fixture
def told() -> Told:
    return Told()


async def test_a_part_starts_only_after_what_it_needs_is_ready(
    folder: StateFolder, told: Told, free_port: Callable[[], int], tmp_path: Path
) -> None:
    port = free_port()
    connects = f"import socket; socket.create_connection(('127.0.0.1', {port})).close()"
    parts = [script("client", connects, "server"), listener("server", port)]
    await control.up(folder, parts, told.append, within=20)
    assert status.load(folder.status)["client"].exits == []
    assert [line.split()[:2] for line in told] == [["server", "ready"], ["client", "done"]]


async def test_a_second_up_leaves_everything_as_it_is(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    parts = [listener("a", free_port()), script("once", "print('x')")]
    await control.up(folder, parts, told.append, within=20)
    first = pid_of(folder, "a")
    await control.up(folder, parts, told.append, within=20)
    assert pid_of(folder, "a") == first
    assert folder.log("once").read_text() == "x\n"


async def test_a_killed_part_is_reported_with_its_signal_and_last_lines_and_comes_back(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    parts = [listener("a", free_port())]
    await control.up(folder, parts, told.append, within=20)
    first = processes.recall(folder.pid_file("a"))
    assert first is not None
    first.send(SIGKILL)
    await until(
        lambda: state_of(folder, "a") == "ready" and pid_of(folder, "a") != first.pid, within=10, what="a is back"
    )
    assert "a killed by SIGKILL" in table(folder, parts, status.load(folder.status))
    assert "    | up" in table(folder, parts, status.load(folder.status))


async def test_a_part_that_cannot_stay_up_is_reported_with_its_words(folder: StateFolder, told: Told) -> None:
    broken = Part(name="broken", argv=[sys.executable, "-c", "raise SystemExit('no such colour')"], ready=PrintsReady())
    with pytest.raises(PartFailed, match="no such colour"):
        await control.up(folder, [broken], told.append, within=20)
    assert "broken exited with code 1" in told.text
    assert told.text.count("no such colour") >= 2


async def test_a_program_that_is_not_there_is_named(folder: StateFolder, told: Told) -> None:
    with pytest.raises(PartFailed, match="no-such-program"):
        await control.up(
            folder, [Part(name="x", argv=["/no-such-program"], ready=PrintsReady())], told.append, within=20
        )


async def test_a_part_that_never_gets_ready_is_reported_when_the_time_is_up(folder: StateFolder, told: Told) -> None:
    slow = Part(
        name="slow", argv=[sys.executable, "-uc", "import time; print('busy'); time.sleep(60)"], ready=PrintsReady()
    )
    with pytest.raises(PartFailed, match=r"slow was not ready within 2 s.*\n.*busy"):
        await control.up(folder, [slow], told.append, within=2)


async def test_the_death_of_the_supervisor_loses_no_part_and_the_next_one_adopts_them(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    says = Part(name="says", argv=[sys.executable, "-c", SAY_READY], ready=PrintsReady())
    parts = [listener("a", free_port()), says, script("once", "print('x')", "a")]
    await control.up(folder, parts, told.append, within=20)
    before = {name: pid_of(folder, name) for name in ("a", "says")}
    supervisor = processes.recall(folder.supervisor_pid)
    assert supervisor is not None
    supervisor.send(SIGKILL)
    assert await asyncio.to_thread(supervisor.wait, 5)
    await control.up(folder, parts, told.append, within=20)
    assert {name: pid_of(folder, name) for name in ("a", "says")} == before
    assert folder.log("once").read_text() == "x\n"
    adopted = processes.recall(folder.pid_file("a"))
    assert adopted is not None
    adopted.send(SIGKILL)
    await until(lambda: status.load(folder.status)["a"].restarts == 1, within=10, what="the adopted part is watched")
    assert str(status.load(folder.status)["a"].exits[-1]) == "ended (exit code not seen)"


async def test_what_an_ended_supervisor_saw_is_not_taken_for_what_is(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    parts = [listener("a", free_port())]
    await control.up(folder, parts, told.append, within=20)
    supervisor = processes.recall(folder.supervisor_pid)
    assert supervisor is not None
    supervisor.send(SIGKILL)
    assert await asyncio.to_thread(supervisor.wait, 5)
    processes.remember(os.getpid(), folder.supervisor_pid)  # one that has not come to look yet
    with pytest.raises(PartFailed, match="was not ready within 1 s"):
        await control.up(folder, parts, told.append, within=1)
    folder.supervisor_pid.unlink()


async def test_a_part_held_on_purpose_stays_down_until_it_is_let_go(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    parts = [listener("a", free_port())]
    await control.up(folder, parts, told.append, within=20)
    folder.held("a").touch()
    assert control.stop_part(folder, parts[0])
    await until(lambda: state_of(folder, "a") == "stopped", within=5, what="a is stopped")
    assert status.load(folder.status)["a"].exits == []
    await control.up(folder, parts, told.append, within=20)
    assert pid_of(folder, "a")


async def test_only_the_part_that_changed_is_started_anew(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    one, two = free_port(), free_port()
    await control.up(folder, [listener("a", one), listener("b", two)], told.append, within=20)
    a, b = pid_of(folder, "a"), pid_of(folder, "b")
    await control.up(folder, [listener("a", one), listener("b", two, stamp="2")], told.append, within=20)
    assert pid_of(folder, "a") == a
    assert pid_of(folder, "b") != b


async def test_a_part_that_waits_is_not_forgotten_when_the_plan_of_what_it_waits_for_changes(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    waiting = listener("waiting", free_port(), "first")
    with pytest.raises(PartFailed, match="first"):
        await control.up(folder, [script("first", "raise SystemExit(1)"), waiting], told.append, within=20)
    await control.up(folder, [script("first", "print('better')"), waiting], told.append, within=20)
    assert pid_of(folder, "waiting")


async def test_a_part_that_is_no_longer_planned_ends(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    a, b = listener("a", free_port()), listener("b", free_port())
    await control.up(folder, [a, b], told.append, within=20)
    gone = processes.recall(folder.pid_file("b"))
    assert gone is not None
    await control.up(folder, [a], told.append, within=20)
    await until(lambda: not gone.is_alive, within=5, what="b has ended")


async def test_what_a_forgetful_part_was_told_is_told_again_after_its_restart(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    forgetful = listener("forgetful", free_port())
    tell = script("tell", "print('told')", "forgetful", repeat_after=("forgetful",))
    await control.up(folder, [forgetful, tell], told.append, within=20)
    process = processes.recall(folder.pid_file("forgetful"))
    assert process is not None
    process.send(SIGKILL)
    await until(lambda: folder.log("tell").read_text() == "told\ntold\n", within=10, what="told twice")


async def test_two_folders_do_not_disturb_each_other(
    tmp_path: Path, folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    other = StateFolder(tmp_path / "other")
    await asyncio.gather(
        control.up(folder, [listener("a", free_port())], told.append, within=20),
        control.up(other, [listener("a", free_port())], told.append, within=20),
    )
    survivor = pid_of(folder, "a")
    await asyncio.to_thread(control.down, other, told.append)
    assert pid_of(folder, "a") == survivor
    assert processes.recall(other.supervisor_pid) is None


async def test_two_ups_at_once_start_one_of_each(folder: StateFolder, told: Told, free_port: Callable[[], int]) -> None:
    parts = [listener("a", free_port())]
    await asyncio.gather(*(control.up(folder, parts, told.append, within=20) for _ in range(2)))
    assert folder.log("a").read_text() == "up\n"


async def test_down_ends_all_in_the_order_of_need_and_forgets_what_was_stored(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    parts = [listener("below", free_port()), listener("above", free_port(), "below")]
    await control.up(folder, parts, told.append, within=20)
    (folder.data / "rows").write_text("x")
    running = [processes.recall(folder.pid_file(name)) for name in ("below", "above")]
    told.clear()
    await asyncio.to_thread(control.down, folder, told.append)
    assert [line.split()[0] for line in told] == ["above", "below"]
    assert all(process is not None and not process.is_alive for process in running)
    assert not folder.data.exists()
    assert list(folder.run.glob("*.pid")) == []
    assert folder.log("below").exists()


async def test_a_part_that_ignores_the_polite_signal_and_its_children_end_too(
    folder: StateFolder, told: Told, tmp_path: Path
) -> None:
    code = (
        "import signal,subprocess,sys,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen(['sleep','600']); print('{\"ready\": true}', flush=True); time.sleep(600)"
    )
    stubborn = Part(name="stubborn", argv=[sys.executable, "-c", code], ready=PrintsReady())
    await control.up(folder, [stubborn], told.append, within=20)
    leader = processes.recall(folder.pid_file("stubborn"))
    assert leader is not None
    assert len(processes.session(leader.pid)) == 2
    await asyncio.to_thread(leader.stop, SIGTERM, 0.3)
    assert not leader.is_alive
    assert processes.session(leader.pid) == []


async def test_a_supervisor_of_an_older_program_is_replaced_and_its_parts_are_kept(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    parts = [listener("a", free_port())]
    await control.up(folder, parts, told.append, within=20)
    part, supervisor = pid_of(folder, "a"), processes.recall(folder.supervisor_pid)
    (folder.run / "supervisor.version").write_text("older")
    await control.up(folder, parts, told.append, within=20)
    assert pid_of(folder, "a") == part
    assert processes.recall(folder.supervisor_pid) not in (None, supervisor)


async def test_what_ran_in_a_removed_folder_ends_by_itself(
    tmp_path: Path, told: Told, free_port: Callable[[], int]
) -> None:
    removed = StateFolder(tmp_path / "removed")
    await control.up(removed, [listener("a", free_port())], told.append, within=20)
    running = [processes.recall(path) for path in (removed.pid_file("a"), removed.supervisor_pid)]
    shutil.rmtree(removed.root)
    await until(
        lambda: not any(process and process.is_alive for process in running),
        within=10,
        what="part and supervisor ended",
    )


async def test_a_killed_part_is_not_taken_for_ready_before_the_supervisor_has_noticed(
    folder: StateFolder, told: Told, free_port: Callable[[], int]
) -> None:
    parts = [listener("a", free_port())]
    await control.up(folder, parts, told.append, within=20)
    for _ in range(3):
        process = processes.recall(folder.pid_file("a"))
        assert process is not None
        process.send(SIGKILL)
        process.wait(5)
        await control.ready(folder, parts, control.Follower(folder, told.append), within=20)
        assert pid_of(folder, "a") != process.pid


def test_parts_are_ended_in_waves_and_a_circle_of_needs_still_ends() -> None:
    chain = [listener("c", 3, "b"), listener("a", 1), listener("b", 2, "a")]
    assert [[part.name for part in wave] for wave in plan.in_stop_order(chain)] == [["c"], ["b"], ["a"]]
    circle = [listener("x", 1, "y"), listener("y", 2, "x")]
    assert {part.name for wave in plan.in_stop_order(circle) for part in wave} == {"x", "y"}


async def test_settings_of_this_process_do_not_leak_into_a_part(
    folder: StateFolder, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S4_LEAK", "1")
    code = "import os; print(sorted(name for name in os.environ if name.startswith('S4_')))"
    part = Part(name="show", argv=[sys.executable, "-c", code], ready=Finishes(), env={"S4_MINE": "1"})
    await control.up(folder, [part], told.append, within=20)
    assert folder.log("show").read_text() == "['S4_MINE']\n"


def test_a_secret_is_minted_once_and_private(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "shop")
    folder.create()
    first = folder.token("service").read_text()
    assert folder.token("service").read_text() == first
    assert len(first) == 64
    assert folder.token("service").stat().st_mode & 0o777 == 0o600
    assert (folder.root / "secrets").stat().st_mode & 0o777 == 0o700


def test_a_taken_port_is_not_free() -> None:
    from s4_shop.ports import is_free

    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        assert not is_free(taken.getsockname()[1])
