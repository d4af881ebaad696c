"""What every driver of machines promises, run against each of them."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from s4_devcloud.image import Image
from s4_devcloud.image.shelf import mounts_below
from s4_devcloud.machines import BootFailed, Driver, Machine, MachineSpec
from s4_devcloud.machines.drivers import open_driver, sweep
from s4_devcloud.machines.network import partner
from support.login import Keys
from support.machines import Boot, new_id
from support.waiting import until

NODE_PORT = 34561
SERVER = """
import socket
server = socket.create_server(('{bind}', {port}))
server.settimeout(20)
print('listening', flush=True)
line, _ = server.accept()
line.sendall(b'hello')
"""


def refuses(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) != 0


def processes_of(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


def boot_and_be_killed(image: Image, state: Path, keys: Keys) -> str:
    """The id of a machine whose driver was killed with -9."""
    user_data = state.with_suffix(".user-data")
    user_data.write_text(keys.user_data())
    program = [sys.executable, str(Path(__file__).with_name("boot_and_hang.py"))]
    arguments = [str(image.layers[0].parent), image.kind, str(state), str(user_data)]
    with subprocess.Popen([*program, *arguments], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        machine_id = driver.stdout.readline().strip()
        driver.kill()
    return machine_id


class TestEveryDriver:
    async def test_the_machine_has_the_host_key_that_we_chose_before_it_existed(
        self, driver: Driver, boot: Boot, keys: Keys
    ) -> None:
        machine = boot()
        machine.expose(driver.ssh_port)

        said = await keys.run(machine.address, driver.ssh_port, "echo hello", driver.ssh_user)

        assert said == "hello"

    async def test_a_key_that_user_data_did_not_name_does_not_log_in(
        self, driver: Driver, boot: Boot, keys: Keys
    ) -> None:
        machine = boot()
        machine.expose(driver.ssh_port)
        stranger = Keys(host=keys.host)

        with pytest.raises(asyncssh.PermissionDenied):
            await stranger.run(machine.address, driver.ssh_port, "true", driver.ssh_user)

    async def test_the_host_command_is_on_the_path(self, driver: Driver, boot: Boot, keys: Keys) -> None:
        machine = boot()
        machine.expose(driver.ssh_port)

        found = await keys.run(machine.address, driver.ssh_port, "command -v s4-host s4-node", driver.ssh_user)

        assert [Path(line).name for line in found.splitlines()] == ["s4-host", "s4-node"]

    async def test_a_port_answers_exactly_while_it_is_exposed(self, driver: Driver, boot: Boot) -> None:
        machine = boot()
        before = refuses(machine.address, driver.ssh_port)
        machine.expose(driver.ssh_port)
        machine.expose(driver.ssh_port)
        during = refuses(machine.address, driver.ssh_port)
        machine.unexpose(driver.ssh_port)
        machine.unexpose(driver.ssh_port)

        assert (before, during, refuses(machine.address, driver.ssh_port)) == (True, False, True)

    async def test_what_a_session_starts_is_reached_through_an_exposed_port(
        self, driver: Driver, boot: Boot, keys: Keys
    ) -> None:
        machine = boot()
        for port in (driver.ssh_port, NODE_PORT):
            machine.expose(port)
        bind = partner(machine.address) if driver.ssh_user else "0.0.0.0"
        server = f"cd / && exec python3 -m http.server --bind {bind} {NODE_PORT}"

        async with keys.connect(machine.address, driver.ssh_port, driver.ssh_user) as connection:
            await connection.create_process(server)

            async def served() -> bytes:
                reader, writer = await asyncio.open_connection(machine.address, NODE_PORT)
                writer.write(b"GET / HTTP/1.0\r\n\r\n")
                answer = await reader.read()
                writer.close()
                return answer

            assert b"200 OK" in await until(served, within=10, what="the server in the machine answers")

    async def test_of_thousands_of_allowed_ports_those_answer_at_once_on_which_the_machine_says_that_it_listens(
        self, driver: Driver, boot: Boot, keys: Keys, record_property: Callable[..., None]
    ) -> None:
        machine, began = boot(), time.monotonic()
        machine.allow(((driver.ssh_port, driver.ssh_port), (10_000, 40_000)))
        took = time.monotonic() - began
        server = SERVER.format(bind=partner(machine.address) if driver.ssh_user else "0.0.0.0", port=NODE_PORT)

        async with (
            keys.connect(machine.address, driver.ssh_port, driver.ssh_user) as connection,
            connection.create_process(f'cd / && exec python3 -c "{server}"') as process,
        ):
            assert refuses(machine.address, NODE_PORT + 1)
            assert (await process.stdout.readline()).strip() == "listening"
            reader, writer = await asyncio.open_connection(machine.address, NODE_PORT)
            assert await reader.read() == b"hello"
            writer.close()
            await process.wait()
        await until(lambda: refuses(machine.address, NODE_PORT), within=10, what="the door is shut behind it")
        record_property("note", f"30,000 ports of a machine: allowed in {took:.3f} s")

    async def test_a_port_that_is_not_allowed_any_more_is_shut_although_the_machine_listens(
        self, driver: Driver, boot: Boot
    ) -> None:
        machine = boot()
        machine.allow(((1, 65_535),))
        assert not refuses(machine.address, driver.ssh_port)

        machine.allow(((driver.ssh_port + 1, 65_535),))

        assert refuses(machine.address, driver.ssh_port)

    async def test_an_exposed_port_where_nobody_listens_is_reset(self, boot: Boot) -> None:
        machine = boot()
        machine.expose(NODE_PORT)

        with pytest.raises(ConnectionResetError), socket.create_connection((machine.address, NODE_PORT), 10) as line:
            line.recv(1)

    async def test_a_machine_that_is_cut_off_lives_and_is_silent_until_it_is_back(
        self, driver: Driver, boot: Boot, keys: Keys
    ) -> None:
        machine = boot()
        machine.expose(driver.ssh_port)

        machine.cut_off()

        assert machine.alive()
        with pytest.raises(TimeoutError):
            socket.create_connection((machine.address, driver.ssh_port), 0.3)
        machine.reconnect()
        assert await keys.run(machine.address, driver.ssh_port, "echo back", driver.ssh_user) == "back"

    async def test_a_port_that_is_taken_here_is_told_and_the_others_answer(self, driver: Driver, boot: Boot) -> None:
        machine = boot()
        with socket.create_server((machine.address, NODE_PORT)):
            assert machine.expose(NODE_PORT, driver.ssh_port) == {NODE_PORT}

        assert not refuses(machine.address, driver.ssh_port)

    async def test_a_destroyed_machine_leaves_nothing_and_takes_no_second(
        self, driver: Driver, boot: Boot, state_dir: Path
    ) -> None:
        machine = boot()
        machine.expose(driver.ssh_port)
        began = time.monotonic()

        machine.destroy()
        machine.destroy()

        assert time.monotonic() - began < 1
        assert not machine.alive()
        assert refuses(machine.address, driver.ssh_port)
        assert list((state_dir / "machines").iterdir()) == []
        assert processes_of(str(state_dir / "machines")) == []

    async def test_open_connections_are_cut_when_the_machine_is_destroyed(self, driver: Driver, boot: Boot) -> None:
        machine = boot()
        machine.expose(driver.ssh_port)
        with socket.create_connection((machine.address, driver.ssh_port), 10) as line:
            banner = line.recv(4)

            machine.destroy()

            assert banner == b"SSH-"
            while True:  # the rest of the banner may be on its way
                try:
                    if not line.recv(4096):
                        break
                except ConnectionResetError:
                    break

    async def test_a_lost_machine_is_dead_and_can_be_destroyed(self, boot: Boot, state_dir: Path) -> None:
        machine = boot()

        machine.lose()

        assert not machine.alive()
        assert [path.name for path in (state_dir / "machines").iterdir()] == [machine.id]
        machine.destroy()
        assert list((state_dir / "machines").iterdir()) == []

    async def test_waiting_for_a_dead_machine_fails_at_once(self, driver: Driver, keys: Keys) -> None:
        machine = driver.boot(MachineSpec(new_id(), "10.20.0.11", keys.user_data().encode()))
        machine.lose()
        began = time.monotonic()

        with pytest.raises(BootFailed, match=machine.id):
            machine.wait_ssh(60)

        assert time.monotonic() - began < 5

    async def test_two_machines_have_an_address_and_processes_of_their_own(self, driver: Driver, boot: Boot) -> None:
        first, second = boot(), boot()

        first.destroy()

        assert first.address != second.address
        second.expose(driver.ssh_port)
        assert second.alive()
        assert not refuses(second.address, driver.ssh_port)

    async def test_two_local_clouds_on_one_machine_do_not_meet(
        self, driver: Driver, boot: Boot, image: Image, tmp_path: Path
    ) -> None:
        machine = boot()
        other = open_driver(image, tmp_path / "other", None, None)
        try:
            assert other.network != driver.network
            assert sweep(tmp_path / "other") == []
            assert machine.alive()
        finally:
            other.close()

    async def test_what_a_killed_driver_left_is_swept_and_only_that(
        self, image: Image, boot: Boot, tmp_path: Path, keys: Keys
    ) -> None:
        bystander: Machine = boot()
        left = tmp_path / "killed"
        machine_id = boot_and_be_killed(image, left, keys)
        assert processes_of(str(left / "machines"))

        swept = sweep(left)

        assert swept == [machine_id]
        assert not any(left.glob("machines/*"))
        await until(lambda: not processes_of(str(left / "machines")), within=5, what="its processes are gone")
        assert mounts_below(left) == []
        assert sweep(left) == []
        assert bystander.alive()
