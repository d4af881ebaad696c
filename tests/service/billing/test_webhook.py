"""The webhook against what the internet sends: forged, stale, repeated, malformed, and of other shops."""

import gzip
import hashlib
import hmac
import io
import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from s4_runtime import SystemClock
from support.billing_life import Life
from support.billing_service import Billing, a_wish
from support.deliveries import an_event, signature
from support.stripe_double import WEBHOOK_SECRET
from support.waiting import until

REFUSED = (400, '{"code": "not-a-delivery"}')


async def deliver(
    billing: Billing, body: bytes | str, header: str | None = None, *, method: str = "POST", **headers: str
) -> tuple[int, str]:
    """Status and text of the answer to a delivery; rightly signed unless a header is given."""
    raw = body.encode() if isinstance(body, str) else body
    if header is None:
        header = signature(raw.decode("utf-8", "surrogateescape")) if raw.isascii() else ""
    sent = {"Stripe-Signature": header, **headers}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{billing.url}/stripe/events", data=raw, headers=sent) as answer,
    ):
        return answer.status, await answer.text()


async def stored(billing: Billing) -> list[dict[str, Any]]:
    sql = "select id, state from stripe_event where type like 'customer.subscription%' order by id"
    return await billing.rows(sql)


async def test_a_signed_event_is_stored_once_however_often_it_comes(billing: Billing) -> None:
    body = json.dumps(an_event())
    for _ in range(3):
        assert (await deliver(billing, body))[0] == 200
    assert len(await stored(billing)) == 1


async def test_no_token_is_needed_or_helps(billing: Billing) -> None:
    token = {"Authorization": "Bearer token-of-web"}
    assert await deliver(billing, json.dumps(an_event()), "", **token) == REFUSED


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=00",
        "t=1,v1=00",
        "t=1800000000,v1=" + "0" * 64,
        "t=\u0661,v1=00",
    ],
)
async def test_a_forged_delivery_is_refused_and_leaves_nothing(billing: Billing, header: str) -> None:
    assert await deliver(billing, json.dumps(an_event()), header) == REFUSED
    assert await stored(billing) == []


@pytest.mark.parametrize("ahead", [timedelta(seconds=-310), timedelta(seconds=310)])
async def test_a_delivery_signed_at_another_time_is_refused(billing: Billing, ahead: timedelta) -> None:
    body = json.dumps(an_event())
    assert await deliver(billing, body, signature(body, ahead=ahead)) == REFUSED


async def test_while_the_secret_rotates_both_are_accepted(billing: Billing) -> None:
    body = json.dumps(an_event())
    assert (await deliver(billing, body, signature(body, secret="whsec_next")))[0] == 200
    assert await deliver(billing, body, signature(body, secret="whsec_before")) == REFUSED


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "17",
        '"evt_1"',
        "{}",
        '{"id": "evt_1"',
        "[" * 50_000,
        json.dumps(an_event(id=None)),
        json.dumps(an_event(id="")),
        json.dumps(an_event(id="evt_\u0000")),
        json.dumps(an_event(id="evt_\ud800")),
        json.dumps(an_event(created="yesterday")),
        json.dumps(an_event(created=10**30)),
        json.dumps(an_event(livemode="no")),
        json.dumps(an_event(data=None)),
        json.dumps(an_event(data={"object": []})),
        json.dumps(an_event(type=["x"])),
    ],
)
async def test_what_is_signed_but_not_an_event_is_refused(billing: Billing, body: str) -> None:
    assert await deliver(billing, body) == REFUSED
    assert await stored(billing) == []


async def test_bytes_that_are_no_text_are_refused(billing: Billing) -> None:
    body = b'{"id": "\xff\xfe"}'
    at = int(SystemClock().now().timestamp())
    digest = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert await deliver(billing, body, f"t={at},v1={digest}") == REFUSED


async def test_a_compressed_delivery_is_not_a_server_error(billing: Billing) -> None:
    body = json.dumps(an_event())
    squeezed = gzip.compress(body.encode())
    status, _ = await deliver(billing, squeezed, signature(body), **{"Content-Encoding": "gzip"})
    assert status == 200  # the signature fits what was sent, once it is unpacked
    status, _ = await deliver(billing, b"not gzip", signature("not gzip"), **{"Content-Encoding": "gzip"})
    assert status == 400


async def test_a_bomb_is_refused_by_its_real_size(billing: Billing) -> None:
    bomb = gzip.compress(b"[" * 30_000_000)
    status, _ = await deliver(billing, bomb, "t=1,v1=00", **{"Content-Encoding": "gzip"})
    assert status in {400, 413}


async def test_a_huge_body_is_413(billing: Billing) -> None:
    huge = io.BytesIO(b"x" * (1024 * 1024 + 1))
    async with aiohttp.ClientSession() as session, session.post(f"{billing.url}/stripe/events", data=huge) as answer:
        assert answer.status == 413


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods_are_405(billing: Billing, method: str) -> None:
    status, _ = await deliver(billing, "", "", method=method)
    assert status == 405


