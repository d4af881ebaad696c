import uuid

import pytest
import stripe

from devcloud.stripe.behaviour.account import Account
from devcloud.stripe.behaviour.lives import DAY, a_life, period


async def test_a_preview_is_the_invoice_that_follows(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price(2500))
    dearer = await account.price(7900)
    start, _ = period(subscription)
    await life.go_to(start + 10 * DAY)
    item = subscription["items"].data[0].id
    moment = start + 10 * DAY
    preview = await life.client.v1.invoices.create_preview_async(
        {
            "subscription": subscription.id,
            "subscription_details": {
                "items": [{"id": item, "price": dearer.id}],
                "proration_behavior": "always_invoice",
                "proration_date": moment,
            },
        }
    )
    changed = await life.client.v1.subscriptions.update_async(
        subscription.id,
        {
            "items": [{"id": item, "price": dearer.id}],
            "proration_behavior": "always_invoice",
            "proration_date": moment,
        },
    )
    invoice = await life.client.v1.invoices.retrieve_async(str(changed.latest_invoice))
    assert (invoice.total, invoice.status) == (preview.total, "paid")
    assert [line.amount for line in invoice.lines.data] == [line.amount for line in preview.lines.data]
    assert preview.lines.data[0].amount < 0 < preview.total


async def test_refunds_never_exceed_what_is_left(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price(2500))
    charge = await life.charge_of((await life.invoices(subscription))[0])
    part = await life.client.v1.refunds.create_async({"charge": charge.id, "amount": 1000})
    assert (part.amount, part.status, part.charge) == (1000, "succeeded", charge.id)
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        await life.client.v1.refunds.create_async({"charge": charge.id, "amount": 1501})
    assert too_much.value.http_status == 400
    rest = await life.client.v1.refunds.create_async({"charge": charge.id})
    assert rest.amount == 1500
    with pytest.raises(stripe.InvalidRequestError) as again:
        await life.client.v1.refunds.create_async({"charge": charge.id})
    assert again.value.code == "charge_already_refunded"
    after = await life.client.v1.charges.retrieve_async(charge.id)
    assert (after.amount_refunded, after.refunded) == (2500, True)
    assert (await life.again(subscription)).status == "active"


async def test_the_same_key_refunds_once(account: Account) -> None:
    life = await a_life(account)
    subscription = await life.subscribe(await account.price(2500))
    charge = await life.charge_of((await life.invoices(subscription))[0])
    options: stripe.RequestOptions = {"idempotency_key": f"refund-{uuid.uuid4().hex}"}
    made = [
        (await life.client.v1.refunds.create_async({"charge": charge.id, "amount": 500}, options)).id for _ in range(2)
    ]
    assert made[0] == made[1]
    assert (await life.client.v1.charges.retrieve_async(charge.id)).amount_refunded == 500
