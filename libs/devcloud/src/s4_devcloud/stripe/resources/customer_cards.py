"""/v1/payment_methods of customers: attach, detach, list, change.

What a page collected belongs to a customer or to nobody for ever, as at Stripe. The payment methods that services can
attach by themselves are those of Stripe's test mode, such as pm_card_visa: each use makes a new one.
"""

from dataclasses import replace

from stripe.params import (
    CustomerPaymentMethodListParams,
    CustomerPaymentMethodRetrieveParams,
    PaymentMethodAttachParams,
    PaymentMethodDetachParams,
    PaymentMethodListParams,
    PaymentMethodUpdateParams,
)

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata, unset
from s4_devcloud.stripe.cards import card_of_test_mode, decline_of
from s4_devcloud.stripe.lists import page_of
from s4_devcloud.stripe.problems import CardProblem, invalid, missing, no_such
from s4_devcloud.stripe.resources.customers import address
from s4_devcloud.stripe.resources.payment_methods import Payer, attach, behaviour_now, collect
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_NOBODY = Payer("", None, "", "")
_DETAILS = ("address", "email", "name", "phone")
_UPDATE = (*(f"billing_details.{name}" for name in _DETAILS), "card.exp_month", "card.exp_year", "metadata")
_LIST = (*(name for name in ANY_LIST if name != "created"), "type")


def routes() -> list[Route]:
    """Attach, detach, update, list; and the customer's own list."""
    every, theirs = "/v1/payment_methods", "/v1/customers/{customer}/payment_methods"
    one = every + "/{payment_method}"
    return [
        Route("GET", every, PaymentMethodListParams, everything, (*_LIST, "customer")),
        Route("POST", one, PaymentMethodUpdateParams, update, _UPDATE),
        Route("POST", one + "/attach", PaymentMethodAttachParams, give, ("customer",)),
        Route("POST", one + "/detach", PaymentMethodDetachParams, detach),
        Route("GET", theirs, CustomerPaymentMethodListParams, of_customer, _LIST),
        Route("GET", theirs + "/{payment_method}", CustomerPaymentMethodRetrieveParams, retrieve_of_customer),
    ]


def everything(call: Call) -> Wire:
    """The payment methods of a customer."""
    if "customer" not in call.params:
        raise missing("customer")
    return _of(call, call.tx.need("customer", call.params["customer"], "customer", 400), "/v1/payment_methods")


def of_customer(call: Call) -> Wire:
    """The payment methods of the customer in the path."""
    customer = call.tx.need("customer", call.names["customer"])
    return _of(call, customer, f"/v1/customers/{customer['id']}/payment_methods")


def retrieve_of_customer(call: Call) -> Wire:
    """One payment method of the customer in the path."""
    method = call.tx.need("payment_method", call.names["payment_method"])
    if method["customer"] != call.tx.need("customer", call.names["customer"])["id"]:
        raise no_such("payment_method", method["id"], "id")
    return method


def update(call: Call) -> Wire:
    """Change what was sent; says payment_method.updated."""
    method = call.tx.need("payment_method", call.names["payment_method"])
    if method["customer"] is None:
        raise invalid("You must save this PaymentMethod to a customer before you can update it.")
    before = dict(method)
    details = {name: unset(value) for name, value in call.params.get("billing_details", {}).items()}
    if details.get("address") is not None:
        details["address"] = address(call.params["billing_details"]["address"])
    method["billing_details"] = {**method["billing_details"], **details}
    method["card"] = {**method["card"], **call.params.get("card", {})}
    method["metadata"] = merge_metadata(method["metadata"], call.params.get("metadata", {}))
    previous = {name: value for name, value in before.items() if method[name] != value}
    if previous:
        call.tx.tell("payment_method.updated", method, previous)
    return call.tx.put(method)


def give(call: Call) -> Wire:
    """Attach a test payment method to a customer; the issuer may refuse that."""
    if "customer" not in call.params:
        raise missing("customer")
    customer = call.tx.need("customer", call.params["customer"], "customer", 400)
    name = call.names["payment_method"]
    card = card_of_test_mode(name)
    if card is None:
        return _keep(call.tx.need("payment_method", name), customer)
    card = replace(card, behaviour=behaviour_now(call.tx, card))
    decline = decline_of(card.behaviour)
    if decline is not None and card.behaviour != "decline_after_attach":
        raise CardProblem(decline.message, decline.code, decline.decline_code)
    method = collect(call.tx, card, _NOBODY)
    method["billing_details"]["name"] = None
    return attach(call.tx, method, customer["id"])


def detach(call: Call) -> Wire:
    """Take it away from its customer; says payment_method.detached."""
    method = call.tx.need("payment_method", call.names["payment_method"])
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    return take_away(call.tx, method)


def take_away(tx: Transaction, method: Wire) -> Wire:
    """The payment method without its customer, no longer anybody's default."""
    customer = tx.need("customer", method["customer"])
    settings = customer["invoice_settings"]
    if settings["default_payment_method"] == method["id"]:
        customer["invoice_settings"] = {**settings, "default_payment_method": None}
        tx.tell("customer.updated", tx.put(customer), {"invoice_settings": settings})
    for row in tx.newest_first("subscription", customer=customer["id"]):
        if row["default_payment_method"] == method["id"]:
            tx.put({**row, "default_payment_method": None})
    method["customer"] = None
    tx.tell("payment_method.detached", method, {"customer": customer["id"]})
    return tx.put(method)


def _of(call: Call, customer: Wire, url: str) -> Wire:
    kind = call.params.get("type", "card")
    rows = call.tx.newest_first("payment_method", customer=customer["id"])
    return page_of(call, [row for row in rows if row["type"] == kind], "payment_method", url)


def _keep(method: Wire, customer: Wire) -> Wire:
    """A payment method that is the customer's already. Raises Problem for any other."""
    if method["customer"] is None:
        raise invalid(
            "This PaymentMethod was used or detached before and cannot be attached any more. Collect a new one."
        )
    if method["customer"] != customer["id"]:
        raise invalid("The payment method you provided has already been attached to a customer.")
    return method
