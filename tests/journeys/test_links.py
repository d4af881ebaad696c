"""Bad input through the doors that lead to a grid: its events, the bus, and the link in the letter."""

import asyncio
import base64
import hmac
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import aio_pika
import jwt
import pytest

from s4_bus.parked import parked
from s4_contracts import encode, routing_key
from s4_contracts.ids import AccountId, GridId, RequestId
from s4_contracts.web import InviteRequested
from s4_runtime import new_id
from s4_shop.demo.customer import Customer, Refused
from s4_shop.shop import Shop
from support.buyer import Buyer
from support.doors import answered, asked, csrf, metric
from support.ledger import EXACTLY_ONE, Holdings, Ledger
from support.stripe_double import StripeDouble
from support.waiting import until

Claims = dict[str, object]


@dataclass(frozen=True)
class Bought:
    """A ready grid, its unused link, and what Stripe told about its payment."""

    email: str
    link: str
    told: list[str]
    holdings: Holdings

    @property
    def claims(self) -> Claims:
        """What the token in the link says."""
        (token,) = parse_qs(urlsplit(self.link).query)["token"]
        found: Claims = jwt.decode(token, options={"verify_signature": False})
        return found


@pytest.fixture(scope="module")
def bought(shop: Shop) -> Bought:
    """Paid while Stripe's webhooks were held back; then they came backwards, and twice more."""
    stripe = StripeDouble(shop.urls["stripe"], shop.urls["stripe-control"])

    async def buy() -> Bought:
        async with Buyer.visiting(shop, "doors") as buyer:
            await stripe.webhooks("hold")
            try:
                await buyer.buy()
                told = (await stripe.order("/webhooks/release", order="lifo"))["released"]
            finally:
                await stripe.webhooks("normal")
            await stripe.order("/webhooks/release", order=told)
            await stripe.order("/webhooks/release", order=told[::-1])
            await buyer.wait_until_ready()
            customer, inbox = buyer.customer, shop.urls["inbox"]
            link = await until(lambda: customer.letter_link(inbox, buyer.email), within=30, what="the letter")
            return Bought(buyer.email, link, told, await Ledger(shop).holdings(buyer.email))

    return asyncio.run(buy())


async def test_webhooks_backwards_and_again_and_again_make_one_grid(shop: Shop, bought: Bought) -> None:
    assert len(bought.told) > 3
    counted = await metric(shop, "billing", "billing_webhook_deliveries_total", outcome="repeated")
    assert counted >= 2 * len(bought.told)
    assert bought.holdings == EXACTLY_ONE


async def test_what_is_no_event_of_ours_is_parked_and_counted_and_the_next_one_flows_on(
    shop: Shop, ledger: Ledger, bought: Bought
) -> None:
    known = routing_key(InviteRequested)
    bad = {
        "malformed-event": aio_pika.Message(b'{"type": ', message_id=new_id(), type=known),
        "unknown-event": aio_pika.Message(b"{}", message_id=new_id(), type="web.invite-requested.v9"),
        "malformed-id": aio_pika.Message(b"{}", message_id="1; drop table", type=known),
    }
    before = {code: await metric(shop, "notifier", "s4_bus_parked_total", code=code) for code in bad}
    letters = len(await ledger.letters(bought.email))
    claims, request_id = bought.claims, new_id()
    event = InviteRequested(
        occurred_at=datetime.now(UTC),
        account_id=AccountId(str(claims["sub"])),
        grid_id=GridId(str(claims["grid"])),
        request_id=RequestId(request_id),
    )
    good = aio_pika.Message(encode(event), message_id=new_id(), type=known)
    url = shop.wiring.rabbit.amqp_url()
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for message in (*bad.values(), good):
            await channel.default_exchange.publish(message, "s4.notifier", mandatory=True)

        async def letter_came() -> bool:
            return len(await ledger.letters(bought.email)) == letters + 1

        await until(letter_came, within=20, what="the letter that the good event asks for")
        for code, counted in before.items():
            assert await metric(shop, "notifier", "s4_bus_parked_total", code=code) == counted + 1
        aside = {one.id: one.code for one in await parked("notifier", url)}
        assert {str(message.message_id): code for code, message in bad.items()}.items() <= aside.items()
        await (await channel.get_queue("s4.notifier.parked")).purge()


