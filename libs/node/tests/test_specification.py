"""What `s4-host apply` takes, and that it says which fields are wrong and never what was in them."""

import copy
import json
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import SharedCredentialProvider

from commands import GRID_ID
from minting import Grid, furl, location, mint_grid, mint_tub
from s4_node.host.configuration import HostConfiguration
from s4_node.host.credentials import credentials_of, expiry_of
from s4_node.host.refused import Refused, require_grid_id
from s4_node.host.rendering import grid_files
from s4_node.host.specification import parse
from s4_node.settings import SECTION, read

LOOPBACK = HostConfiguration(bind="127.77.3.11")
IN_S3 = {"bucket": "s4-local-0190d3a0", "prefix": "", "region": "eu-central-1", "endpoint": ""}

NO_SHARDS = ("", "-a", "A", "a" * 21, "a/b", "a\n", "..", "%i", 5)
LENT = {
    "access_key_id": "ASIAEXAMPLE",
    "secret_access_key": "a/secret+key",
    "session_token": "a-token==",
    "expires_at": "2030-01-02T03:04:05Z",
}


@pytest.fixture(scope="module")
def grid() -> Grid:
    return mint_grid(GRID_ID, 34561, 34562, "g1.grids.s4.example", "127.77.3.11")


def changed(grid: Grid, path: str, value: object) -> bytes:
    fields: dict[str, Any] = copy.deepcopy(grid.specification)
    *parents, last = path.split("|")
    target = fields
    for parent in parents:
        target = target[parent]
    target[last] = value
    return json.dumps(fields).encode()


def body(grid: Grid) -> bytes:
    return json.dumps(grid.specification).encode()


def test_a_minted_grid_is_accepted(grid: Grid) -> None:
    wanted = parse(GRID_ID, body(grid))
    assert (wanted.introducer.port, wanted.storage.port) == (34561, 34562)
    assert wanted.introducer_furl == grid.introducer_furl
    assert wanted.wait_seconds == 20
    assert wanted.sequence > 1_700_000_000


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("grid_id", "0190d3a0-0000-7000-8000-000000000002", "grid_id: not the one of the command"),
        ("wait_seconds", -1, "wait_seconds: not from 0 to 300"),
        ("wait_seconds", True, "wait_seconds: not from 0 to 300"),
        ("more", 1, "unknown fields: 1"),
        *(
            ("shard", name, "shard: neither null nor a name")
            for name in ("", "-a", "A", "a" * 21, "a/b", "a\n", "..", 5)
        ),
        ("storage|credentials", LENT, "storage.credentials: there is no bucket for them"),
        ("storage|credentials", [], "storage.credentials: not an object"),
        ("storage|credentials", LENT | {"more": 1}, "storage.credentials: unknown fields: 1"),
        ("storage|credentials", LENT | {"access_key_id": "A\nB"}, "storage.credentials.access_key_id: not one to 128"),
        ("storage|credentials", LENT | {"secret_access_key": ""}, "storage.credentials.secret_access_key: not one"),
        ("storage|credentials", LENT | {"session_token": None}, "storage.credentials.session_token: not one to 8192"),
        ("storage|credentials", LENT | {"expires_at": "tomorrow"}, "storage.credentials.expires_at: not a moment"),
        ("storage|credentials", LENT | {"expires_at": "2030-13-01T00:00:00Z"}, "expires_at: not a moment in UTC"),
        ("storage|credentials", LENT | {"expires_at": "2030-01-01T00:00:00+02:00"}, "expires_at: not a moment in UTC"),
        ("introducer|nickname", "x", "introducer: unknown fields: 1"),
        ("introducer|port", 80, "introducer.port: not from 1024 to 65535"),
        ("introducer|port", "34561", "introducer.port: not from 1024 to 65535"),
        ("storage|port", 34561, "storage.port: the introducer's"),
        ("storage|location", "tcp:a:1\n[storage]", "storage.location: not tcp:HOST:PORT[,tcp:HOST:PORT]"),
        ("storage|location", "tcp:[::1]:5000", "storage.location: not tcp:HOST:PORT[,tcp:HOST:PORT]"),
        ("storage|nickname", "two\nlines", "storage.nickname: not one line of at most 100 characters"),
        ("storage|nickname", "", "storage.nickname: not one line of at most 100 characters"),
        ("storage|quota_bytes", 0, "storage.quota_bytes: neither null nor a number of bytes"),
        ("storage|quota_bytes", "5 GB", "storage.quota_bytes: neither null nor a number of bytes"),
        ("storage|introducer_furl", "pb://secret", "storage.introducer_furl: not the introducer's furl"),
        ("storage|s3", "bucket", "storage.s3: neither null nor an object"),
        ("storage|s3", {}, "storage.s3.bucket: not the name of a bucket"),
        ("storage|s3", IN_S3 | {"bucket": "Not A Bucket"}, "storage.s3.bucket: not one line of ASCII without blanks"),
        ("storage|s3", IN_S3 | {"bucket": "UPPER"}, "storage.s3.bucket: not the name of a bucket"),
        ("storage|s3", IN_S3 | {"credentials": "file:/etc/shadow"}, "storage.s3: unknown fields: 1"),
        ("storage|s3", IN_S3 | {"spool": "/"}, "storage.s3: unknown fields: 1"),
        ("storage|s3", IN_S3 | {"region": "x\nquota_bytes = 9"}, "storage.s3.region: not one line of ASCII"),
        ("storage|s3", IN_S3 | {"prefix": "50%"}, "storage.s3.prefix: not one line of ASCII without blanks"),
        ("storage|s3", IN_S3 | {"endpoint": 5}, "storage.s3.endpoint: not one line of ASCII without blanks"),
        ("storage|s3", IN_S3 | {"endpoint": "ftp://x"}, "storage.s3.endpoint: begins with https:// or http://"),
        ("storage|s3", IN_S3 | {"addressing": "odd"}, "storage.s3.addressing: one of auto, path, virtual"),
        ("storage|s3", IN_S3 | {"encryption": "rot13"}, "storage.s3.encryption: one of none, AES256, aws:kms"),
        ("storage|s3", IN_S3 | {"kms_key": "alias/a"}, "storage.s3.kms_key: is for encryption = aws:kms"),
        ("storage|files|announcement-seqnum", "-5", "announcement-seqnum: not in the form of such a file"),
        ("storage|files|private/node.privkey", "priv-v0-short", "node.privkey: not in the form of such a file"),
        ("storage|files|private/node.pem", "no key", "node.pem: not in the form of such a file"),
        ("storage|files|private/node.pem", "x" * 20000, "node.pem: not ASCII text of at most 16384 bytes"),
        ("storage|files|private/storage.furl", 5, "storage.furl: not ASCII text"),
        ("storage|files|../../escape", "x", "storage.files: must be exactly announcement-seqnum, private/node.pem"),
    ],
)
def test_each_wrong_field_is_named(grid: Grid, path: str, value: object, problem: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(GRID_ID, changed(grid, path, value))
    assert any(problem in one for one in refused.value.problems), refused.value.problems


def test_all_problems_are_told_at_once_and_no_value_is(grid: Grid) -> None:
    fields: dict[str, Any] = copy.deepcopy(grid.specification)
    fields["introducer"]["port"] = 1
    fields["storage"]["files"]["private/node.privkey"] = "priv-v0-topsecret"
    fields["priv-v0-asaname"] = 1
    with pytest.raises(Refused) as refused:
        parse(GRID_ID, json.dumps(fields).encode())
    assert len(refused.value.problems) == 3
    assert "secret" not in str(refused.value)
    assert "asaname" not in str(refused.value)


def test_a_furl_of_another_location_than_the_nodes_is_refused(grid: Grid) -> None:
    other = furl(mint_tub(), location(34561, "other.example"))
    with pytest.raises(Refused) as refused:
        parse(GRID_ID, changed(grid, "introducer|files|private/introducer.furl", other))
    assert "or of another location" in refused.value.problems[0]


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 10**5])
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(Refused):
        parse(GRID_ID, junk)


