"""The S3 section of tahoe.cfg: what it may say, and what is said about what it may not."""

from pathlib import Path

import pytest

from s4_node.s3.values import Store
from s4_node.settings import MIB, BadSettings, Caps, read

NODE = Path("/node")


def test_a_bucket_is_enough() -> None:
    settings = read({"bucket": "shares-of-a-grid"}, NODE)
    assert settings.store == Store(bucket="shares-of-a-grid")
    assert settings.store.credentials == "chain"
    assert settings.spool == NODE / "spool"
    assert settings.caps == Caps()
    assert settings.quota_bytes is None
    assert not settings.single_writer


def test_every_setting_arrives() -> None:
    settings = read(
        {
            "bucket": "b",
            "prefix": "/customers/7/",
            "endpoint": "http://127.0.0.1:9000",
            "region": "eu-central-1",
            "addressing": "path",
            "encryption": "aws:kms",
            "kms_key": "alias/grids",
            "checksum": "md5",
            "credentials": "profile:grid",
            "spool": "/var/spool/s4",
            "spool_bytes": str(100 * MIB),
            "cache_bytes": str(8 * MIB),
            "mutable_bytes": str(9 * MIB),
            "requests": "4",
            "parts": "2",
            "part_bytes": str(5 * MIB),
            "block_bytes": str(MIB // 2),
            "read_ahead": "0",
            "quota_bytes": "1000",
            "single_writer": "true",
        },
        NODE,
    )
    assert settings.store == Store(
        bucket="b",
        prefix="customers/7/",
        endpoint="http://127.0.0.1:9000",
        region="eu-central-1",
        addressing="path",
        encryption="aws:kms",
        kms_key="alias/grids",
        checksum="md5",
        credentials="profile:grid",
    )
    assert settings.caps == Caps(100 * MIB, 8 * MIB, 9 * MIB, requests=4, parts=2)
    assert (settings.part_bytes, settings.block_bytes, settings.read_ahead) == (5 * MIB, MIB // 2, 0)
    assert settings.quota_bytes == 1000
    assert settings.spool == Path("/var/spool/s4")
    assert settings.single_writer


def test_paths_are_relative_to_the_nodes_directory() -> None:
    settings = read({"bucket": "b", "spool": "uploads", "credentials": "file:private/s3"}, NODE)
    assert settings.spool == NODE / "uploads"
    assert settings.store.credentials == "file:/node/private/s3"


@pytest.mark.parametrize("prefix", ["/", "//", ""])
def test_a_prefix_of_slashes_is_none(prefix: str) -> None:
    assert read({"bucket": "b", "prefix": prefix}, NODE).store.prefix == ""


def test_an_empty_line_says_nothing() -> None:
    assert read({"bucket": "b", "endpoint": "", "quota_bytes": " "}, NODE) == read({"bucket": "b"}, NODE)


@pytest.mark.parametrize(
    ("line", "text", "problem"),
    [
        ("bukket", "b", "bukket: there is no such setting"),
        ("endpoint", "s3.example.org", "endpoint: begins with https:// or http://"),
        ("addressing", "host", "addressing: one of auto, path, virtual"),
        ("encryption", "yes", "encryption: one of none, AES256, aws:kms"),
        ("checksum", "sha1", "checksum: one of crc32, md5, none"),
        ("credentials", "AKIAEXAMPLE", "credentials: chain, profile:NAME or file:PATH"),
        ("credentials", "profile:", "credentials: chain, profile:NAME or file:PATH"),
        ("kms_key", "alias/x", "kms_key: is for encryption = aws:kms"),
        ("single_writer", "yes", "single_writer: true or false"),
        ("quota_bytes", "0", "quota_bytes: a whole number, at least 1"),
        ("quota_bytes", "10 GB", "quota_bytes: a whole number, at least 1"),
        ("part_bytes", "1048576", "part_bytes: a whole number, at least 5242880"),
    ],
)
def test_a_wrong_line_is_named_and_never_quoted(line: str, text: str, problem: str) -> None:
    with pytest.raises(BadSettings) as refused:
        read({"bucket": "b", line: text}, NODE)
    assert refused.value.problems == [problem]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(BadSettings) as refused:
        read({"quota_bytes": "-1", "colour": "red"}, NODE)
    assert str(refused.value) == (
        "colour: there is no such setting; quota_bytes: a whole number, at least 1; bucket: is missing"
    )
