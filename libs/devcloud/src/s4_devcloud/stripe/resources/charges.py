"""/v1/charges: each try to take money from a card, whether it worked or not."""

from stripe.params import ChargeListParams, ChargeRetrieveParams

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route
from s4_devcloud.stripe.cards import Decline
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

_BLOCKED = "fraudulent"  # the behaviour that Stripe's own rules stop before the issuer is asked


def routes() -> list[Route]:
    """Retrieve, list."""
    return [
        Route("GET", "/v1/charges", ChargeListParams, everything, (*ANY_LIST, "customer", "payment_intent")),
        Route("GET", "/v1/charges/{charge}", ChargeRetrieveParams, retrieve),
    ]


def everything(call: Call) -> Wire:
    """Charges, of a customer or of a payment intent."""
    return page(call, "charge", "/v1/charges", same(call, "customer"), same(call, "payment_intent"))


def retrieve(call: Call) -> Wire:
    """One charge."""
    return call.tx.need("charge", call.names["charge"])


def charge(tx: Transaction, intent: Wire, method: Wire, decline: Decline | None, *, authenticated: bool) -> Wire:
    """Take the intent's amount from the card, or fail to; says charge.succeeded or charge.failed."""
    paid = decline is None
    result: Wire = {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "S4",
        "captured": paid,
        "created": tx.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None if decline is None else decline.code,
        "failure_message": None if decline is None else decline.message,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": _outcome(decline),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {"card": _card(intent, method, authenticated=authenticated), "type": "card"},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if paid else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }
    tx.tell("charge.succeeded" if paid else "charge.failed", result)
    return tx.put(result)


def _outcome(decline: Decline | None) -> Wire:
    blocked = decline is not None and decline.decline_code == _BLOCKED
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if not decline else _network_status(blocked=blocked),
        "reason": None if decline is None else decline.decline_code or decline.code,
        "risk_level": "highest" if blocked else "normal",
        "risk_score": 79 if blocked else 20,
        "seller_message": "Payment complete." if not decline else "The card was declined.",
        "type": "authorized" if not decline else ("blocked" if blocked else "issuer_declined"),
    }


def _network_status(*, blocked: bool) -> str:
    return "not_sent_to_network" if blocked else "declined_by_network"


def _card(intent: Wire, method: Wire, *, authenticated: bool) -> Wire:
    """The card as it was when charged."""
    card = method["card"]
    return {
        "amount_authorized": intent["amount"],
        **{name: card[name] for name in ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint")},
        "funding": card["funding"],
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "regulated_status": card["regulated_status"],
        "three_d_secure": _three_d_secure() if authenticated else None,
        "wallet": None,
    }


def _three_d_secure() -> Wire:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
