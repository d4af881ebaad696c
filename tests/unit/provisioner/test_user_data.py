import subprocess
from pathlib import Path

import asyncssh
import pytest
import yaml

from s4_provisioner.drivers.user_data import HostKey, SshKeyUnusable, new_host_key, public_half, user_data
from s4_runtime import Secret

FIXED = HostKey("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n", "ssh-ed25519 AAAA")


def test_the_machine_is_told_its_host_key_and_who_may_log_in() -> None:
    text = user_data(FIXED, "s4", "ssh-ed25519 BBBB")
    told = yaml.safe_load(text)

    assert text.startswith("#cloud-config\n")
    assert told["ssh_keys"] == {"ed25519_private": FIXED.private, "ed25519_public": FIXED.public}
    assert told["ssh_deletekeys"] is True
    assert told["ssh_genkeytypes"] == []
    (user,) = told["users"]
    assert user["name"] == "s4"
    assert user["ssh_authorized_keys"] == ["ssh-ed25519 BBBB"]


def test_nobody_logs_in_with_a_password_or_as_root() -> None:
    told = yaml.safe_load(user_data(FIXED, "s4", "ssh-ed25519 BBBB"))

    assert told["ssh_pwauth"] is False
    assert told["disable_root"] is True
    assert told["users"][0]["lock_passwd"] is True


def test_a_repeated_launch_sends_the_same_bytes() -> None:
    key = new_host_key()

    assert user_data(key, "s4", "ssh-ed25519 BBBB") == user_data(
        HostKey(key.private, key.public), "s4", "ssh-ed25519 BBBB"
    )


def test_it_fits_into_what_ec2_takes() -> None:
    assert len(user_data(new_host_key(), "s4", "ssh-ed25519 " + "B" * 68).encode()) < 16384


def test_a_host_key_is_one_that_openssh_reads() -> None:
    key = new_host_key()
    private, public = asyncssh.import_private_key(key.private), asyncssh.import_public_key(key.public)

    assert private.export_public_key("openssh") == public.export_public_key("openssh")
    assert key.public.startswith("ssh-ed25519 ")


def test_no_two_machines_have_one_key() -> None:
    assert new_host_key() != new_host_key()


def test_a_host_key_shows_nothing_of_itself() -> None:
    assert "PRIVATE" not in repr(new_host_key())


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"])
def test_the_public_half_of_our_key_is_what_the_machine_lets_in(kind: str) -> None:
    key = asyncssh.generate_private_key(kind)
    ours = key.export_private_key("openssh").decode()

    assert public_half(Secret(ours)) == key.export_public_key("openssh").decode().strip()


@pytest.mark.parametrize("text", ["", "not a key", FIXED.private])
def test_a_key_that_cannot_be_read_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SshKeyUnusable) as refused:
        public_half(Secret(text))

    assert str(refused.value) == "ssh-key-unusable"


def test_a_key_behind_a_passphrase_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", str(key)], check=True)

    with pytest.raises(SshKeyUnusable):
        public_half(Secret(key.read_text()))
