import time
from typing import Any

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import a_price, a_session, an_embedded_session, type_card


async def test_a_hosted_session_has_a_page_and_no_secret(client: stripe.StripeClient) -> None:
    session = await a_session(client)
    assert session.url is not None
    assert session.url.endswith(f"/c/pay/{session.id}")
    assert (session.client_secret, session.status, session.payment_status) == (None, "open", "unpaid")
    assert (session.amount_total, session.currency, session.subscription) == (2500, "usd", None)
    assert session.expires_at - session.created == 24 * 3600


async def test_an_embedded_session_has_a_secret_and_no_page(client: stripe.StripeClient) -> None:
    session = await an_embedded_session(client)
    assert session.url is None
    assert session.client_secret is not None
    assert session.client_secret.startswith(session.id + "_secret_")
    assert session.redirect_on_completion == "always"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mode": None}, "mode"),
        ({"mode": "payment"}, "mode"),
        ({"success_url": None}, "success_url"),
        ({"return_url": "http://shop.test"}, "return_url"),
        ({"ui_mode": "embedded_page"}, "success_url"),
        ({"ui_mode": "embedded_page", "success_url": None, "cancel_url": None}, "return_url"),
        ({"ui_mode": "elements"}, "ui_mode"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"cancel_url": "/relative"}, "cancel_url"),
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price]"),
        ({"line_items": [{"price": "price_none", "quantity": 1}]}, "line_items[0][price]"),
        ({"customer_email": "both@example.com"}, "customer"),
        ({"customer": None, "customer_update": {"name": "auto"}}, "customer_update"),
        ({"client_reference_id": "r" * 201}, "client_reference_id"),
        ({"tax_id_collection": {"enabled": True}}, "customer_update"),
        ({"automatic_tax": {"enabled": True}}, None),
        ({"allowed_payment_method_types": ["sepa_debit"]}, "allowed_payment_method_types"),
        ({"subscription_data": {"billing_mode": {"type": "classic"}}}, "subscription_data[billing_mode][type]"),
    ],
)
async def test_parameters_that_contradict_each_other_are_refused(
    client: stripe.StripeClient, changes: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await a_session(client, **changes)
    assert (refused.value.http_status, refused.value.param) == (400, param)
    assert (await client.v1.checkout.sessions.list_async()).data == []


async def test_a_session_lives_between_half_an_hour_and_a_day(client: stripe.StripeClient) -> None:
    now = int(time.time())
    for wrong in (now + 29 * 60, now + 24 * 3600 + 60, now - 1):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await a_session(client, expires_at=wrong)
        assert refused.value.param == "expires_at"
    session = await a_session(client, expires_at=now + 31 * 60)
    assert session.expires_at == now + 31 * 60


@pytest.mark.parametrize("quantity", [0, -1, None])
async def test_a_line_needs_a_quantity(client: stripe.StripeClient, quantity: int | None) -> None:
    price = await a_price(client)
    line = {"price": price.id, "quantity": quantity}
    with pytest.raises(stripe.InvalidRequestError):
        await a_session(client, line_items=[line])


async def test_a_retired_price_and_two_currencies_cannot_be_sold(client: stripe.StripeClient) -> None:
    retired, dollars = await a_price(client, "old"), await a_price(client, "new")
    await client.v1.prices.update_async(retired.id, {"active": False})
    euros = await client.v1.prices.create_async(
        {"currency": "eur", "unit_amount": 1, "product_data": {"name": "E"}, "recurring": {"interval": "year"}}
    )
    for prices in ([retired], [dollars, euros]):
        with pytest.raises(stripe.InvalidRequestError):
            await a_session(client, line_items=[{"price": price.id, "quantity": 1} for price in prices])


async def test_tax_is_collected_where_the_address_is_allowed_to_be_saved(client: stripe.StripeClient) -> None:
    session = await a_session(
        client,
        automatic_tax={"enabled": True},
        tax_id_collection={"enabled": True},
        customer_update={"address": "auto", "name": "auto"},
        billing_address_collection="required",
        locale="de",
    )
    assert session.automatic_tax.status == "requires_location_inputs"


async def test_line_items_tell_what_is_sold(client: stripe.StripeClient) -> None:
    price = await a_price(client, amount=700)
    session = await a_session(client, line_items=[{"price": price.id, "quantity": 3}])
    lines = await client.v1.checkout.sessions.line_items.list_async(session.id)
    assert [(line.description, line.amount_total, line.quantity) for line in lines.data] == [("Personal grid", 2100, 3)]


async def test_a_session_is_closed_once(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await a_session(client)
    page = session.url
    closed = await client.v1.checkout.sessions.expire_async(session.id)
    assert (closed.status, closed.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        await client.v1.checkout.sessions.expire_async(session.id)
    status, text, _ = await type_card(browser, page)
    assert (status, "has expired" in text) == (410, True)
    assert (await client.v1.payment_intents.list_async()).data == []


async def test_a_paid_session_cannot_be_closed(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    session = await a_session(client)
    await type_card(browser, session.url)
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        await client.v1.checkout.sessions.expire_async(session.id)


async def test_an_abandoned_session_expires_by_the_clock(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    session = await a_session(client, expires_at=int(time.time()) + 31 * 60)
    await control.post("/clock/advance", seconds=30 * 60)
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    await control.post("/clock/advance", seconds=2 * 60)
    assert (await client.v1.checkout.sessions.retrieve_async(session.id)).status == "expired"
    status, _, _ = await type_card(browser, session.url)
    assert status == 410
    told = await client.v1.events.list_async({"types": ["checkout.session.expired", "checkout.session.completed"]})
    assert [event.type for event in told.data] == ["checkout.session.expired"]


async def test_sessions_are_found_by_customer_and_status(client: stripe.StripeClient) -> None:
    first = await a_session(client)
    await client.v1.checkout.sessions.expire_async(first.id)
    price = (await client.v1.prices.list_async()).data[0].id
    second = await a_session(client, customer=first.customer, line_items=[{"price": price, "quantity": 1}])
    customer = str(first.customer)
    found = await client.v1.checkout.sessions.list_async({"customer": customer, "status": "open"})
    assert [session.id for session in found.data] == [second.id]
    assert len((await client.v1.checkout.sessions.list_async({"customer": customer})).data) == 2