def test_a_grid_id_is_a_uuid_in_lower_case() -> None:
    assert require_grid_id(GRID_ID) == GRID_ID
    with pytest.raises(Refused):
        require_grid_id(GRID_ID.upper())


def test_nothing_secret_is_in_what_a_specification_shows_of_itself(grid: Grid) -> None:
    shown = repr(parse(GRID_ID, body(grid)))
    assert "PRIVATE" not in shown
    assert "pb://" not in shown
    assert "priv-v0" not in shown


def test_the_rendered_files_are_these(grid: Grid) -> None:
    files = grid_files(parse(GRID_ID, changed(grid, "storage|nickname", "S4 50%")), LOOPBACK)

    assert files["introducer/tahoe.cfg"] == (
        "[node]\n"
        "nickname = introducer\n"
        "web.port =\n"
        "tub.port = tcp:34561:interface=127.77.3.11\n"
        "tub.location = tcp:g1.grids.s4.example:34561,tcp:127.77.3.11:34561\n"
    )
    assert files["storage/tahoe.cfg"] == (
        "[node]\n"
        "nickname = S4 50%%\n"
        "web.port =\n"
        "tub.port = tcp:34562:interface=127.77.3.11\n"
        "tub.location = tcp:g1.grids.s4.example:34562,tcp:127.77.3.11:34562\n"
        "\n[client]\n"
        "\n[storage]\nenabled = true\nanonymous = true\nreserved_space = 512M\nexpire.enabled = false\n"
        "\n[helper]\nenabled = false\n"
    )
    assert files["storage/private/introducers.yaml"] == (
        f"introducers:\n  default:\n    furl: {grid.introducer_furl}\n"
    )
    assert "storage/announcement-seqnum" not in files
    assert sorted(files) == [
        "introducer/private/introducer.furl",
        "introducer/private/node.pem",
        "introducer/tahoe-introducer.tac",
        "introducer/tahoe.cfg",
        "storage/private/introducers.yaml",
        "storage/private/node.pem",
        "storage/private/node.privkey",
        "storage/private/storage.furl",
        "storage/tahoe-client.tac",
        "storage/tahoe.cfg",
    ]


