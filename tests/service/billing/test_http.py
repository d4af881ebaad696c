"""What web may ask, and what it is answered to what it should not."""

from typing import Any

import aiohttp
import pytest

from support.billing_service import TOKEN, Billing, a_wish


async def test_the_plans_are_told_without_stripes_names(billing: Billing) -> None:
    status, told = await billing.call("GET", "/plans")
    assert (status, told["open"]) == (200, True)
    personal = next(plan for plan in told["plans"] if plan["id"] == "personal")
    assert personal == {
        "id": "personal",
        "name": "Personal",
        "description": "A grid of your own.",
        "amount": 2500,
        "currency": "usd",
        "interval": "month",
        "quota_bytes": 1000,
        "region": "us-east-1",
        "trial_days": 0,
    }
    assert told["tax_extra"] is False


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/plans"), ("POST", "/checkouts"), ("POST", "/checkouts/x/sync"), ("GET", "/nothing")]
)
async def test_without_the_service_token_nothing_is_answered(
    billing: Billing, method: str, path: str, token: str | None
) -> None:
    status, told = await billing.call(method, path, {}, token=token)
    assert (status, told) == (401, {"code": "service-token-required"})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"plan": "gold"}, "unknown-plan"),
        ({"plan": ""}, "unknown-plan"),
        ({"email": ""}, "bad-email"),
        ({"email": "nobody"}, "bad-email"),
        ({"email": "a@b@example.org"}, "bad-email"),
        ({"email": "a@example.org\r\nBcc: x@example.org"}, "bad-email"),
        ({"email": "a" * 250 + "@example.org"}, "bad-email"),
        ({"email": '"quoted part"@example.org'}, "bad-email"),
        ({"email": "a@localhost"}, "bad-email"),
        ({"checkout_id": "1"}, "bad-id"),
        ({"account_id": "../plans"}, "bad-id"),
        ({"ui": "custom"}, "malformed"),
        ({"amount": 1}, "malformed"),
        ({"price": "price_1"}, "malformed"),
        ({"quantity": -1}, "malformed"),
        ({"quantity": 0}, "malformed"),
        ({"quantity": 10**9}, "malformed"),
        ({"quantity": "1.5"}, "malformed"),
        ({"plan": ["personal"]}, "malformed"),
        ({"email": None}, "malformed"),
    ],
)
async def test_a_wrong_wish_is_422_and_reaches_nobody(billing: Billing, change: dict[str, Any], code: str) -> None:
    assert await billing.call("POST", "/checkouts", a_wish(**change)) == (422, {"code": code})
    assert await billing.double.objects("/v1/customers") == []
    assert await billing.rows("select 1 from checkout") == []


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b"\xff\xfe", b"a=b", b'{"plan": "personal"}', b'{"quantity": NaN}']
)
async def test_a_body_that_is_no_wish_is_422(billing: Billing, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{billing.url}/checkouts", data=body, headers=headers) as answer,
    ):
        assert (answer.status, await answer.json()) == (422, {"code": "malformed"})


@pytest.mark.parametrize("checkout_id", ["x", "0199a0b2-7c1e-7000-8000-000000000001", "..%2Fplans"])
async def test_a_checkout_that_was_never_opened_is_404(billing: Billing, checkout_id: str) -> None:
    path = f"/checkouts/{checkout_id}/sync"
    assert await billing.call("POST", path, {"session_id": None}) == (404, {"code": "no-such-checkout"})


async def test_a_session_of_another_checkout_is_404(billing: Billing) -> None:
    mine, theirs = a_wish(), a_wish()
    await billing.open(mine)
    await billing.open(theirs)
    rows = await billing.rows("select id, stripe_session_id from checkout")
    session_of = {row["id"]: row["stripe_session_id"] for row in rows}
    path = f"/checkouts/{mine['checkout_id']}/sync"
    stolen = {"session_id": session_of[theirs["checkout_id"]]}
    assert await billing.call("POST", path, stolen) == (404, {"code": "no-such-checkout"})
    assert (await billing.sync(mine["checkout_id"], session_of[mine["checkout_id"]]))["state"] == "open"


async def test_a_sync_while_stripe_is_down_is_503_unless_the_answer_is_known(billing: Billing) -> None:
    wish = a_wish()
    checkout = await billing.open(wish)
    await billing.double.fault("GET *", "503", times=12)
    path = f"/checkouts/{wish['checkout_id']}/sync"
    assert await billing.call("POST", path, {}) == (503, {"code": "payment-service-unavailable"})
    await billing.double.reset_faults()
    await billing.double.pay(checkout)
    await billing.paid_signup()
    await billing.double.fault("GET *", "503", times=12)
    assert (await billing.sync(wish["checkout_id"]))["state"] == "paid"


async def test_what_lets_a_person_pay_is_not_to_be_kept(billing: Billing) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{billing.url}/checkouts", json=a_wish(), headers=headers) as answer,
    ):
        assert answer.headers["Cache-Control"] == "no-store"


async def test_nothing_of_stripe_or_the_person_is_logged_or_told(
    billing: Billing, capsys: pytest.CaptureFixture[str]
) -> None:
    wish = a_wish(ui="embedded", email="secretive@example.org")
    checkout = await billing.open(wish)
    await billing.double.pay(checkout)
    await billing.paid_signup()
    await billing.quiet()
    said = capsys.readouterr().out
    (row,) = await billing.rows("select body::text as body from outbox")
    assert "subscription.changed" in said
    for text in (said, row["body"]):
        for secret in (checkout["client_secret"], "cus_", "sub_", "cs_test", "evt_", "4242", "sk_test", "whsec"):
            assert secret not in text
    assert "secretive@example.org" not in said
