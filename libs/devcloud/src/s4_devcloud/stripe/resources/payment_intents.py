"""/v1/payment_intents: one amount owed, through however many tries."""

from stripe.params import PaymentIntentListParams, PaymentIntentRetrieveParams

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route
from s4_devcloud.stripe.cards import Decline
from s4_devcloud.stripe.later import AFTER_PAYMENT, plan
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.resources.charges import charge
from s4_devcloud.stripe.resources.payment_methods import behaviour_of
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id


def routes() -> list[Route]:
    """Retrieve, list."""
    return [
        Route("GET", "/v1/payment_intents", PaymentIntentListParams, everything, (*ANY_LIST, "customer")),
        Route("GET", "/v1/payment_intents/{intent}", PaymentIntentRetrieveParams, retrieve),
    ]


def everything(call: Call) -> Wire:
    """Payment intents, of a customer."""
    return page(call, "payment_intent", "/v1/payment_intents", same(call, "customer"))


def retrieve(call: Call) -> Wire:
    """One payment intent."""
    return call.tx.need("payment_intent", call.names["intent"])


def create_intent(
    tx: Transaction, amount: int, currency: str, customer: str | None, description: str = "Subscription creation"
) -> Wire:
    """An intent that waits for a card; says payment_intent.created."""
    name = new_id("pi")
    intent: Wire = {
        "id": name,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": new_id(name + "_secret"),
        "confirmation_method": "automatic",
        "created": tx.now,
        "currency": currency,
        "customer": customer,
        "description": description,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": "off_session",
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    tx.tell("payment_intent.created", intent)
    return tx.put(intent)


def require_authentication(tx: Transaction, intent: Wire, method: Wire) -> Wire:
    """The issuer wants to see the cardholder first; says payment_intent.requires_action."""
    intent.update(
        status="requires_action",
        payment_method=method["id"],
        last_payment_error=None,
        next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}},
    )
    tx.tell("payment_intent.requires_action", intent)
    return tx.put(intent)


def refuse(tx: Transaction, intent: Wire, method: Wire, decline: Decline, *, charged: bool = True) -> Wire:
    """The try failed and another card may be tried; says payment_intent.payment_failed."""
    if charged:
        intent["latest_charge"] = charge(tx, intent, method, decline, authenticated=False)["id"]
    error: Wire = {"code": decline.code, "message": decline.message, "payment_method": method, "type": "card_error"}
    if intent["latest_charge"] is not None:
        error["charge"] = intent["latest_charge"]
    if decline.decline_code is not None:
        error["decline_code"] = decline.decline_code
    intent.update(status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=error)
    tx.tell("payment_intent.payment_failed", intent)
    return tx.put(intent)


def succeed(tx: Transaction, intent: Wire, method: Wire, *, authenticated: bool) -> Wire:
    """The money is taken; says charge.succeeded and payment_intent.succeeded."""
    intent.update(
        status="succeeded",
        payment_method=method["id"],
        next_action=None,
        last_payment_error=None,
        amount_received=intent["amount"],
        latest_charge=charge(tx, intent, method, None, authenticated=authenticated)["id"],
    )
    tx.tell("payment_intent.succeeded", intent)
    follows = AFTER_PAYMENT.get(behaviour_of(tx, method))
    if follows is not None:
        plan(tx, follows, intent["latest_charge"], tx.now)
    return tx.put(intent)


def cancel_intent(tx: Transaction, intent: Wire, reason: str) -> Wire:
    """Nothing is to be paid any more; says payment_intent.canceled."""
    intent.update(status="canceled", canceled_at=tx.now, cancellation_reason=reason, next_action=None)
    tx.tell("payment_intent.canceled", intent)
    return tx.put(intent)
