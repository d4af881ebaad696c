"""What a new machine is told at its first boot: the SSH host key that we already know, and who may log in. Pure."""

import json
from typing import Any

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from s4_provisioner.drivers import patching
from s4_runtime import Permanent, Secret


class SshKeyUnusable(Permanent):
    """The key that we log in with is not an OpenSSH private key without a passphrase."""


class HostKey(msgspec.Struct, frozen=True):
    """An SSH host key. The private text is kept as it is: written again from the key it would have other bytes."""

    private: str
    public: str

    def __repr__(self) -> str:
        return "HostKey(…)"


def new_host_key() -> HostKey:
    """A key for a machine that does not exist yet."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return HostKey(private.decode(), public.decode())


def public_half(ssh_key: Secret) -> str:
    """The line for authorized_keys that lets the owner of ``ssh_key`` in. Raises SshKeyUnusable."""
    try:
        key = load_ssh_private_key(ssh_key.reveal().strip().encode() + b"\n", password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SshKeyUnusable("ssh-key-unusable") from None
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def user_data(host_key: HostKey, user: str, authorized_key: str, restart_at: str | None = None) -> str:
    """A cloud-init document: exactly this host key, exactly this user. The same arguments give the same bytes.

    With ``restart_at``, a time of day, the machine patches itself, and restarts then when an update needs it.

    JSON is YAML, so nothing needs escaping rules of its own (cloud-init, "User data formats", cloud config).
    """
    config: dict[str, Any] = {
        "locale": False,
        "manage_etc_hosts": True,
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_genkeytypes": [],
        "ssh_keys": {"ed25519_private": host_key.private, "ed25519_public": host_key.public},
        "users": [
            {
                "name": user,
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": [authorized_key],
            }
        ],
    }
    if restart_at is not None:
        config["write_files"] = patching.files(restart_at)
    return "#cloud-config\n" + json.dumps(config, indent=1) + "\n"
