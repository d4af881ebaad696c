"""/v1/invoices and /v1/invoice_payments: what was owed and what paid it."""

from stripe.params import (
    InvoiceLineItemListParams,
    InvoiceListParams,
    InvoicePaymentListParams,
    InvoicePaymentRetrieveParams,
    InvoiceRetrieveParams,
)

from s4_devcloud.stripe.billing.invoicing import COLLECTION
from s4_devcloud.stripe.calls import ANY_LIST, Call, Route
from s4_devcloud.stripe.lists import listing, page, page_of, same
from s4_devcloud.stripe.resources import invoice_actions, invoice_previews
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


def routes() -> list[Route]:
    """Retrieve and list both, an invoice's lines, and what can be done to one."""
    invoices = (*ANY_LIST, "customer", "subscription", "status", "collection_method")
    payments = (*ANY_LIST, "invoice", "status", "payment.type", "payment.payment_intent")
    return [
        *invoice_previews.routes(),
        *invoice_actions.routes(),
        Route("GET", "/v1/invoices", InvoiceListParams, everything, invoices),
        Route("GET", "/v1/invoices/{invoice}/lines", InvoiceLineItemListParams, lines, ANY_LIST),
        Route("GET", "/v1/invoices/{invoice}", InvoiceRetrieveParams, retrieve),
        Route("GET", "/v1/invoice_payments", InvoicePaymentListParams, all_payments, payments),
        Route("GET", "/v1/invoice_payments/{payment}", InvoicePaymentRetrieveParams, retrieve_payment),
    ]


def everything(call: Call) -> Wire:
    """Invoices, of a customer, of a subscription or in a status."""
    wanted = call.params.get("subscription")
    return page(
        call,
        "invoice",
        "/v1/invoices",
        *(same(call, name) for name in ("customer", "status", "collection_method")),
        lambda row: wanted is None or row["parent"]["subscription_details"]["subscription"] == wanted,
    )


def retrieve(call: Call) -> Wire:
    """One invoice."""
    return call.tx.need("invoice", call.names["invoice"])


def lines(call: Call) -> Wire:
    """What the invoice charges for."""
    invoice = call.tx.need("invoice", call.names["invoice"])
    return page_of(call, invoice["lines"]["data"], "line_item", invoice["lines"]["url"])


def all_payments(call: Call) -> Wire:
    """Payments of an invoice, or the one that a payment intent made."""
    intent = call.params.get("payment", {}).get("payment_intent")
    return page(
        call,
        "invoice_payment",
        "/v1/invoice_payments",
        same(call, "invoice"),
        same(call, "status"),
        lambda row: intent is None or row["payment"]["payment_intent"] == intent,
    )


def retrieve_payment(call: Call) -> Wire:
    """One payment of an invoice."""
    return call.tx.need("invoice_payment", call.names["payment"])


def confirmation_of(tx: Transaction, invoice: Wire) -> Wire | None:
    """What an invoice has under `confirmation_secret` when asked to: the way for a browser to pay what is open."""
    collection = tx.get(COLLECTION, invoice["id"])
    if collection is None or invoice["status"] != "open":
        return None
    intent = tx.need("payment_intent", collection["intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def payments_of(tx: Transaction, invoice: Wire) -> Wire:
    """The list that an invoice has under `payments` when asked to."""
    rows = tx.newest_first("invoice_payment", invoice=invoice["id"])
    return listing(f"/v1/invoice_payments?invoice={invoice['id']}", rows)
