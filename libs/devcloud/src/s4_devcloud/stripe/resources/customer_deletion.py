"""DELETE /v1/customers/{customer}: nobody is billed under this name any more."""

from stripe.params import CustomerDeleteParams

from s4_devcloud.stripe.billing.endings import ENDED, end
from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.resources.customer_cards import take_away
from s4_devcloud.stripe.wire import Wire


def routes() -> list[Route]:
    """Delete."""
    return [Route("DELETE", "/v1/customers/{customer}", CustomerDeleteParams, delete)]


def delete(call: Call) -> Wire:
    """End the subscriptions, take the cards away, and leave only the name; says customer.deleted."""
    tx, name = call.tx, call.names["customer"]
    customer = tx.need("customer", name)
    for row in tx.newest_first("subscription"):
        if row["customer"] == name and row["status"] not in ENDED:
            end(tx, tx.need("subscription", row["id"]), "cancellation_requested")
    for row in tx.newest_first("payment_method"):
        if row["customer"] == name:
            take_away(tx, tx.need("payment_method", row["id"]))
    tx.tell("customer.deleted", customer)
    return tx.delete(customer)
