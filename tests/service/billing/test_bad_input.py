"""What reaches billing although no page of ours sends it: it costs nobody anything, and Stripe hears nothing of it."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.billing_service import TOKEN, Billing, a_wish
from support.deliveries import an_event, signature
from support.stripe_double import StripeDouble

REFUSED = b'{"code": "not-a-delivery"}'


async def requests(double: StripeDouble) -> int:
    """How often Stripe was called."""
    return len((await double.journal())["requests"])


async def raw(billing: Billing, path: str, headers: bytes, body: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a POST of exactly these bytes; 0 for none."""
    address = urlsplit(billing.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        b"POST " + path.encode() + b" HTTP/1.1\r\nHost: billing\r\nConnection: close\r\n" + headers
        + b"Content-Length: %d\r\n\r\n" % len(body) + body
    )  # fmt: skip
    try:
        answer = await reader.read()
    except ConnectionResetError:  # the server would not read so much
        answer = b"HTTP/1.1 0"
    writer.close()
    with suppress(ConnectionResetError):
        await writer.wait_closed()
    head, _, told = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), told


@pytest.mark.parametrize("quantity", [float("nan"), float("inf"), 0, -1, 10**9, 1.5, "1.5", None])
async def test_how_many_is_not_for_sale(billing: Billing, quantity: object) -> None:
    before = await requests(billing.double)
    body = json.dumps({**a_wish(), "quantity": quantity}).encode()
    assert await raw(billing, "/checkouts", b"Authorization: Bearer " + TOKEN.encode() + b"\r\n", body) == (
        422,
        b'{"code": "malformed"}',
    )
    assert await requests(billing.double) == before


@pytest.mark.parametrize(
    ("session_id", "answer"),
    [
        ("cs_live_a1B2c3D4e5F6", (404, {"code": "no-such-checkout"})),
        ("cs_test_guessed", (404, {"code": "no-such-checkout"})),
        ("", (404, {"code": "no-such-checkout"})),
        ("cs_test_" + "a" * 10_000, (404, {"code": "no-such-checkout"})),
        ("../customers", (404, {"code": "no-such-checkout"})),
        (["cs_test_1"], (422, {"code": "malformed"})),
        ({"ne": None}, (422, {"code": "malformed"})),
        (7, (422, {"code": "malformed"})),
    ],
)
async def test_a_session_that_is_not_the_checkouts_is_refused_without_a_call(
    billing: Billing, session_id: object, answer: tuple[int, dict[str, Any]]
) -> None:
    wish = a_wish()
    await billing.open(wish)
    before = await requests(billing.double)
    assert await billing.call("POST", f"/checkouts/{wish['checkout_id']}/sync", {"session_id": session_id}) == answer
    assert await requests(billing.double) == before


async def test_an_address_in_another_alphabet_stays_as_it_was_typed_at_the_site(billing: Billing) -> None:
    """Else its owner could not sign in: the site knows addresses in ASCII."""
    await billing.double.pay(await billing.open(a_wish(email="ada@xn--bcher-kva.example.com")))
    assert (await billing.paid_signup()).email == "ada@xn--bcher-kva.example.com"


def hostile_headers() -> dict[str, bytes]:
    """Signatures that no library of Stripe's makes, and a right one that is spoilt."""
    right = signature(json.dumps(an_event(id="evt_spoilt")))
    return {
        "none": b"",
        "empty": b"Stripe-Signature:\r\n",
        "time alone": b"Stripe-Signature: t=" + right.split(",")[0][2:].encode() + b"\r\n",
        "latin": b"Stripe-Signature: t=1,v1=\xe9\xff\r\n",
        "not text": b"Stripe-Signature: t=1,v1=\xed\xa0\x80\xff\r\n",
        "many": b"Stripe-Signature: t=1" + b",v1=" + b",v1=".join([b"a" * 64] * 100) + b"\r\n",
        "too many": b"Stripe-Signature: t=1,v1=" + b",v1=".join([b"a" * 64] * 20_000) + b"\r\n",
        "twice": b"Stripe-Signature: t=1,v1=0\r\nStripe-Signature: " + right.encode() + b"\r\n",
    }


@pytest.mark.parametrize("kind", hostile_headers())
async def test_no_header_makes_the_webhook_fail_or_believe(billing: Billing, kind: str) -> None:
    body = json.dumps(an_event(id="evt_spoilt")).encode()
    status, told = await raw(billing, "/stripe/events", hostile_headers()[kind], body)
    if kind == "too many":  # which the server refuses by its length, whatever the path
        assert status in {0, 400}
    else:
        assert (status, told) == (400, REFUSED)
    assert await billing.rows("select 1 from stripe_event where id = 'evt_spoilt'") == []


async def test_a_change_that_is_told_as_thin_and_as_snapshot_is_one_change(billing: Billing) -> None:
    await billing.double.webhooks("drop")
    await billing.double.pay(await billing.open(a_wish()))
    (subscription,) = await billing.double.objects("/v1/subscriptions")
    about = {"id": subscription["id"], "type": "subscription", "url": f"/v1/subscriptions/{subscription['id']}"}
    told = [
        an_event(id="evt_snapshot", type="customer.subscription.created", data={"object": subscription}),
        {
            "id": "evt_thin",
            "object": "v2.core.event",
            "type": "v1.customer.subscription.created",
            "created": "2026-11-22T04:00:00.000Z",
            "livemode": False,
            "snapshot_event": "evt_snapshot",
            "related_object": about,
        },
    ]
    for event in (*told, *reversed(told)):
        body = json.dumps(event)
        header = f"Stripe-Signature: {signature(body)}\r\n".encode()
        assert (await raw(billing, "/stripe/events", header, body.encode()))[0] == 200
    await billing.paid_signup()
    await billing.quiet()
    states = await billing.rows(
        "select id, state from stripe_event where id in ('evt_snapshot', 'evt_thin') order by id"
    )
    assert [(row["id"], row["state"]) for row in states] == [("evt_snapshot", "done"), ("evt_thin", "done")]
    assert len(await billing.events()) == 1
