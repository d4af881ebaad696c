import json
from datetime import UTC, datetime
from ipaddress import IPv4Address

import pytest

from s4_aws.sessions import Session
from s4_contracts.ids import GridId
from s4_provisioner.identity import Identity, Tub
from s4_provisioner.node_files import Shares, Whereabouts, apply_payload, customers_furl, furl, location
from s4_runtime import Secret

GRID = GridId("0192f0a1-7c3d-5b2e-9f10-8a1b2c3d4e5f")
IDENTITY = Identity(
    introducer=Tub(pem="PEM of the introducer\n", tub_id="i" * 32, swissnum="a" * 32),
    storage=Tub(pem="PEM of the storage server\n", tub_id="s" * 32, swissnum="b" * 32),
    announcement_key="priv-v0-" + "c" * 52,
)
BY_NAME = Whereabouts("gabc.grids.test", 34561, None)
BY_BOTH = Whereabouts("gabc.grids.test", 34561, IPv4Address("127.77.3.5"))
SESSION = Session(
    access_key_id="ASIAEXAMPLE",
    secret_access_key=Secret("secret"),
    session_token=Secret("token"),
    expires_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)
SHARES = Shares(
    bucket="s4-local-g",
    region="eu-central-1",
    endpoint="http://127.0.0.1:4566",
    quota_bytes=10**12,
    session=SESSION,
)


def test_a_location_is_the_name() -> None:
    assert location("gabc.grids.test", 1234, None) == "tcp:gabc.grids.test:1234"


def test_a_location_with_an_address_has_the_name_first() -> None:
    assert location("g.test", 1234, IPv4Address("192.0.2.7")) == "tcp:g.test:1234,tcp:192.0.2.7:1234"


def test_a_furl_says_who_where_and_what() -> None:
    assert furl("tub", "tcp:g.test:1", "swiss") == "pb://tub@tcp:g.test:1/swiss"


@pytest.mark.parametrize(
    ("where", "hints"),
    [(BY_NAME, "tcp:gabc.grids.test:34561"), (BY_BOTH, "tcp:gabc.grids.test:34561,tcp:127.77.3.5:34561")],
)
def test_the_customers_furl_leads_to_the_introducer(where: Whereabouts, hints: str) -> None:
    assert customers_furl(IDENTITY, where) == f"pb://{'i' * 32}@{hints}/{'a' * 32}"


def test_the_host_is_told_everything_by_which_the_nodes_are_themselves() -> None:
    introducer = f"pb://{'i' * 32}@tcp:gabc.grids.test:34561,tcp:127.77.3.5:34561/{'a' * 32}"
    storage = f"pb://{'s' * 32}@tcp:gabc.grids.test:34562,tcp:127.77.3.5:34562/{'b' * 32}"

    assert json.loads(apply_payload(GRID, IDENTITY, BY_BOTH, SHARES, announced_from=1767225600, shard="shard-3")) == {
        "grid_id": GRID,
        "shard": "shard-3",
        "introducer": {
            "port": 34561,
            "location": "tcp:gabc.grids.test:34561,tcp:127.77.3.5:34561",
            "files": {
                "private/node.pem": "PEM of the introducer\n",
                "private/introducer.furl": f"{introducer}\n",
            },
        },
        "storage": {
            "port": 34562,
            "location": "tcp:gabc.grids.test:34562,tcp:127.77.3.5:34562",
            "nickname": "S4 0192f0a1",
            "files": {
                "private/node.pem": "PEM of the storage server\n",
                "private/node.privkey": f"priv-v0-{'c' * 52}\n",
                "private/storage.furl": f"{storage}\n",
                "announcement-seqnum": "1767225600\n",
            },
            "introducer_furl": introducer,
            "s3": {
                "bucket": "s4-local-g",
                "prefix": "",
                "region": "eu-central-1",
                "endpoint": "http://127.0.0.1:4566",
            },
            "credentials": {
                "access_key_id": "ASIAEXAMPLE",
                "secret_access_key": "secret",
                "session_token": "token",
                "expires_at": "2026-01-02T03:04:05Z",
            },
            "quota_bytes": 1_000_000_000_000,
        },
    }


def test_without_an_endpoint_of_its_own_the_bucket_is_amazons_and_without_a_quota_there_is_none() -> None:
    amazons = Shares(bucket="b", region="us-east-1", endpoint=None, quota_bytes=None, session=SESSION)

    storage = json.loads(apply_payload(GRID, IDENTITY, BY_BOTH, amazons, announced_from=1, shard=None))["storage"]

    assert storage["s3"] == {"bucket": "b", "prefix": "", "region": "us-east-1", "endpoint": ""}
    assert storage["quota_bytes"] is None


def test_no_credential_is_among_what_is_written_into_the_configuration() -> None:
    told = json.loads(apply_payload(GRID, IDENTITY, BY_BOTH, SHARES, announced_from=1, shard=None))["storage"]["s3"]

    assert not any(word in name for name in told for word in ("key", "secret", "token", "credential"))


def test_the_furl_that_the_customer_gets_is_the_one_that_the_node_serves() -> None:
    told = json.loads(apply_payload(GRID, IDENTITY, BY_BOTH, SHARES, announced_from=1, shard=None))

    assert told["introducer"]["files"]["private/introducer.furl"].strip() == customers_furl(IDENTITY, BY_BOTH)


def test_a_repeated_apply_sends_the_same_bytes() -> None:
    first = apply_payload(GRID, IDENTITY, BY_NAME, SHARES, announced_from=7, shard=None)

    assert apply_payload(GRID, IDENTITY, BY_NAME, SHARES, announced_from=7, shard=None) == first
