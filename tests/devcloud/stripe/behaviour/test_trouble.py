"""Cards that make trouble afterwards; Stripe takes some seconds over it."""

import stripe

from devcloud.stripe.behaviour.account import Account
from devcloud.stripe.behaviour.lives import a_life
from support.waiting import until

PATIENCE = 60  # seconds


async def test_a_disputed_charge_is_found_by_its_charge_and_can_no_longer_be_refunded(account: Account) -> None:
    life = await a_life(account, "pm_card_createDispute")
    subscription = await life.subscribe(await account.price(2500))
    charge = await life.charge_of((await life.invoices(subscription))[0])

    async def disputed() -> list[stripe.Dispute]:
        return (await life.client.v1.disputes.list_async({"charge": charge.id})).data

    dispute = (await until(disputed, within=PATIENCE, what="the dispute"))[0]
    assert (dispute.amount, dispute.currency, dispute.reason) == (2500, "usd", "fraudulent")
    assert dispute.status == "needs_response"
    assert dispute.evidence_details.due_by is not None
    assert (await life.client.v1.charges.retrieve_async(charge.id)).disputed


async def test_an_early_fraud_warning_is_settled_by_a_refund(account: Account) -> None:
    life = await a_life(account, "pm_card_createIssuerFraudRecord")
    subscription = await life.subscribe(await account.price(2500))
    charge = await life.charge_of((await life.invoices(subscription))[0])
    warnings = life.client.v1.radar.early_fraud_warnings

    async def warned() -> list[stripe.radar.EarlyFraudWarning]:
        return (await warnings.list_async({"charge": charge.id})).data

    warning = (await until(warned, within=PATIENCE, what="the warning"))[0]
    assert (warning.charge, warning.actionable) == (charge.id, True)
    await life.client.v1.refunds.create_async({"charge": charge.id})

    async def settled() -> bool:
        return not (await warnings.retrieve_async(warning.id)).actionable

    await until(settled, within=PATIENCE, what="the end of the warning")