def unsigned(claims: Claims) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def confused(public_key: str, claims: Claims) -> str:
    """Signed symmetrically, with the public key as if it were the secret (RFC 8725, section 2.1)."""
    parts = (json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    digest = hmac.digest(public_key.encode(), text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def tokens(shop: Shop, claims: Claims) -> dict[str, str]:
    """Tokens that say the right things and are none of ours."""
    key = shop.secrets["claim-private-key"]
    genuine = jwt.encode(claims, key, algorithm="EdDSA")
    head, body, signature = genuine.split(".")
    other_body = jwt.encode(claims | {"grid": new_id()}, key, "EdDSA").split(".")[1]
    return {
        "nothing": "",
        "cut in two": genuine[: len(genuine) // 2],
        "unsigned": unsigned(claims),
        "signature removed": f"{head}.{body}.",
        "algorithm confused": confused(shop.secrets["claim-public-key"], claims),
        "another's signature": f"{head}.{other_body}.{signature}",
        "another audience": jwt.encode(claims | {"aud": "s4-billing"}, key, "EdDSA"),
        "another issuer": jwt.encode(claims | {"iss": "s4-web"}, key, "EdDSA"),
        "no end": jwt.encode({name: value for name, value in claims.items() if name != "exp"}, key, "EdDSA"),
        "huge": genuine + "A" * 5000,
    }


async def test_a_link_that_we_did_not_sign_shows_nothing(shop: Shop, ledger: Ledger, bought: Bought) -> None:
    async with Customer(shop.urls["site"]) as customer:
        await customer.open(bought.link)
        token = csrf(customer)
        for name, forged in tokens(shop, bought.claims).items():
            seen = await answered(customer, "GET", "/claim", params={"token": forged})
            pressed = await asked(customer, "/claim", csrf=token, token=forged)
            for status, words in (seen, pressed):
                assert status == 404, name
                assert "This link is not one of ours" in words
        assert (await asked(customer, "/claim", token=bought.link.rpartition("=")[2]))[0] == 403
    assert await claimed(ledger, bought) == []


async def claimed(ledger: Ledger, bought: Bought) -> list[str]:
    """The letters of this account whose link was used up."""
    return [
        str(row["letter_id"])
        for row in await ledger.rows(
            "web", "SELECT letter_id FROM claims WHERE account_id = $1", str(bought.claims["sub"])
        )
    ]


async def test_an_expired_or_outdated_link_says_so_and_offers_a_new_one(
    shop: Shop, ledger: Ledger, bought: Bought
) -> None:
    key, claims = shop.secrets["claim-private-key"], bought.claims
    expired = jwt.encode(claims | {"exp": int(time.time()) - 1, "jti": new_id()}, key, "EdDSA")
    outdated = jwt.encode(claims | {"ref": f"{claims['grid']}:999", "jti": new_id()}, key, "EdDSA")
    nowhere = jwt.encode(claims | {"grid": new_id(), "jti": new_id()}, key, "EdDSA")
    async with Customer(shop.urls["site"]) as customer:
        await customer.open(bought.link)
        token = csrf(customer)
        status, words = await answered(customer, "GET", "/claim", params={"token": expired})
        assert (status, "This link has expired" in words, "Send me a new link" in words) == (410, True, True)
        assert (await asked(customer, "/claim", csrf=token, token=expired))[0] == 410
        status, words = await asked(customer, "/claim", csrf=token, token=outdated)
        assert (status, "This link is out of date" in words, "Send me a new link" in words) == (410, True, True)
        status, words = await asked(customer, "/claim", csrf=token, token=nowhere)
        assert (status, "There is no such grid" in words) == (404, True)
    assert await claimed(ledger, bought) == []


async def test_another_persons_link_is_not_used_up_by_who_has_a_grid_of_their_own(
    shop: Shop, ledger: Ledger, bought: Bought
) -> None:
    async with Buyer.visiting(shop, "stranger") as stranger:
        await stranger.buy()
        customer = stranger.customer
        status, words = await answered(customer, "GET", bought.link)
        assert status == 403
        assert "This link belongs to another account" in words
        assert "Nothing was used up" in words
    assert await claimed(ledger, bought) == []


async def test_a_link_shows_the_furl_to_one_browser_only(shop: Shop, ledger: Ledger) -> None:
    async with Buyer.visiting(shop, "replay") as buyer, Customer(shop.urls["site"]) as thief:
        await buyer.buy()
        await buyer.wait_until_ready()
        customer = buyer.customer
        link = await until(lambda: customer.letter_link(shop.urls["inbox"], buyer.email), within=30, what="the letter")
        await thief.open(link)
        furl = await customer.claim(link)
        assert await customer.claim(link) == furl, "a lost answer may be read again for a while"
        with pytest.raises(Refused, match="410"):
            await thief.send("claim", {})
        with pytest.raises(Refused, match=r"410 .*used already"):
            await thief.open(link)
        assert "Send me a new link" in str(thief.page.texts) + thief.page.texts["main"]
        assert await ledger.holdings(buyer.email) == EXACTLY_ONE
