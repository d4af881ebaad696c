from typing import Any

import aiohttp
import pytest
import stripe

from devcloud.stripe.ends import Control
from devcloud.stripe.shop import GOOD, a_subscription

MONTH = 32 * 24 * 3600


async def a_paid_invoice(client: stripe.StripeClient, browser: aiohttp.ClientSession, **session: Any) -> stripe.Invoice:
    subscription = await a_subscription(client, browser, **session)
    return await client.v1.invoices.retrieve_async(str(subscription.latest_invoice))


async def an_open_invoice(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> stripe.Invoice:
    """The renewal that could not be collected."""
    subscription = await a_subscription(client, browser)
    await control.post("/cards", number=GOOD, behaviour="insufficient_funds")
    await control.post("/clock/advance", seconds=MONTH)
    (invoice,) = (await client.v1.invoices.list_async({"subscription": subscription.id, "status": "open"})).data
    return invoice


async def the_charge(client: stripe.StripeClient) -> stripe.Charge:
    return (await client.v1.charges.list_async()).data[0]


async def test_a_credit_note_on_a_paid_invoice_refunds_the_card(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    invoice = await a_paid_invoice(client, browser)
    note = await client.v1.credit_notes.create_async(
        {"invoice": invoice.id, "amount": 1000, "refund_amount": 1000, "reason": "duplicate", "memo": "Sorry"}
    )
    assert (note.total, note.post_payment_amount, note.pre_payment_amount) == (1000, 1000, 0)
    assert (note.type, note.status, note.memo) == ("post_payment", "issued", "Sorry")
    assert note.number == f"{invoice.number}-CN-01"
    refund = await client.v1.refunds.retrieve_async(str(note.refunds[0].refund))
    assert (refund.amount, refund.reason) == (1000, "duplicate")
    assert (await the_charge(client)).amount_refunded == 1000
    after = await client.v1.invoices.retrieve_async(invoice.id)
    assert (after.post_payment_credit_notes_amount, after.status) == (1000, "paid")
    told = await client.v1.events.list_async({"type": "credit_note.*"})
    assert [event.type for event in told.data] == ["credit_note.created"]


async def test_a_credit_note_is_a_file_for_whoever_has_its_address(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    invoice = await a_paid_invoice(client, browser)
    note = await client.v1.credit_notes.create_async({"invoice": invoice.id, "amount": 5, "out_of_band_amount": 5})
    async with browser.get(note.pdf) as answer:
        assert answer.content_type == "application/pdf"
        file = await answer.read()
    assert file.startswith(b"%PDF-1.4")
    assert note.number.encode() in file
    async with browser.get(note.pdf.replace("cnst_", "cnst_x")) as answer:
        assert answer.status == 404


async def test_tax_is_credited_with_its_share(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    invoice = await a_paid_invoice(
        client, browser, automatic_tax={"enabled": True}, customer_update={"address": "auto"}
    )
    assert invoice.total == 2975
    line = invoice.lines.data[0]
    params: stripe.params.CreditNotePreviewParams = {
        "invoice": invoice.id,
        "lines": [{"type": "invoice_line_item", "invoice_line_item": line.id, "amount": 1000}],
        "refund_amount": 1190,
    }
    seen = await client.v1.credit_notes.preview_async(params)
    assert (seen.subtotal, seen.total, seen.total_excluding_tax) == (1000, 1190, 1000)
    assert (await client.v1.credit_notes.list_async()).data == []
    by_amount = await client.v1.credit_notes.create_async(
        {"invoice": invoice.id, "amount": 2975, "refund_amount": 2975}
    )
    assert (by_amount.subtotal, by_amount.total) == (2500, 2975)
    assert by_amount.total_taxes is not None
    assert [tax.amount for tax in by_amount.total_taxes] == [475]
    assert (await the_charge(client)).refunded


async def test_an_existing_refund_the_balance_and_cash_count_together(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    invoice = await a_paid_invoice(client, browser)
    refund = await client.v1.refunds.create_async({"charge": (await the_charge(client)).id, "amount": 500})
    note = await client.v1.credit_notes.create_async(
        {
            "invoice": invoice.id,
            "amount": 1000,
            "refunds": [{"refund": refund.id}],
            "credit_amount": 300,
            "out_of_band_amount": 200,
        }
    )
    found = await client.v1.credit_notes.retrieve_async(note.id, {"expand": ["invoice", "refunds.refund"]})
    assert isinstance(found.refunds[0].refund, stripe.Refund)
    assert (await client.v1.customers.retrieve_async(str(note.customer))).balance == -300
    assert (await the_charge(client)).amount_refunded == 500


async def test_a_credit_note_on_an_open_invoice_lowers_what_is_owed_and_can_be_voided(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    invoice = await an_open_invoice(client, browser, control)
    note = await client.v1.credit_notes.create_async({"invoice": invoice.id, "amount": 700})
    assert (note.type, note.pre_payment_amount) == ("pre_payment", 700)
    after = await client.v1.invoices.retrieve_async(invoice.id)
    assert (after.amount_remaining, after.pre_payment_credit_notes_amount) == (1800, 700)
    assert (await client.v1.credit_notes.void_credit_note_async(note.id)).status == "void"
    back = await client.v1.invoices.retrieve_async(invoice.id)
    assert (back.amount_remaining, back.pre_payment_credit_notes_amount) == (2500, 0)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.credit_notes.void_credit_note_async(note.id)


async def test_only_what_is_left_is_collected(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    invoice = await an_open_invoice(client, browser, control)
    await client.v1.credit_notes.create_async({"invoice": invoice.id, "amount": 700})
    await control.post("/cards", number=GOOD, behaviour="ok")
    paid = await client.v1.invoices.pay_async(invoice.id)
    assert (paid.status, paid.amount_paid) == ("paid", 1800)
    assert (await the_charge(client)).amount == 1800


async def test_an_invoice_with_nothing_left_to_pay_is_paid(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, control: Control
) -> None:
    invoice = await an_open_invoice(client, browser, control)
    await client.v1.credit_notes.create_async({"invoice": invoice.id, "amount": 2500})
    paid = await client.v1.invoices.retrieve_async(invoice.id, {"expand": ["payments"]})
    assert (paid.status, paid.amount_paid) == ("paid", 0)
    assert paid.payments is not None
    assert [row.status for row in paid.payments.data] == ["canceled"]
    (subscription,) = (await client.v1.subscriptions.list_async()).data
    assert subscription.status == "active"


async def test_credit_notes_are_found_and_their_words_can_be_changed(
    client: stripe.StripeClient, browser: aiohttp.ClientSession
) -> None:
    invoice = await a_paid_invoice(client, browser)
    notes = [
        await client.v1.credit_notes.create_async({"invoice": invoice.id, "amount": 1, "refund_amount": 1})
        for _ in range(2)
    ]
    for wanted in ({"invoice": invoice.id}, {"customer": str(invoice.customer)}):
        found = await client.v1.credit_notes.list_async(wanted)  # type: ignore[arg-type]  # both are parameters
        assert [row.id for row in found.data] == [notes[1].id, notes[0].id]
    assert (await client.v1.credit_notes.update_async(notes[0].id, {"memo": "x", "metadata": {"a": "b"}})).memo == "x"
    lines = await client.v1.credit_notes.line_items.list_async(notes[0].id)
    assert [line.amount for line in lines.data] == [1]
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.credit_notes.void_credit_note_async(notes[0].id)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"amount": 2501, "refund_amount": 2501},
        {"amount": 0},
        {"amount": 10},
        {"amount": 10, "refund_amount": 9},
        {"amount": 10, "refunds": [{"refund": "re_none"}]},
        {"amount": 10, "lines": []},
        {"lines": [{"type": "invoice_line_item", "invoice_line_item": "il_none", "amount": 5}]},
        {"lines": [{"type": "custom_line_item", "description": "x", "quantity": 1, "unit_amount": 5}]},
        {"amount": 10, "refund_amount": 10, "email_type": "none"},
    ],
)
async def test_a_credit_note_that_does_not_add_up_is_refused_and_refunds_nothing(
    client: stripe.StripeClient, browser: aiohttp.ClientSession, changes: dict[str, object]
) -> None:
    invoice = await a_paid_invoice(client, browser)
    params = {"invoice": invoice.id, **changes}
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.credit_notes.create_async(params)  # type: ignore[arg-type]  # wrong on purpose
    assert (await the_charge(client)).amount_refunded == 0


async def test_what_is_credited_twice_is_refused(client: stripe.StripeClient, browser: aiohttp.ClientSession) -> None:
    invoice = await a_paid_invoice(client, browser)
    await client.v1.credit_notes.create_async({"invoice": invoice.id, "amount": 2000, "out_of_band_amount": 2000})
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.credit_notes.create_async({"invoice": invoice.id, "amount": 501, "refund_amount": 501})
