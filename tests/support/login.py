"""Keys for machines, the user-data that carries them, and a login that trusts nothing else."""

import getpass
import json
from dataclasses import dataclass, field
from typing import Any

import asyncssh

SSH_PORT = 22


def _new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def _public(key: asyncssh.SSHKey) -> str:
    return str(key.export_public_key().decode().strip())


@dataclass(frozen=True)
class Keys:
    """A host key chosen before the machine exists, and the key of the user s4."""

    host: asyncssh.SSHKey = field(default_factory=_new_key)
    user: asyncssh.SSHKey = field(default_factory=_new_key)
    _exported: dict[str, str] = field(default_factory=dict)

    def user_data(self, **more: Any) -> str:
        """A cloud-config with both keys. JSON is YAML.

        Two exports of one private key differ (OpenSSH's format has a random number in it), and so would the user-data.
        """
        private = self._exported.setdefault("host", self.host.export_private_key().decode())
        user = {"name": "s4", "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL", "lock_passwd": True}
        document = {
            "ssh_deletekeys": True,
            "ssh_genkeytypes": [],
            "ssh_keys": {
                "ed25519_private": private,
                "ed25519_public": _public(self.host),
            },
            "users": [{**user, "ssh_authorized_keys": [_public(self.user)]}],
            **more,
        }
        return "#cloud-config\n" + json.dumps(document)

    def connect(self, address: str, port: int, user: str | None = None) -> Any:
        """An `async with` connection; refused unless the machine has exactly our host key."""
        name = address if port == SSH_PORT else f"[{address}]:{port}"  # as known_hosts files are written
        trusted = asyncssh.import_known_hosts(f"{name} {_public(self.host)}\n")
        return asyncssh.connect(
            address,
            port,
            username=user or "s4",
            client_keys=[self.user],
            known_hosts=trusted,
            config=None,
            agent_path=None,
            connect_timeout=20,
        )

    async def run(self, address: str, port: int, command: str, user: str | None = None) -> str:
        """What the command printed; fails when it fails."""
        async with self.connect(address, port, user) as connection:
            done = await connection.run(command)
        assert done.exit_status == 0, f"{command}: {done.exit_status}\n{done.stdout}{done.stderr}"
        return str(done.stdout).strip()


def me() -> str:
    """The user that runs the tests."""
    return getpass.getuser()
