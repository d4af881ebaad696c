"""Stripe's own pages for cards, bills and leaving. Their address lets its holder in: made for one click, never kept."""

from typing import Any, Literal

import msgspec

from s4_billing.accounts import bills
from s4_billing.clerk import Clerk
from s4_billing.errors import NoSuchAccount
from s4_runtime import Secret
from s4_stripe.errors import NotAtStripe


class Door(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where in the portal the person wants to go."""

    flow: Literal["home", "card"]


async def portal(clerk: Clerk, account_id: str, door: Door) -> Secret:
    """The address. Raises NoSuchAccount, also for an account without a customer at Stripe."""
    customer = (await clerk.customer(account_id)).stripe_customer_id
    if customer is None:
        raise NoSuchAccount("no-such-account")
    site = clerk.settings.public_url.rstrip("/")
    params: dict[str, Any] = {"customer": customer, "return_url": f"{site}/account/{account_id}?done=portal"}
    if clerk.settings.stripe_portal_configuration:
        params["configuration"] = clerk.settings.stripe_portal_configuration
    if door.flow == "card":
        params["flow_data"] = {"type": "payment_method_update"}
    try:
        return (await clerk.api.create_portal(params)).url
    except NotAtStripe:
        raise NoSuchAccount("no-such-account") from None


async def pdf(clerk: Clerk, account_id: str, invoice_id: str) -> Secret:
    """The address of the bill as a file. Raises NoSuchAccount if it is not the account's, or has no file."""
    await clerk.customer(account_id)
    bill = next((each for each in await bills(clerk.pool, account_id) if each.id == invoice_id), None)
    if bill is None:
        raise NoSuchAccount("no-such-invoice")
    try:
        found = (await clerk.api.invoice(bill.stripe_invoice_id)).invoice_pdf
    except NotAtStripe:
        found = None
    if found is None:
        raise NoSuchAccount("no-such-invoice")
    return found


async def confirmation(clerk: Clerk, account_id: str) -> Secret | None:
    """The address where the cardholder can confirm the payment of the latest bill, if it is open."""
    held = await clerk.held(account_id)
    bill = (await clerk.fact(account_id, held)).latest_invoice
    return bill.hosted_invoice_url if bill and bill.status == "open" else None
