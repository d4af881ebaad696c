"""/v1/checkout/sessions."""

from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionLineItemListParams,
    SessionListParams,
    SessionRetrieveParams,
)

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route, merge_metadata
from s4_devcloud.stripe.lists import listing, page, page_of, same
from s4_devcloud.stripe.problems import NotImplementedHere, invalid
from s4_devcloud.stripe.resources import session_rules
from s4_devcloud.stripe.resources.session_shape import new_session
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

BEHIND = "_checkout"  # the kind of what belongs to a session and is not in the API

_CREATE = (
    *("allowed_payment_method_types", "automatic_tax.enabled", "billing_address_collection", "cancel_url"),
    *("client_reference_id", "consent_collection.terms_of_service", "customer", "customer_email"),
    *("customer_update.address", "customer_update.name", "expires_at", "line_items", "locale", "metadata", "mode"),
    *("payment_method_collection", "redirect_on_completion", "return_url", "success_url", "tax_id_collection.enabled"),
    *("subscription_data.description", "subscription_data.metadata", "subscription_data.billing_mode", "ui_mode"),
    *("subscription_data.trial_period_days", "subscription_data.trial_end"),
)
_LIST = (*ANY_LIST, "customer", "status", "subscription", "payment_intent")


def routes() -> list[Route]:
    """Create, retrieve, list, expire, line items."""
    every, one = "/v1/checkout/sessions", "/v1/checkout/sessions/{session}"
    return [
        Route("POST", every, SessionCreateParams, create, _CREATE),
        Route("GET", every, SessionListParams, everything, _LIST),
        Route("GET", one, SessionRetrieveParams, retrieve),
        Route("POST", one + "/expire", SessionExpireParams, expire),
        Route("GET", one + "/line_items", SessionLineItemListParams, line_items, ANY_LIST),
    ]


def create(call: Call) -> Wire:
    """An open session, with the address of its page or the secret that mounts it."""
    session_rules.check(call)
    lines = session_rules.lines_of(call)
    if session_rules.has_trial(call):
        lines = [{**line, "amount_subtotal": 0, "amount_total": 0} for line in lines]
    session = new_session(call.params, lines, _known_email(call), call.public_url, call.tx.now)
    session["metadata"] = merge_metadata({}, call.params.get("metadata", {}))
    call.tx.put(
        {
            "id": session["id"],
            "object": BEHIND,
            "lines": lines,
            "subscription_data": _subscription_data(call),
            "customer_update": call.params.get("customer_update", {}),
            "payment_intent": None,
            "awaiting": None,
        }
    )
    return call.tx.put(session)


def everything(call: Call) -> Wire:
    """Sessions, of a customer, of a subscription or in a status."""
    conditions = [same(call, name) for name in ("customer", "status", "subscription", "payment_intent")]
    return page(call, "checkout.session", "/v1/checkout/sessions", *conditions)


def retrieve(call: Call) -> Wire:
    """One session."""
    return call.tx.need("checkout.session", call.names["session"])


def expire(call: Call) -> Wire:
    """Close an open session; says checkout.session.expired. A complete or expired one cannot be."""
    session = call.tx.need("checkout.session", call.names["session"])
    if session["status"] != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
    return close(call.tx, session)


def close(tx: Transaction, session: Wire) -> Wire:
    """The session after its time."""
    session.update(status="expired", url=None)
    tx.tell("checkout.session.expired", session)
    return tx.put(session)


def due(session: Wire) -> int | None:
    """When an open session expires."""
    return int(session["expires_at"]) if session["status"] == "open" else None


def line_items(call: Call) -> Wire:
    """What the session sells."""
    session = call.tx.need("checkout.session", call.names["session"])
    return page_of(call, lines_in(call.tx, session), "item", _lines_url(session))


def lines_included(tx: Transaction, session: Wire) -> Wire:
    """The list that a session has under `line_items` when asked to."""
    return listing(_lines_url(session), lines_in(tx, session))


def lines_in(tx: Transaction, session: Wire) -> list[Wire]:
    """The session's line items."""
    return list(tx.need(BEHIND, session["id"])["lines"])


def _lines_url(session: Wire) -> str:
    return f"/v1/checkout/sessions/{session['id']}/line_items"


def _known_email(call: Call) -> str | None:
    if "customer" in call.params:
        email = call.tx.need("customer", call.params["customer"], "customer", 400)["email"]
        return None if email is None else str(email)
    return call.params.get("customer_email")


def _subscription_data(call: Call) -> Wire:
    data: Wire = call.params.get("subscription_data", {})
    if data.get("billing_mode", {}).get("type", "flexible") != "flexible":
        raise NotImplementedHere("billing_mode classic", "subscription_data[billing_mode][type]")
    return {
        "description": data.get("description"),
        "metadata": merge_metadata({}, data.get("metadata", {})),
        "trial_end": data.get("trial_end"),
        "trial_period_days": data.get("trial_period_days"),
    }
