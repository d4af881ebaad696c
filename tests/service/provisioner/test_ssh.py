"""SSH to a real sshd of the local cloud, and to servers that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from ipaddress import IPv4Address

import asyncssh
import pytest

from s4_contracts.ids import GridId
from s4_provisioner.drivers.contract import StrangeHost
from s4_provisioner.node_host import NodeHost
from s4_provisioner.ssh import CommandFailed, HostUnreachable, LoginRefused, Ssh, SshTarget
from s4_runtime import Secret
from support.provisioner import an_ssh_key

HERE = IPv4Address("127.0.0.1")
LIMIT = timedelta(seconds=10)
GRID = GridId("0192f0a1-7c3d-5b2e-9f10-8a1b2c3d4e5f")
SECRET = b"pb://tub@tcp:host:1/swissnum"


class Server:
    """An SSH server that answers commands as the test says."""

    def __init__(self) -> None:
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.answers: dict[str, tuple[str, int]] = {"true": ("", 0)}
        self.told: list[tuple[str, bytes]] = []
        self.port = 0

    @property
    def target(self) -> SshTarget:
        return SshTarget(HERE, self.key.export_public_key("openssh").decode().strip())

    async def answer(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        command = process.command or ""
        self.told.append((command, await process.stdin.read()))
        if command == "hang":
            await asyncio.sleep(30)
        printed, status = self.answers.get(command, ("", 127))
        process.stdout.write(printed.encode())
        process.exit(status)


@pytest.fixture
async def ours() -> str:
    return an_ssh_key()


@pytest.fixture
async def server(ours: str, free_port: Callable[[], int]) -> AsyncIterator[Server]:
    made = Server()
    made.port = free_port()
    known = asyncssh.import_authorized_keys(asyncssh.import_private_key(ours).export_public_key("openssh").decode())
    listener = await asyncssh.listen(
        "127.0.0.1",
        made.port,
        server_host_keys=[made.key],
        authorized_client_keys=known,
        process_factory=made.answer,
        encoding=None,
    )
    yield made
    listener.close()
    await listener.wait_closed()


@pytest.fixture
def ssh(ours: str, server: Server) -> Ssh:
    return Ssh(Secret(ours), "s4", server.port)


async def test_a_command_gets_its_input_and_gives_its_output(ssh: Ssh, server: Server) -> None:
    server.answers["s4-host apply 1"] = ("printed", 0)

    assert await ssh.run(server.target, "s4-host apply 1", LIMIT, SECRET) == b"printed"
    assert server.told == [("s4-host apply 1", SECRET)]


async def test_a_server_with_another_key_is_told_nothing(ssh: Ssh, server: Server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode().strip()

    with pytest.raises(StrangeHost):
        await ssh.run(SshTarget(HERE, other), "true", LIMIT, SECRET)

    assert server.told == []


async def test_a_server_that_does_not_know_us_yet_refuses_the_login(server: Server) -> None:
    with pytest.raises(LoginRefused):
        await Ssh(Secret(an_ssh_key()), "s4", server.port).run(server.target, "true", LIMIT)


async def test_a_command_that_fails_shows_its_name_and_status_and_nothing_that_it_was_told(
    ssh: Ssh, server: Server
) -> None:
    server.answers["s4-host apply 1"] = (SECRET.decode(), 3)

    with pytest.raises(CommandFailed) as failed:
        await ssh.run(server.target, "s4-host apply 1", LIMIT, SECRET)

    assert str(failed.value) == "host-command-failed command=s4-host status=3"
    assert failed.value.__cause__ is None


async def test_a_command_that_takes_too_long_counts_as_an_unreachable_host(ssh: Ssh, server: Server) -> None:
    with pytest.raises(HostUnreachable):
        await ssh.run(server.target, "hang", timedelta(milliseconds=300))


async def test_nobody_there_is_an_unreachable_host(ours: str, free_port: Callable[[], int], server: Server) -> None:
    ssh = Ssh(Secret(ours), "s4", free_port())

    with pytest.raises(HostUnreachable):
        await ssh.run(server.target, "true", LIMIT)
    assert not await ssh.is_answering(HERE)


async def test_a_port_that_takes_connections_and_says_nothing_does_not_answer(ours: str) -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener:
        assert not await Ssh(Secret(ours), "s4", port).is_answering(HERE)


async def test_a_greeting_is_an_answer(ssh: Ssh) -> None:
    assert await ssh.is_answering(HERE)


async def test_a_grid_listens_when_both_of_its_nodes_do(ssh: Ssh, server: Server) -> None:
    nodes = NodeHost(ssh)
    found = []
    for introducer, storage in [("true", "true"), ("true", "false"), ("false", "true")]:
        told = f'{{"state": "running", "listening": {{"introducer": {introducer}, "storage": {storage}}}}}'
        server.answers[f"s4-host status {GRID}"] = (told, 0)
        found.append(await nodes.is_listening(server.target, GRID))

    assert found == [True, False, False]


@pytest.mark.parametrize("printed", ["", "not JSON", "[]", '{"listening": {}}'])
async def test_a_status_that_cannot_be_read_is_trouble(ssh: Ssh, server: Server, printed: str) -> None:
    server.answers[f"s4-host status {GRID}"] = (printed, 0)

    with pytest.raises(CommandFailed):
        await NodeHost(ssh).is_listening(server.target, GRID)


async def test_waiting_for_nodes_ends_when_they_listen_or_when_patience_does(ssh: Ssh, server: Server) -> None:
    nodes = NodeHost(ssh)
    server.answers[f"s4-host status {GRID}"] = ('{"state": "starting", "listening": {"introducer": false}}', 0)
    assert not await nodes.wait_until_listening(server.target, GRID, timedelta(milliseconds=300))

    server.answers[f"s4-host status {GRID}"] = ('{"state": "running", "listening": {"introducer": true}}', 0)
    assert await nodes.wait_until_listening(server.target, GRID, timedelta(seconds=5))


async def test_applying_sends_the_payload_on_standard_input_only(ssh: Ssh, server: Server) -> None:
    server.answers[f"s4-host apply {GRID}"] = ('{"state": "starting", "changed": true}', 0)

    await NodeHost(ssh).apply(server.target, GRID, SECRET)

    assert server.told == [(f"s4-host apply {GRID}", SECRET)]


@pytest.mark.parametrize("state", ["stopped", "absent"])
async def test_a_node_is_stopped_when_its_host_says_so(ssh: Ssh, server: Server, state: str) -> None:
    server.answers[f"s4-host stop {GRID}"] = (f'{{"state": "{state}", "changed": true}}', 0)

    await NodeHost(ssh).stop(server.target, GRID)

    assert server.told == [(f"s4-host stop {GRID}", b"")]


@pytest.mark.parametrize(
    ("printed", "code"),
    [('{"state": "running"}', "node-still-runs"), ("stopped", "host-command-unreadable")],
)
async def test_a_node_that_may_still_run_is_not_stopped(ssh: Ssh, server: Server, printed: str, code: str) -> None:
    server.answers[f"s4-host stop {GRID}"] = (printed, 0)

    with pytest.raises(CommandFailed, match=code):
        await NodeHost(ssh).stop(server.target, GRID)