@pytest.mark.parametrize(
    "event",
    [
        an_event(livemode=True),
        an_event(data={"object": {"id": "sub_x", "object": "subscription", "metadata": {"deployment": "elsewhere"}}}),
        an_event(type="customer.subscription.updated", data={"object": {"id": "x", "object": "made.up"}}),
    ],
)
async def test_what_is_not_for_us_is_stored_as_ignored(billing: Billing, event: dict[str, Any]) -> None:
    assert (await deliver(billing, json.dumps(event)))[0] == 200
    await billing.quiet()
    assert await stored(billing) == [{"id": event["id"], "state": "ignored"}]


async def test_an_event_of_an_unknown_type_or_customer_is_ignored(billing: Billing) -> None:
    unknown = an_event(type="galaxy.exploded")
    assert (await deliver(billing, json.dumps(unknown)))[0] == 200
    assert (await deliver(billing, json.dumps(an_event())))[0] == 200
    await billing.quiet()
    assert {row["state"] for row in await billing.rows("select state from stripe_event")} == {"ignored"}


async def test_an_event_about_a_strange_object_is_kept_all_the_same(billing: Billing) -> None:
    about = {"id": "sub_x", "object": "subscription", "metadata": {}}
    oddities: list[dict[str, Any]] = [
        {"customer": "cus_\ud800"},
        {"customer": "c" * 5000},
        {"customer": {"id": "\u0000"}, "metadata": {"deployment": "\ud800"}},
        {"customer": ["cus"], "metadata": ["deployment"]},
    ]
    events = [an_event(data={"object": {**about, **odd}}) for odd in oddities]
    for event in events:
        assert (await deliver(billing, json.dumps(event)))[0] == 200
    await billing.quiet()
    assert {row["id"]: row["state"] for row in await stored(billing)} == {event["id"]: "ignored" for event in events}


async def test_what_has_no_id_is_kept_and_ignored(billing: Billing) -> None:
    event = an_event(type="balance.available", data={"object": {"object": "balance", "livemode": False}})
    assert (await deliver(billing, json.dumps(event)))[0] == 200
    await billing.quiet()
    (row,) = await billing.rows("select state, object_type from stripe_event where type = 'balance.available'")
    assert row == {"state": "ignored", "object_type": "balance"}


async def test_a_bill_that_is_only_coming_has_no_id_and_is_of_its_customer(billing: Billing) -> None:
    life = await Life.subscribed(billing)
    (customer,) = await billing.double.objects("/v1/customers")
    about = {"object": "invoice", "customer": customer["id"], "metadata": {}}
    event = an_event(type="invoice.upcoming", data={"object": about})
    assert (await deliver(billing, json.dumps(event)))[0] == 200
    await billing.quiet()
    assert (await billing.rows("select state from stripe_event where type = 'invoice.upcoming'"))[0]["state"] == "done"
    assert await life.told() == ["SignupPaid"]


async def test_a_thin_event_says_enough(billing: Billing) -> None:
    await billing.double.webhooks("drop")
    checkout = await billing.open(a_wish())
    await billing.double.pay(checkout)
    (session,) = await billing.double.objects("/v1/checkout/sessions")
    thin = {
        "id": "evt_thin",
        "object": "v2.core.event",
        "type": "v1.checkout.session.completed",
        "created": "2026-11-22T04:00:00.000Z",
        "livemode": False,
        "related_object": {"id": session["id"], "type": "checkout.session", "url": "/v1/x"},
    }
    assert (await deliver(billing, json.dumps(thin)))[0] == 200
    await billing.paid_signup()


async def test_an_event_that_claims_a_payment_is_not_believed(billing: Billing) -> None:
    """Even rightly signed: what is true is fetched."""
    wish = a_wish()
    await billing.open(wish)
    (customer,) = await billing.double.objects("/v1/customers")
    about = {"id": "sub_1", "object": "subscription", "customer": customer["id"], "status": "active"}
    await deliver(billing, json.dumps(an_event(data={"object": about})))
    await billing.quiet()
    assert await billing.events() == []
    assert await billing.rows("select 1 from subscription") == []


@pytest.mark.parametrize("mode", ["forge", "stale"])
async def test_forged_and_stale_deliveries_of_a_real_payment_do_nothing(billing: Billing, mode: str) -> None:
    await billing.double.webhooks(mode)
    await billing.double.pay(await billing.open(a_wish()))

    async def were_refused() -> bool:
        tried = (await billing.double.journal())["deliveries"]
        statuses = [each["status"] for each in tried if each["type"] == "checkout.session.completed"]
        return bool(statuses) and set(statuses) == {400}

    await until(were_refused, within=5, what="deliveries are refused")
    assert await billing.events() == []


async def test_without_a_database_stripe_is_asked_to_come_again(billing: Billing) -> None:
    body = json.dumps(an_event())
    await billing.service.pool._pool.close()
    assert (await deliver(billing, body))[0] == 503
