"""Bad input through the doors that need no grid: the signup form, the payment page, Stripe's webhook."""

import asyncio
import hashlib
import hmac
import io
import json
import time
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest

from s4_shop.demo.customer import Customer, Refused
from s4_shop.shop import Shop
from support.doors import Made, answered, asked, csrf, embedded, made
from support.ledger import Ledger
from support.stripe_double import StripeDouble
from support.waiting import until


@pytest.fixture
def stripe(shop: Shop) -> StripeDouble:
    return StripeDouble(shop.urls["stripe"], shop.urls["stripe-control"])


async def test_a_form_that_is_not_from_our_page_is_refused_and_makes_nothing(
    shop: Shop, ledger: Ledger, stripe: StripeDouble
) -> None:
    before = await made(ledger, stripe)
    good = {"email": "a@example.com", "plan": "personal", "terms": "yes"}
    async with Customer(shop.urls["site"]) as customer:
        no_cookie = await asked(customer, "/signup", **good)
        await customer.open("/signup")
        missing = await asked(customer, "/signup", **good)
        wrong = await asked(customer, "/signup", **good, csrf="0" * 64)
        token = csrf(customer)
        elsewhere = {"Origin": "https://evil.example"}
        foreign = await answered(customer, "POST", "/signup", data={**good, "csrf": token}, headers=elsewhere)
        for status, words in (no_cookie, missing, wrong, foreign):
            assert status == 403
            assert "Please open the form again" in words
            assert "nothing was charged" in words.lower()
        too_much = await asked(customer, "/signup", **good, csrf=token, note="x" * 70_000)
        assert too_much[0] == 413
        assert "Nothing was saved" in too_much[1]
        twice = await answered(customer, "POST", "/signup", data=[*good.items(), ("csrf", token), ("plan", "x")])
        assert twice[0] == 400
        attached = aiohttp.FormData({**good, "csrf": token}, default_to_multipart=True)
        assert (await answered(customer, "POST", "/signup", data=attached))[0] == 415
    assert await made(ledger, stripe) == before


@pytest.mark.parametrize("email", ["", "no-at", "a@b", "a@example.com\r\nBcc: b@example.com", "<script>@example.com"])
async def test_an_address_that_no_letter_reaches_is_refused_and_kept_in_the_form(
    shop: Shop, ledger: Ledger, stripe: StripeDouble, email: str
) -> None:
    before = await made(ledger, stripe)
    async with Customer(shop.urls["site"]) as customer:
        await customer.open("/signup")
        form = {"email": email, "plan": "personal", "terms": "yes", "csrf": csrf(customer)}
        status, words = await asked(customer, "/signup", **form)
        assert status == 422
        assert "Please give the address that your letter is to go to" in words
    assert await made(ledger, stripe) == before


async def test_a_plan_that_is_not_sold_is_refused_and_a_price_in_the_form_changes_nothing(
    shop: Shop, ledger: Ledger, stripe: StripeDouble
) -> None:
    before = await made(ledger, stripe)
    async with Customer(shop.urls["site"]) as customer:
        await customer.open("/signup")
        form = {"email": f"tamper-{time.time_ns()}@example.com", "terms": "yes", "csrf": csrf(customer)}
        status, words = await asked(customer, "/signup", **form, plan="free")
        assert status == 422
        assert "Please choose one of the plans" in words
        assert await made(ledger, stripe) == before
        status, words = await asked(customer, "/signup", **form, plan="personal", amount="1", price="price_free")
        assert status == 200
        assert "$25 a month" in words
        await customer.open("/pay")
        await customer.send("pay-hosted", {})
        async with customer.session.get(customer.url) as page:
            assert "25.00 USD" in await page.text()


async def test_a_double_submit_and_two_tabs_end_in_one_checkout_and_one_customer(
    shop: Shop, ledger: Ledger, stripe: StripeDouble
) -> None:
    before = await made(ledger, stripe)
    async with Customer(shop.urls["site"]) as customer:
        await customer.open("/signup")
        token, email = csrf(customer), f"tabs-{time.time_ns()}@example.com"
        form = {"email": email, "plan": "personal", "terms": "yes", "csrf": token}
        sent = await asyncio.gather(*(asked(customer, "/signup", **form) for _ in range(3)))
        assert [status for status, _ in sent] == [200, 200, 200]
        secrets = await asyncio.gather(*(embedded(customer, token) for _ in range(3)))
        assert len({secret for _, secret in secrets}) == 1
        await customer.open("/pay")
        await customer.pay()
        assert customer.url == urljoin(shop.urls["site"], "/status")
        assert await embedded(customer, token) == (409, None)
        assert "This signup is paid" not in (await asked(customer, "/signup", **form))[1]
        after = await made(ledger, stripe)
    assert after.signups == before.signups + 1
    assert after.customers == before.customers + 1
    assert after.subscriptions == before.subscriptions + 1
    await until(lambda: paid_once_more(ledger, stripe, before), within=10, what="SignupPaid")


