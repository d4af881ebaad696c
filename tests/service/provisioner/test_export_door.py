"""POST /grids/{grid_id}/export/objects and /session, as web sees them, and as who is given the answers uses them."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from botocore.config import Config
from botocore.exceptions import ClientError

from s4_contracts.ids import GridId
from s4_provisioner.exporting import Exports
from s4_provisioner.grids import Grid
from s4_provisioner.http import Furls, application
from s4_provisioner.lifecycle import Stage
from s4_provisioner.steps import STEPS
from s4_runtime import new_id
from support.grid_cloud import REGION, Cloud
from support.owners import Owner
from support.provisioner import TOKEN, Desk, a_desk, a_desk_without_aws, a_payment
from support.scripted_steps import scripted
from support.subscriptions import Subscription

Client = TestClient[web.Request, web.Application]
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}", "X-Correlation-Id": "story-of-an-export"}
STORED = {f"shares/{number:02x}/{name}": f"share {number}".encode() for number, name in enumerate(("a", "b c", "ü+%&"))}


@pytest.fixture
async def desk(database: str, cloud: Cloud) -> AsyncIterator[Desk]:
    async with a_desk(database, cloud) as desk:
        yield desk
    cloud.mend()


def served(desk: Desk) -> Client:
    furls = Furls(desk.pool, desk.tools.seal, desk.settings, desk.tools.clock)
    return TestClient(TestServer(application(furls, Exports(desk.pool, desk.tools))))


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[Client]:
    async with served(desk) as client:
        yield client


@pytest.fixture
def subscription() -> Subscription:
    return Subscription(a_payment())


@pytest.fixture
async def grid(desk: Desk, subscription: Subscription, cloud: Cloud) -> Grid:
    """A ready grid with something in its bucket."""
    async with desk.converging():
        grid = await desk.comes_to(await desk.pay(subscription.payment), Stage.READY, within=60)
    for key, content in STORED.items():
        await asyncio.to_thread(cloud.client("s3").put_object, Bucket=grid.bucket, Key=key, Body=content)
    return grid


async def asked(client: Client, grid: Grid, what: str, **said: Any) -> tuple[int, dict[str, Any]]:
    body = {"account_id": grid.account_id, **said}
    answer = await client.post(f"/grids/{grid.id}/export/{what}", json=body, headers=AUTHORIZED)
    return answer.status, await answer.json()


async def given(client: Client, grid: Grid, what: str, **said: Any) -> dict[str, Any]:
    status, answer = await asked(client, grid, what, **said)
    assert status == 200, answer
    return answer


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  loopback
        content: bytes = answer.read()
    return content


@contextmanager
def holding(cloud: Cloud, keys: dict[str, Any]) -> Iterator[Any]:
    """An S3 client with what was given, while policies are enforced."""
    made = boto3.client(
        "s3",
        region_name=keys["region"],
        endpoint_url=keys["endpoint"],
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
        aws_session_token=keys["session_token"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    with cloud.enforcing():
        try:
            yield made
        finally:
            made.close()


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|Forbidden|403"):
        call()


async def test_every_object_has_an_address_at_which_anybody_can_fetch_it_for_an_hour(
    client: Client, grid: Grid, cloud: Cloud
) -> None:
    answer = await given(client, grid, "objects")

    assert answer["next"] is None
    with cloud.enforcing():
        found = {each["key"]: await asyncio.to_thread(fetched, each["url"]) for each in answer["objects"]}
    assert found == STORED
    assert [each["size"] for each in answer["objects"]] == [len(content) for content in STORED.values()]
    assert all(each["modified"].endswith("Z") for each in answer["objects"])
    until = datetime.fromisoformat(answer["urls_until"])
    assert timedelta(minutes=59) < until - datetime.now(UTC) <= timedelta(hours=1)


async def test_objects_come_page_by_page_each_once(client: Client, grid: Grid) -> None:
    keys, after = [], None
    while True:
        page = await given(client, grid, "objects", limit=2, after=after)
        keys += [each["key"] for each in page["objects"]]
        after = page["next"]
        if after is None:
            break

    assert keys == sorted(STORED)


async def test_an_empty_bucket_is_an_empty_page(client: Client, grid: Grid) -> None:
    assert (await given(client, grid, "objects", after="shares/zz"))["objects"] == []


async def test_keys_read_the_whole_bucket_and_do_nothing_else(client: Client, grid: Grid, cloud: Cloud) -> None:
    other = f"s4-{new_id()}"
    cloud.client("s3").create_bucket(Bucket=other)
    cloud.client("s3").put_object(Bucket=other, Key="share", Body=b"theirs")
    keys = await given(client, grid, "session")

    assert (keys["bucket"], keys["region"], keys["endpoint"]) == (grid.bucket, REGION, cloud.endpoint)
    assert timedelta(minutes=59) < datetime.fromisoformat(keys["expires_at"]) - datetime.now(UTC)
    with holding(cloud, keys) as s3:
        listed = [each["Key"] for each in s3.list_objects_v2(Bucket=grid.bucket)["Contents"]]
        assert {key: s3.get_object(Bucket=grid.bucket, Key=key)["Body"].read() for key in listed} == STORED
        key = listed[0]
        for call in (
            partial(s3.put_object, Bucket=grid.bucket, Key=key, Body=b"x"),
            partial(s3.delete_object, Bucket=grid.bucket, Key=key),
            partial(s3.create_multipart_upload, Bucket=grid.bucket, Key="x"),
            partial(s3.get_bucket_policy, Bucket=grid.bucket),
            partial(s3.put_bucket_policy, Bucket=grid.bucket, Policy="{}"),
            partial(s3.delete_bucket, Bucket=grid.bucket),
            partial(s3.get_object, Bucket=other, Key="share"),
            partial(s3.list_objects_v2, Bucket=other),
            s3.list_buckets,
        ):
            refused(call)
        with suppress(ClientError):  # S3 may also say it of each object
            s3.delete_objects(Bucket=grid.bucket, Delete={"Objects": [{"Key": key}]})
        assert s3.list_objects_v2(Bucket=grid.bucket)["KeyCount"] == len(STORED)


async def test_each_use_is_on_record_with_its_story(client: Client, grid: Grid, desk: Desk) -> None:
    await given(client, grid, "objects", limit=2)
    keys = await given(client, grid, "session")

    rows = await desk.pool.fetch("select * from exports order by id")
    assert [(row["kind"], row["objects"], row["after_key"]) for row in rows] == [
        *(("objects", 2, None), ("session", None, None))
    ]
    assert {(row["grid_id"], row["account_id"], row["correlation_id"]) for row in rows} == {
        (grid.id, grid.account_id, "story-of-an-export")
    }
    assert rows[1]["valid_until"].replace(microsecond=0) == datetime.fromisoformat(keys["expires_at"])


@pytest.mark.parametrize("kept", ["suspended", "paused", "ended"])
async def test_what_is_kept_can_be_taken_along(
    client: Client, grid: Grid, desk: Desk, subscription: Subscription, kept: str
) -> None:
    owner = Owner(subscription.payment)
    async with desk.converging():
        await desk.tell(getattr(owner if kept == "paused" else subscription, kept)())
        await desk.comes_to(grid.id, Stage.SUSPENDED)

    keys = [each["key"] for each in (await given(client, grid, "objects"))["objects"]]
    assert keys == sorted(STORED)
    await given(client, grid, "session")


async def test_what_was_given_ends_before_the_bucket_is_emptied_and_nothing_more_is_given(
    client: Client, grid: Grid, desk: Desk, subscription: Subscription, cloud: Cloud
) -> None:
    addresses = (await given(client, grid, "objects"))["objects"]
    keys = await given(client, grid, "session")
    left = scripted()[Stage.EMPTY]
    async with desk.converging({**STEPS, Stage.EMPTY: left}):
        await desk.tell(subscription.ended(timedelta(0)))
        await desk.comes_to(grid.id, Stage.ABSENT, within=60)

    with holding(cloud, keys) as s3:
        refused(partial(s3.list_objects_v2, Bucket=grid.bucket))
        with pytest.raises(urllib.error.HTTPError, match="403"):
            await asyncio.to_thread(fetched, addresses[0]["url"])
    assert await asked(client, grid, "objects") == (410, {"code": "grid-gone"})
    assert await asked(client, grid, "session") == (410, {"code": "grid-gone"})
    assert await desk.pool.fetchval("select count(*) from exports") == 2


async def test_while_a_grid_comes_back_from_its_removal_it_is_said_that_it_is_too_early(
    client: Client, grid: Grid, desk: Desk
) -> None:
    rights = desk.tools.cloud(REGION)
    assert grid.bucket
    await rights.buckets.deny(grid.bucket, await rights.sessions.role_arn())

    assert await asked(client, grid, "session") == (503, {"code": "bucket-shut"})


async def test_another_account_is_told_that_there_is_no_such_grid(client: Client, grid: Grid, desk: Desk) -> None:
    for what in ("objects", "session"):
        assert await asked(client, grid, what, account_id=new_id()) == (404, {"code": "no-such-grid"})
        answer = await client.post(
            f"/grids/{new_id()}/export/{what}", json={"account_id": grid.account_id}, headers=AUTHORIZED
        )
        assert answer.status == 404
    assert await desk.pool.fetchval("select count(*) from exports") == 0


async def test_no_cache_and_no_log_keeps_what_was_given(
    client: Client, grid: Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    for what in ("objects", "session"):
        path = f"/grids/{grid.id}/export/{what}"
        answer = await client.post(path, json={"account_id": grid.account_id}, headers=AUTHORIZED)
        assert answer.headers["Cache-Control"] == "no-store"
        told = await answer.json()
        secrets = (
            [told["secret_access_key"], told["session_token"]]
            if what == "session"
            else [each["url"].partition("X-Amz-Signature=")[2] for each in told["objects"]]
        )
        said = capsys.readouterr().out
        assert not any(secret in said for secret in secrets)


async def test_a_grid_that_is_still_made_has_nothing_to_take_along(database: str) -> None:
    async with a_desk_without_aws(database) as desk, served(desk) as client:
        grid = await desk.grid(await desk.pay())

        assert await asked(client, grid, "objects") == (409, {"code": "grid-not-ready"})


async def test_without_aws_nothing_is_given_and_nothing_is_on_record(database: str) -> None:
    async with a_desk_without_aws(database) as desk, served(desk) as client:
        grid_id: GridId = await desk.pay()
        await desk.pool.execute("update grids set bucket = 'bucket' where id = $1", grid_id)
        grid = await desk.grid(grid_id)

        for what in ("objects", "session"):
            assert await asked(client, grid, what) == (503, {"code": "aws-unreachable"})
        assert await desk.pool.fetchval("select count(*) from exports") == 0


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b"{}", b'{"account_id": "a", "limit": 0}', b'{"account_id": "a", "limit": 1001}']
)
async def test_a_body_of_another_form_is_a_bad_request(database: str, body: bytes) -> None:
    async with a_desk_without_aws(database) as desk, served(desk) as client:
        answer = await client.post(f"/grids/{new_id()}/export/objects", data=body, headers=AUTHORIZED)

        assert (answer.status, await answer.json()) == (400, {"code": "bad-request"})


async def test_who_does_not_show_the_services_token_learns_nothing(database: str) -> None:
    async with a_desk_without_aws(database) as desk, served(desk) as client:
        for what in ("objects", "session"):
            answer = await client.post(f"/grids/{new_id()}/export/{what}", json={"account_id": new_id()})
            assert answer.status == 401
