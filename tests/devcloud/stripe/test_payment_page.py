import asyncio

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import (
    AUTHENTICATE,
    DECLINED,
    GOOD,
    NO_FUNDS,
    a_form,
    a_price,
    a_session,
    an_embedded_session,
    type_card,
)
from s4_devcloud.stripe.world import World


async def look(browser: aiohttp.ClientSession, url: str | None) -> tuple[int, str]:
    assert url is not None
    async with browser.get(url, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def test_the_page_says_what_it_is_and_what_is_bought(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_session(client)
    status, page = await look(browser, session.url)
    assert status == 200
    assert "local stand-in for Stripe" in page
    assert "25.00 USD per month" in page
    assert "Receipts go to <strong>buyer@example.com</strong>" in page
    assert 'href="http://shop.test/cancelled"' in page
    assert "<script" not in page


async def test_every_field_has_a_label_and_every_problem_points_at_its_field(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_session(client)
    empty = dict.fromkeys(("expiry", "cvc", "name", "postal_code"), "")
    status, page, _ = await type_card(browser, session.url, "", **empty, country="XX")
    assert status == 422
    for field in ("number", "expiry", "cvc", "name", "country", "postal_code"):
        assert f'<label for="{field}">' in page
        assert f'id="{field}-problem"' in page
        assert f'aria-describedby="{field}-problem"' in page
    assert (await client.v1.payment_intents.list_async()).data == []


async def test_what_was_typed_stays_except_for_the_card(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_session(client)
    _, page, _ = await type_card(browser, session.url, "4242 4242 4242 4241", cvc="987", name='Tess "T" <b>')
    assert "Your card number is invalid." in page
    assert "Tess &#34;T&#34; &lt;b&gt;" in page
    assert "4241" not in page
    assert "987" not in page


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (DECLINED, ("card_declined", "generic_decline"), "Your card was declined."),
        (NO_FUNDS, ("card_declined", "insufficient_funds"), "Your card has insufficient funds."),
        ("4000 0000 0000 0069", ("expired_card", None), "Your card has expired."),
    ],
)
async def test_a_refused_card_leaves_the_session_open_and_another_card_pays(
    client: stripe.StripeClient,
    browser: aiohttp.ClientSession,
    number: str,
    code: tuple[str, str | None],
    message: str,
) -> None:
    session = await a_session(client)
    status, page, _ = await type_card(browser, session.url, number)
    assert status == 402
    assert message.replace("'", "&#39;") in page
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    assert (await client.v1.subscriptions.list_async({"status": "all"})).data == []
    assert (await client.v1.invoices.list_async()).data == []
    intent = (await client.v1.payment_intents.list_async()).data[0]
    assert intent.last_payment_error is not None
    assert (intent.last_payment_error.code, getattr(intent.last_payment_error, "decline_code", None)) == code

    status, _, target = await type_card(browser, session.url, GOOD)
    assert (status, target) == (303, f"http://shop.test/return?session_id={session.id}")
    intents = (await client.v1.payment_intents.list_async()).data
    assert [(found.id, found.status) for found in intents] == [(intent.id, "succeeded")]
    charges = (await client.v1.charges.list_async({"payment_intent": intent.id})).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]
    types = [event.type for event in (await client.v1.events.list_async({"limit": 100})).data]
    assert types.count("payment_intent.payment_failed") == 1
    assert types.count("checkout.session.completed") == 1


async def test_a_double_click_pays_once(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await a_session(client)
    answers = await asyncio.gather(*(type_card(browser, session.url) for _ in range(5)))
    assert {(status, target) for status, _, target in answers} == {
        (303, f"http://shop.test/return?session_id={session.id}")
    }
    assert len((await client.v1.charges.list_async()).data) == 1
    assert len((await client.v1.subscriptions.list_async()).data) == 1


async def test_a_paid_page_says_so(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await a_session(client)
    await type_card(browser, session.url)
    status, page = await look(browser, session.url)
    assert status == 200
    assert "You have already paid" in page
    assert 'name="number"' not in page


async def test_three_d_secure_completed_pays(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await a_session(client)
    status, _, target = await type_card(browser, session.url, AUTHENTICATE)
    assert (status, target) == (303, f"/c/pay/{session.id}/authenticate")
    assert (await client.v1.payment_intents.list_async()).data[0].status == "requires_action"
    challenge = f"{session.url}/authenticate"
    assert "Complete</button>" in (await look(browser, challenge))[1]
    async with browser.post(challenge, data={"outcome": "complete"}, allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"http://shop.test/return?session_id={session.id}"
    charge = (await client.v1.charges.list_async()).data[0]
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert charge.payment_method_details.card.three_d_secure is not None
    async with browser.post(challenge, data={"outcome": "complete"}, allow_redirects=False) as answer:
        assert answer.status == 303
    assert len((await client.v1.charges.list_async()).data) == 1


async def test_three_d_secure_failed_asks_for_another_card(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_session(client)
    await type_card(browser, session.url, AUTHENTICATE)
    async with browser.post(f"{session.url}/authenticate", data={"outcome": "fail"}) as answer:
        assert answer.status == 402
        assert "unable to authenticate" in await answer.text()
    intent = (await client.v1.payment_intents.list_async()).data[0]
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert (await look(browser, f"{session.url}/authenticate"))[1].count('name="number"') == 1
    assert (await type_card(browser, session.url))[0] == 303


async def test_the_bank_page_without_a_payment_is_the_form(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_session(client)
    assert 'name="number"' in (await look(browser, f"{session.url}/authenticate"))[1]
    async with browser.post(f"{session.url}/authenticate", data={"outcome": "complete"}) as answer:
        assert 'name="number"' in await answer.text()
    assert (await client.v1.charges.list_async()).data == []


async def test_a_session_without_a_customer_asks_for_an_address_and_makes_one(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_session(client, customer=None)
    assert (await type_card(browser, session.url))[0] == 422
    assert (await type_card(browser, session.url, email="new@example.com"))[0] == 303
    paid = await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["customer"]})
    assert isinstance(paid.customer, stripe.Customer)
    assert paid.customer.email == "new@example.com"


async def test_terms_that_are_required_must_be_accepted(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_session(client, consent_collection={"terms_of_service": "required"})
    assert (await type_card(browser, session.url))[0] == 422
    assert (await type_card(browser, session.url, terms="yes"))[0] == 303
    paid = await client.v1.checkout.sessions.retrieve_async(session.id)
    assert paid.consent is not None
    assert paid.consent.terms_of_service == "accepted"


async def test_what_checkout_may_save_is_saved_on_the_customer(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    update = {"address": "auto", "name": "auto"}
    session = await a_session(client, customer_update=update, automatic_tax={"enabled": True})
    await type_card(browser, session.url)
    customer = await client.v1.customers.retrieve_async(str(session.customer))
    assert customer.address is not None
    assert (customer.name, customer.address.country, customer.address.postal_code) == ("Test Buyer", "DE", "10115")
    kept = await a_session(client, line_items=[{"price": (await a_price(client, "other")).id, "quantity": 1}])
    await type_card(browser, kept.url)
    assert (await client.v1.customers.retrieve_async(str(kept.customer))).name is None


async def test_pages_that_do_not_exist_say_so(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, world: World
) -> None:
    embedded = await an_embedded_session(client)
    base = world.settings.public_url
    for path in ("/c/pay/cs_test_none", f"/c/pay/{embedded.id}", "/c/frame/frame_none", "/c/pay/x/authenticate"):
        assert (await look(browser, base + path))[0] == 404
    async with browser.post(f"{base}/c/pay/{embedded.id}", data=a_form()) as answer:
        assert answer.status == 404


async def test_the_page_may_not_be_framed_cached_or_leak_its_address(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    session = await a_session(client)
    async with browser.get(str(session.url)) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self' http://shop.test" in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_a_card_can_be_told_to_behave_otherwise(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    await control.post("/cards", number=GOOD, behaviour="stolen_card")
    session = await a_session(client)
    assert (await type_card(browser, session.url))[0] == 402
    assert (await control.get("/cards"))["cards"]["4242424242424242"] == "stolen_card"


async def test_no_card_number_is_kept_anywhere(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, world: World, control: Control
) -> None:
    session = await a_session(client)
    await type_card(browser, session.url, DECLINED)
    await type_card(browser, session.url, GOOD)
    kept = str(world.store.__dict__) + str(await control.get("/journal")) + str(await control.get("/state"))
    assert "4242424242424242" not in kept.replace(" ", "")
    assert "4000000000000002" not in kept.replace(" ", "")