async def paid_once_more(ledger: Ledger, stripe: StripeDouble, before: Made) -> bool:
    return (await made(ledger, stripe)).paid == before.paid + 1


async def test_an_abandoned_checkout_expires_and_builds_nothing(
    shop: Shop, ledger: Ledger, stripe: StripeDouble
) -> None:
    async with Customer(shop.urls["site"]) as customer:
        await customer.sign_up(f"abandoned-{time.time_ns()}@example.com")
        before = await made(ledger, stripe)
        await customer.send("pay-hosted", {})
        page = customer.url
        cancelled = await customer.open(urljoin(shop.urls["site"], "/signup/cancelled"))
        assert "Nothing was charged" in " ".join(cancelled.texts["main"].split())
        session = urlsplit(page).path.rpartition("/")[2]
        await expire(shop, session)
        with pytest.raises(Refused, match="410"):
            await customer.open(page)
        back = await customer.open(urljoin(shop.urls["site"], f"/signup/return?session_id={session}"))
        assert "The payment page has expired. Nothing was charged." in " ".join(back.texts["status"].split())
        after = await made(ledger, stripe)
        assert (after.subscriptions, after.paid, after.grids) == (before.subscriptions, before.paid, before.grids)
        await customer.open(urljoin(shop.urls["site"], "/pay"))
        await customer.send("pay-hosted", {})
        assert customer.url != page
        assert customer.url.startswith(shop.urls["stripe"])


async def expire(shop: Shop, session: str) -> None:
    """What Stripe does with a session whose time is over."""
    url = f"{shop.urls['stripe']}/v1/checkout/sessions/{session}/expire"
    headers = {"Authorization": f"Bearer {shop.secrets['stripe-secret-key']}"}
    async with aiohttp.ClientSession() as dashboard, dashboard.post(url, headers=headers) as answer:
        assert answer.status == 200, await answer.text()


def signed(secret: str, body: bytes, at: float) -> str:
    message = f"{int(at)}.".encode() + body
    return f"t={int(at)},v1={hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}"


async def test_a_webhook_that_stripe_did_not_send_now_is_refused_and_leaves_nothing(
    shop: Shop, ledger: Ledger, stripe: StripeDouble
) -> None:
    before, inbox = await made(ledger, stripe), "SELECT count(*) AS n FROM stripe_event"
    stored = (await ledger.rows("billing", inbox))[0]["n"]
    secret, now = shop.secrets["stripe-webhook-secret"], time.time()
    subscription = {"id": "sub_forged", "object": "subscription", "customer": "cus_forged", "status": "active"}
    event = {
        "id": f"evt_{time.time_ns()}",
        "object": "event",
        "type": "customer.subscription.created",
        "created": int(now),
        "livemode": False,
        "data": {"object": subscription},
    }
    body = json.dumps(event).encode()
    deliveries = [
        (body, ""),
        (body, "t=now,v1=0"),
        (body, signed("whsec_somebody_elses", body, now)),
        (body, signed(secret, body, now - 600)),
        (body, signed(secret, body, now + 600)),
        (body, signed(secret, body + b" ", now)),
        (b"not JSON", signed(secret, b"not JSON", now)),
    ]
    async with aiohttp.ClientSession(shop.urls["billing"]) as stranger:
        for sent, header in deliveries:
            async with stranger.post("/stripe/events", data=sent, headers={"Stripe-Signature": header}) as answer:
                assert answer.status == 400, header
                assert await answer.json() == {"code": "not-a-delivery"}
        huge = io.BytesIO(b"x" * (1024 * 1024 + 1))
        async with stranger.post("/stripe/events", data=huge) as answer:
            assert answer.status == 413
        async with stranger.get("/stripe/events") as answer:
            assert answer.status == 405
        async with stranger.get("/plans") as answer:
            assert answer.status == 401
    assert (await ledger.rows("billing", inbox))[0]["n"] == stored
    assert await made(ledger, stripe) == before
