"""POST /grids/{grid_id}/furl, as web sees it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from s4_contracts.billing import SignupPaid
from s4_contracts.ids import GridId
from s4_provisioner import store
from s4_provisioner.capability import furl_of
from s4_provisioner.http import Furls, application
from s4_provisioner.identity import mint, pack
from s4_provisioner.lifecycle import Stage
from s4_runtime import new_id
from support.provisioner import TOKEN, Desk, a_desk_without_aws, a_payment
from support.scripted_steps import scripted
from support.subscriptions import Subscription

Client = TestClient[web.Request, web.Application]
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with a_desk_without_aws(database) as desk:
        yield desk


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[Client]:
    furls = Furls(desk.pool, desk.tools.seal, desk.settings, desk.tools.clock)
    async with TestClient(TestServer(application(furls))) as client:
        yield client


class Owner:
    """A grid and what its owner knows of it."""

    def __init__(self, grid_id: GridId, payment: SignupPaid) -> None:
        self.path = f"/grids/{grid_id}/furl"
        self.grid_id = grid_id
        self.claim = {"account_id": payment.account_id, "claim_ref": f"{grid_id}:1"}
        self.subscription = Subscription(payment)


@pytest.fixture
async def owner(desk: Desk) -> Owner:
    payment = a_payment()
    async with desk.converging(scripted()):
        grid_id = await desk.pay(payment)
        await desk.comes_to(grid_id, Stage.READY)
    async with desk.pool.transaction() as tx:
        sealed = desk.tools.seal.seal(pack(await mint()), grid_id)
        await store.keep_identity(tx, grid_id, sealed, "g1.grids.test")
    return Owner(grid_id, payment)


async def reads(desk: Desk) -> int:
    count: int = await desk.pool.fetchval("select count(*) from furl_reads")
    return count


async def test_the_owner_gets_what_a_client_needs(client: Client, owner: Owner, desk: Desk) -> None:
    answer = await client.post(owner.path, json=owner.claim, headers=AUTHORIZED)

    assert answer.status == 200
    told, grid = await answer.json(), await desk.grid(owner.grid_id)
    assert told["furl"] == furl_of(grid, desk.tools.seal, hint=True).reveal()
    assert told["furl"].startswith("pb://")
    assert f"@tcp:g1.grids.test:{grid.port},tcp:{grid.address}:{grid.port}/" in told["furl"]
    assert told["nickname"] == f"S4 {owner.grid_id[:8]}"
    assert told["shares"] == {"needed": 1, "happy": 1, "total": 1}
    assert all(type(number) is int for number in told["shares"].values())


async def test_no_cache_keeps_a_furl(client: Client, owner: Owner) -> None:
    answer = await client.post(owner.path, json=owner.claim, headers=AUTHORIZED)

    assert answer.headers["Cache-Control"] == "no-store"


async def test_every_reading_is_on_record_with_its_story(client: Client, owner: Owner, desk: Desk) -> None:
    for story in ("story-1", "story-2"):
        await client.post(owner.path, json=owner.claim, headers=AUTHORIZED | {"X-Correlation-Id": story})

    rows = await desk.pool.fetch("select * from furl_reads order by id")
    assert [row["correlation_id"] for row in rows] == ["story-1", "story-2"]
    assert {row["account_id"] for row in rows} == {owner.claim["account_id"]}
    assert {row["claim_ref"] for row in rows} == {owner.claim["claim_ref"]}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
async def test_who_does_not_show_the_services_token_learns_nothing(
    client: Client, owner: Owner, desk: Desk, headers: dict[str, str]
) -> None:
    answer = await client.post(owner.path, json=owner.claim, headers=headers)

    assert answer.status == 401
    assert await reads(desk) == 0


async def test_another_account_is_told_that_there_is_no_such_grid(client: Client, owner: Owner, desk: Desk) -> None:
    theirs = await client.post(owner.path, json=owner.claim | {"account_id": new_id()}, headers=AUTHORIZED)
    nobodys = await client.post(f"/grids/{new_id()}/furl", json=owner.claim, headers=AUTHORIZED)

    assert theirs.status == nobodys.status == 404
    assert await theirs.json() == await nobodys.json() == {"code": "no-such-grid"}
    assert await reads(desk) == 0


@pytest.mark.parametrize("path", ["/grids/not-an-id/furl", "/grids/%27%20or%201=1/furl"])
async def test_what_is_not_an_id_is_no_grid(client: Client, owner: Owner, path: str) -> None:
    answer = await client.post(path, json=owner.claim, headers=AUTHORIZED)

    assert answer.status == 404


async def test_a_reference_to_an_earlier_furl_is_stale(client: Client, owner: Owner, desk: Desk) -> None:
    await desk.pool.execute("update grids set furl_generation = 2 where id = $1", owner.grid_id)

    answer = await client.post(owner.path, json=owner.claim, headers=AUTHORIZED)

    assert answer.status == 409
    assert await answer.json() == {"code": "claim-ref-stale"}


async def test_a_furl_that_was_not_proved_yet_is_not_given_out(client: Client, desk: Desk) -> None:
    payment = a_payment()
    grid_id = await desk.pay(payment)
    claim = {"account_id": payment.account_id, "claim_ref": f"{grid_id}:1"}

    answer = await client.post(f"/grids/{grid_id}/furl", json=claim, headers=AUTHORIZED)

    assert answer.status == 409


async def test_a_grid_that_was_given_up_is_gone(client: Client, owner: Owner, desk: Desk) -> None:
    await desk.pool.execute("update grids set wanted = 'absent' where id = $1", owner.grid_id)

    answer = await client.post(owner.path, json=owner.claim, headers=AUTHORIZED)

    assert answer.status == 410
    assert await answer.json() == {"code": "grid-gone"}


async def test_a_suspended_grids_furl_is_its_owners_still(client: Client, owner: Owner, desk: Desk) -> None:
    async with desk.converging(scripted()):
        await desk.tell(owner.subscription.ended())
        await desk.comes_to(owner.grid_id, Stage.SUSPENDED)

    answer = await client.post(owner.path, json=owner.claim, headers=AUTHORIZED)

    assert answer.status == 200


async def test_a_removed_grids_furl_is_gone(client: Client, owner: Owner, desk: Desk) -> None:
    async with desk.converging(scripted()):
        await desk.tell(owner.subscription.ended(timedelta(0)))
        await desk.comes_to(owner.grid_id, Stage.ABSENT)

    answer = await client.post(owner.path, json=owner.claim, headers=AUTHORIZED)

    assert answer.status == 410
    assert await answer.json() == {"code": "grid-gone"}


async def test_a_furl_that_cannot_be_opened_is_not_there_now_and_not_counted(
    client: Client, owner: Owner, desk: Desk
) -> None:
    await desk.pool.execute("update grids set sealed_identity = $2 where id = $1", owner.grid_id, b"altered")

    answer = await client.post(owner.path, json=owner.claim, headers=AUTHORIZED)

    assert answer.status == 503
    assert await reads(desk) == 0


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"account_id": 1, "claim_ref": "x"}', b"{"])
async def test_a_body_of_another_form_is_a_bad_request(client: Client, owner: Owner, body: bytes) -> None:
    answer = await client.post(owner.path, data=body, headers=AUTHORIZED)

    assert answer.status == 400
    assert await answer.json() == {"code": "bad-request"}


async def test_a_body_that_is_too_large_is_refused(client: Client, owner: Owner) -> None:
    answer = await client.post(owner.path, data=b"x" * 5000, headers=AUTHORIZED)

    assert answer.status == 413


async def test_only_a_post_reads_a_furl(client: Client, owner: Owner) -> None:
    answer = await client.get(owner.path, headers=AUTHORIZED)

    assert answer.status == 405


async def test_a_furl_is_in_no_log(client: Client, owner: Owner, capsys: pytest.CaptureFixture[str]) -> None:
    answer = await client.post(owner.path, json=owner.claim, headers=AUTHORIZED)
    furl = (await answer.json())["furl"]

    assert furl.rpartition("/")[2] not in capsys.readouterr().out