def test_a_machine_of_its_own_listens_on_all_addresses(grid: Grid) -> None:
    files = grid_files(parse(GRID_ID, body(grid)), HostConfiguration())
    assert "tub.port = tcp:34561\n" in files["introducer/tahoe.cfg"]


def storage_section(grid: Grid, s3: dict[str, str], host: HostConfiguration, quota: int | None = None) -> ConfigParser:
    fields: dict[str, Any] = copy.deepcopy(grid.specification)
    fields["storage"] |= {"s3": s3, "quota_bytes": quota}
    parsed = ConfigParser()
    parsed.read_string(grid_files(parse(GRID_ID, json.dumps(fields).encode()), host)["storage/tahoe.cfg"])
    return parsed


def test_a_grid_in_a_bucket_is_rendered_as_the_node_reads_it(grid: Grid) -> None:
    rendered = storage_section(grid, IN_S3, LOOPBACK, quota=10**12)

    assert dict(rendered[SECTION]) == {
        "bucket": "s4-local-0190d3a0",
        "region": "eu-central-1",
        "quota_bytes": "1000000000000",
    }, "what is Amazon's own, the endpoint above all, is not written"
    settings = read(rendered[SECTION], Path("/grids/g/storage"))
    assert (settings.store.credentials, settings.store.endpoint) == ("chain", "")
    assert settings.quota_bytes == 10**12
    assert settings.spool == Path("/grids/g/storage/spool"), "in the grid's own directory, which its unit may write to"
    assert "reserved_space" not in rendered["storage"]


def test_lent_credentials_are_a_file_that_the_configuration_names_and_no_part_of_it(grid: Grid) -> None:
    fields: dict[str, Any] = copy.deepcopy(grid.specification)
    fields["storage"] |= {"s3": IN_S3, "credentials": LENT}
    parsed = parse(GRID_ID, json.dumps(fields).encode())
    rendered = ConfigParser()
    rendered.read_string(grid_files(parsed, LOOPBACK)["storage/tahoe.cfg"])

    store = read(rendered[SECTION], Path("/grids/g/storage")).store

    assert store.credentials == "file:/grids/g/storage/private/lent-credentials"
    assert not any(LENT[name] in text for text in grid_files(parsed, LOOPBACK).values() for name in LENT)
    assert "a/secret+key" not in repr(parsed)
    assert "a-token" not in repr(parsed)


def test_a_file_of_lent_credentials_says_until_when_they_are_good_and_botocore_reads_it(tmp_path: Path) -> None:
    text = credentials_of(LENT).text
    (tmp_path / "lent").write_text(text)

    loaded = SharedCredentialProvider(str(tmp_path / "lent"), profile_name="default").load()

    assert expiry_of(text) == "2030-01-02T03:04:05Z"
    assert expiry_of("[default]\nexpires_at = tomorrow\n") is None
    assert [loaded.access_key, loaded.secret_key, loaded.token] == [*LENT.values()][:3]


def test_everything_that_may_be_said_about_a_bucket_arrives(grid: Grid) -> None:
    said = {
        "bucket": "shares", "prefix": "customers/7", "region": "us-west-2", "endpoint": "http://127.0.0.1:9000",
        "addressing": "path", "encryption": "aws:kms", "kms_key": "arn:aws:kms:us-west-2:1:key/a-b",
    }  # fmt: skip
    store = read(storage_section(grid, said, LOOPBACK)[SECTION], Path("/")).store

    assert {name: getattr(store, name) for name in said} == said | {"prefix": "customers/7/"}


def test_the_order_of_what_is_said_does_not_matter(grid: Grid) -> None:
    other_order = dict(reversed(IN_S3.items()))

    first, second = (storage_section(grid, s3, LOOPBACK)[SECTION] for s3 in (IN_S3, other_order))

    assert list(first.items()) == list(second.items())


def test_a_host_caps_what_a_grid_may_spool(grid: Grid) -> None:
    rendered = storage_section(grid, IN_S3, HostConfiguration(spool_bytes=2**30))

    assert read(rendered[SECTION], Path("/")).caps.spool_bytes == 2**30


def test_a_quota_of_a_grid_on_the_hosts_disk_is_accepted_and_renders_nothing(grid: Grid) -> None:
    with_quota = parse(GRID_ID, changed(grid, "storage|quota_bytes", 5))

    assert grid_files(with_quota, LOOPBACK) == grid_files(parse(GRID_ID, body(grid)), LOOPBACK)
