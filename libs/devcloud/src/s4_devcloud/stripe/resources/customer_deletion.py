"""DELETE /v1/customers/{customer}: nobody is billed under this name any more."""

from stripe.params import CustomerDeleteParams

from s4_devcloud.stripe.billing.endings import ENDED, end
from s4_devcloud.stripe.calls import Call, Route
from s4_devcloud.stripe.resources.customer_cards import take_away
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


def routes() -> list[Route]:
    """Delete."""
    return [Route("DELETE", "/v1/customers/{customer}", CustomerDeleteParams, delete)]


def delete(call: Call) -> Wire:
    """Leave only the name."""
    return delete_customer(call.tx, call.tx.need("customer", call.names["customer"]))


def delete_customer(tx: Transaction, customer: Wire) -> Wire:
    """End the subscriptions, take the cards away, and leave only the name; says customer.deleted."""
    name = customer["id"]
    for row in tx.newest_first("subscription", customer=name):
        if row["status"] not in ENDED:
            end(tx, tx.need("subscription", row["id"]), "cancellation_requested")
    for row in tx.newest_first("payment_method", customer=name):
        take_away(tx, tx.need("payment_method", row["id"]))
    tx.tell("customer.deleted", tx.need("customer", name))
    return tx.delete(customer)
