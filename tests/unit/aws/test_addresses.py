"""Signed addresses are those that AWS's own SDK would make."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlparse

import boto3
import pytest
from botocore.config import Config

from s4_aws.addresses import Place, signed
from s4_aws.sessions import Session
from s4_runtime import Secret

KEYS = ["shares/aa/b", "a b+c&d=é%2F", "a//b/../c~d", "leases/x?y#z"]


def a_session(expires_at: datetime) -> Session:
    return Session(
        access_key_id="ASIAEXAMPLE",
        secret_access_key=Secret("the secret"),
        session_token=Secret("the/token+of=the session"),
        expires_at=expires_at,
    )


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:5000/"])
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_an_address_is_the_sdks_own(endpoint: str | None, region: str) -> None:
    now = datetime.now(UTC)
    session = a_session(now + timedelta(hours=1))
    client = boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint or f"https://s3.{region}.amazonaws.com",
        aws_access_key_id=session.access_key_id,
        aws_secret_access_key=session.secret_access_key.reveal(),
        aws_session_token=session.session_token.reveal(),
        config=Config(signature_version="s3v4", s3={"addressing_style": "path" if endpoint else "virtual"}),
    )

    def both() -> tuple[list[str], list[str]]:
        mine = signed(session, Place(region=region, bucket="the-bucket", endpoint=endpoint), KEYS, now)
        given = [{"Bucket": "the-bucket", "Key": key} for key in KEYS]
        return mine, [client.generate_presigned_url("get_object", Params=each, ExpiresIn=3600) for each in given]

    mine, theirs = both()
    if _dates(mine) != _dates(theirs):  # a second has begun in between
        mine, theirs = both()
    client.close()
    assert [_parts(each) for each in mine] == [_parts(each) for each in theirs]


@pytest.mark.parametrize(("left", "said"), [(timedelta(hours=1), "3600"), (timedelta(seconds=59.9), "59")])
def test_an_address_is_good_as_long_as_the_session(left: timedelta, said: str) -> None:
    now = datetime.now(UTC)
    (address,) = signed(a_session(now + left), Place(region="us-east-1", bucket="b"), ["key"], now)

    assert parse_qs(urlparse(address).query)["X-Amz-Expires"] == [said]


def _dates(addresses: list[str]) -> list[list[str]]:
    return [parse_qs(urlparse(each).query)["X-Amz-Date"] for each in addresses]


def _parts(address: str) -> tuple[str, dict[str, list[str]]]:
    parts = urlparse(address)
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qs(parts.query)
