import asyncssh
import pytest

from s4_devcloud.machines.cloud_config import CloudConfig, UserDataRefused, parse
from support.login import Keys


def test_keys_of_the_document_and_of_every_user_may_log_in_once_each() -> None:
    text = b"#cloud-config\nssh_authorized_keys: [one]\nusers: [default, {name: a, ssh_authorized_keys: [two, one]}]\n"

    assert parse(text).authorized_keys == ("one", "two")


def test_host_keys_are_found_by_type() -> None:
    keys = Keys()

    found = parse(keys.user_data().encode()).host_keys

    assert list(found) == ["ed25519"]
    assert asyncssh.import_private_key(found["ed25519"]).public_data == keys.host.public_data


@pytest.mark.parametrize("text", [b"", b"#!/bin/sh\necho hi\n", b"#cloud-config\n[]\n", b"#cloud-config\n"])
def test_what_has_no_keys_gives_none(text: bytes) -> None:
    assert parse(text) == CloudConfig({}, ())


def test_broken_yaml_is_refused_without_repeating_it() -> None:
    with pytest.raises(UserDataRefused) as refused:
        parse(b"#cloud-config\nssh_keys: {ed25519_private: [SECRET\n")

    assert "SECRET" not in str(refused.value)
