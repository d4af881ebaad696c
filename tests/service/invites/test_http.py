"""The routes, as web sees them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from s4_contracts.ids import AccountId, GridId
from s4_contracts.invites import InviteEnded, InviteOpened
from s4_contracts.provisioner import GridDeleted
from s4_invites.http import application
from s4_runtime import Secret, new_id
from support.invite_agent import TOKEN, Invites

Client = TestClient[web.Request, web.Application]
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def client(invites: Invites) -> AsyncIterator[Client]:
    async with TestClient(TestServer(application(invites.office, Secret(TOKEN)))) as client:
        yield client


def wanted(invites: Invites, **changed: str) -> dict[str, str]:
    return {"invite_id": new_id(), "account_id": invites.account, "grid_id": invites.grid, **changed}


async def asked(client: Client, method: str, path: str, body: object = None, **more: Any) -> tuple[int, dict[str, Any]]:
    async with client.request(method, path, json=body, headers=AUTHORIZED, **more) as answer:
        return answer.status, await answer.json()


async def test_an_invite_is_opened_shown_and_withdrawn(invites: Invites, client: Client) -> None:
    await invites.has_furl()
    body = wanted(invites)
    status, invite = await asked(client, "POST", "/invites", body)
    assert status == 200
    assert invite["code"].count("-") == 2
    assert {**invite, "code": "", "created_at": "", "expires_at": ""} == {
        "invite_id": body["invite_id"],
        "grid_id": invites.grid,
        "state": "open",
        "code": "",
        "created_at": "",
        "expires_at": "",
        "ended_at": None,
        "mailbox": "connected",
        "mailbox_url": invites.mailbox.url,
    }
    assert invite["created_at"].endswith("Z")
    assert invite["expires_at"] > invite["created_at"]
    query = {"account_id": invites.account, "grid_id": invites.grid}
    assert await asked(client, "GET", "/invites", params=query) == (200, {"invites": [invite]})
    path = f"/invites/{invite['invite_id']}/withdraw"
    status, withdrawn = await asked(client, "POST", path, {"account_id": invites.account})
    assert (status, withdrawn["state"], withdrawn["code"]) == (200, "withdrawn", None)
    assert withdrawn["ended_at"].endswith("Z")
    assert await asked(client, "POST", path, {"account_id": invites.account}) == (200, withdrawn)
    assert [type(event) for event in await invites.events()] == [InviteOpened, InviteEnded]


async def test_the_same_id_again_is_the_same_invite_also_once_it_has_ended(invites: Invites, client: Client) -> None:
    await invites.has_furl()
    body = wanted(invites)
    first = await asked(client, "POST", "/invites", body)
    assert await asked(client, "POST", "/invites", body) == first
    await asked(client, "POST", "/invites", wanted(invites))
    status, again = await asked(client, "POST", "/invites", body)
    assert (status, again["state"], again["code"]) == (200, "replaced", None)
    other = GridId(new_id())
    await invites.has_furl(other)
    assert await asked(client, "POST", "/invites", {**body, "grid_id": other}) == (409, {"code": "invite-id-taken"})


async def test_the_newest_come_first_and_no_more_than_twenty(invites: Invites, client: Client) -> None:
    await invites.has_furl()
    made = [(await asked(client, "POST", "/invites", wanted(invites)))[1]["invite_id"] for _ in range(22)]
    query = {"account_id": invites.account, "grid_id": invites.grid}
    _, found = await asked(client, "GET", "/invites", params=query)
    assert [each["invite_id"] for each in found["invites"]] == made[:1:-1]
    assert [each["state"] for each in found["invites"]] == ["open", *["replaced"] * 19]


async def test_only_a_grid_of_ones_own_with_a_furl_can_be_invited_to(invites: Invites, client: Client) -> None:
    assert await asked(client, "POST", "/invites", wanted(invites)) == (409, {"code": "grid-not-ready"})
    await invites.has_furl()
    stranger = wanted(invites, account_id=AccountId(new_id()))
    assert await asked(client, "POST", "/invites", stranger) == (404, {"code": "no-such-grid"})
    gone = GridDeleted(
        occurred_at=invites.clock.now(),
        account_id=invites.account,
        grid_id=invites.grid,
        signup_id=invites.signup,
        objects=0,
    )
    await invites.told(gone)
    assert await asked(client, "POST", "/invites", wanted(invites)) == (404, {"code": "no-such-grid"})


async def test_nobody_withdraws_or_sees_what_is_anothers(invites: Invites, client: Client) -> None:
    invite = await invites.open()
    path, stranger = f"/invites/{invite['invite_id']}/withdraw", new_id()
    assert await asked(client, "POST", path, {"account_id": stranger}) == (404, {"code": "no-such-invite"})
    query = {"account_id": stranger, "grid_id": invites.grid}
    assert await asked(client, "GET", "/invites", params=query) == (200, {"invites": []})
    for unknown in (new_id(), "nonsense"):
        body = {"account_id": invites.account}
        found = await asked(client, "POST", f"/invites/{unknown}/withdraw", body)
        assert found == (404, {"code": "no-such-invite"})
    assert (await invites.now(invite))["state"] == "open"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/invites", {}),
        ("POST", "/invites", []),
        ("POST", "/invites", {"invite_id": "1", "account_id": "2", "grid_id": "3"}),
        ("POST", "/invites", {"invite_id": 1, "account_id": None, "grid_id": []}),
        ("POST", "/invites/0190d3a0-0000-7000-8000-000000000001/withdraw", {"account_id": "\u0000"}),
        ("GET", "/invites", None),
        ("GET", "/invites?account_id=1&grid_id=2", None),
    ],
)
async def test_what_no_route_takes_is_refused_politely(client: Client, method: str, path: str, body: object) -> None:
    assert await asked(client, method, path, body) == (400, {"code": "bad-request"})


async def test_without_the_services_token_nothing_is_told(invites: Invites, client: Client) -> None:
    await invites.open()
    for method, path in (("POST", "/invites"), ("GET", "/invites"), ("POST", f"/invites/{new_id()}/withdraw")):
        for headers in ({}, {"Authorization": "Bearer guess"}):
            async with client.request(method, path, json={}, headers=headers) as answer:
                assert (answer.status, await answer.json()) == (401, {"code": "service-token-required"})


async def test_answers_with_codes_are_kept_by_nobody(invites: Invites, client: Client) -> None:
    await invites.has_furl()
    async with client.post("/invites", json=wanted(invites), headers=AUTHORIZED) as answer:
        assert answer.headers["Cache-Control"] == "no-store"


async def test_two_who_ask_at_once_leave_one_invite_open(invites: Invites, client: Client) -> None:
    await invites.has_furl()
    found = await asyncio.gather(*(asked(client, "POST", "/invites", wanted(invites)) for _ in range(5)))
    assert {status for status, _ in found} == {200}
    states = sorted(row["state"] for row in await invites.pool.fetch("select state from invites"))
    assert states == ["open", *["replaced"] * 4]
