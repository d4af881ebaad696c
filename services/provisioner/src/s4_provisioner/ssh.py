"""Commands on a host, over SSH, with the host key that we gave it."""

import asyncio
from datetime import timedelta
from ipaddress import IPv4Address

import asyncssh
import msgspec

from s4_provisioner.drivers.contract import HostFull, HostSilent, StrangeHost
from s4_runtime import Secret, Temporary

# Both bound the waits that a broken network would otherwise make endless.
_LOGIN_LIMIT = timedelta(seconds=10)
_GREETING_LIMIT = timedelta(seconds=2)


class HostUnreachable(HostSilent):
    """Nobody answers there, or not in time, or the connection was lost."""


class LoginRefused(HostSilent):
    """The host does not know us: a booting machine learns its users some time after it begins to answer."""


class CommandFailed(Temporary):
    """The command ended with an error. What it printed stays where it is: it may quote its input."""


class _Failure(msgspec.Struct):
    """What s4-host says when it could not (the node's README); nothing else that was printed is looked at."""

    code: str


class SshTarget(msgspec.Struct, frozen=True):
    """One host and how it proves itself."""

    address: IPv4Address
    host_key: str


class Ssh:
    """Logs in as one user with one key."""

    def __init__(self, key: Secret, user: str, port: int) -> None:
        self._key = asyncssh.import_private_key(key.reveal())
        self._user = user
        self._port = port

    async def is_answering(self, address: IPv4Address) -> bool:
        """Whether an SSH server greets there now."""
        try:
            async with asyncio.timeout(_GREETING_LIMIT.total_seconds()):
                reader, writer = await asyncio.open_connection(str(address), self._port)
                try:
                    return (await reader.read(4)).startswith(b"SSH-")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False

    async def run(self, target: SshTarget, command: str, limit: timedelta, standard_input: bytes = b"") -> bytes:
        """What the command printed on standard output.

        Raises HostUnreachable, LoginRefused, StrangeHost, HostFull, CommandFailed.
        """
        try:
            async with (
                asyncio.timeout(limit.total_seconds()),
                # Nothing of this machine's own SSH settings, agent or known hosts takes part.
                asyncssh.connect(
                    str(target.address),
                    self._port,
                    username=self._user,
                    client_keys=[self._key],
                    known_hosts=([asyncssh.import_public_key(target.host_key)], [], []),
                    config=None,
                    agent_path=None,
                    login_timeout=_LOGIN_LIMIT.total_seconds(),
                    preferred_auth="publickey",
                ) as connection,
            ):
                # Without input asyncssh would leave the command's standard input open for ever.
                given = {"input": standard_input} if standard_input else {"stdin": asyncssh.DEVNULL}
                done = await connection.run(command, encoding=None, check=False, **given)
        except asyncssh.HostKeyNotVerifiable:
            raise StrangeHost("strange-host-key") from None
        except asyncssh.PermissionDenied:
            raise LoginRefused("login-refused") from None
        except (asyncssh.Error, OSError, TimeoutError):
            raise HostUnreachable("host-unreachable") from None
        if done.exit_status != 0:
            # Without a status the connection or the machine went away under the command.
            status = -1 if done.exit_status is None else done.exit_status
            if _why(done.stdout) == "disk-full":
                raise HostFull("disk-nearly-full")
            raise CommandFailed("host-command-failed", command=command.split(maxsplit=1)[0], status=status)
        return done.stdout if isinstance(done.stdout, bytes) else b""


def _why(printed: object) -> str | None:
    try:
        return msgspec.json.decode(printed, type=_Failure).code if isinstance(printed, bytes) else None
    except msgspec.MsgspecError:
        return None
