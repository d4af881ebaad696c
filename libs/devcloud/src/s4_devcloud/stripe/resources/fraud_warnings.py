"""/v1/radar/early_fraud_warnings: an issuer's word that a charge may be fraud, before anybody disputes it."""

from stripe.params.radar import EarlyFraudWarningListParams, EarlyFraudWarningRetrieveParams

from s4_devcloud.stripe.calls import ANY_LIST, Call, Route
from s4_devcloud.stripe.lists import page, same
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

_KIND = "radar.early_fraud_warning"
_URL = "/v1/radar/early_fraud_warnings"


def routes() -> list[Route]:
    """Retrieve, list."""
    return [
        Route("GET", _URL, EarlyFraudWarningListParams, everything, (*ANY_LIST, "charge", "payment_intent")),
        Route("GET", _URL + "/{warning}", EarlyFraudWarningRetrieveParams, retrieve),
    ]


def everything(call: Call) -> Wire:
    """Warnings, about a charge or a payment intent."""
    return page(call, _KIND, _URL, same(call, "charge"), same(call, "payment_intent"))


def retrieve(call: Call) -> Wire:
    """One warning."""
    return call.tx.need(_KIND, call.names["warning"])


def warn(tx: Transaction, charge: Wire, fraud_type: str) -> Wire:
    """A warning about the charge; says radar.early_fraud_warning.created."""
    warning: Wire = {
        "id": new_id("issfr"),
        "object": _KIND,
        "actionable": not (charge["disputed"] or charge["refunded"]),
        "charge": charge["id"],
        "created": tx.now,
        "fraud_type": fraud_type,
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    tx.tell("radar.early_fraud_warning.created", warning)
    return tx.put(warning)


def reconsider(tx: Transaction, charge: Wire) -> None:
    """Nothing is left to do about the charge's warnings once it is disputed or refunded in full."""
    if not (charge["disputed"] or charge["refunded"]):
        return
    for row in tx.newest_first(_KIND, charge=charge["id"]):
        if row["actionable"]:
            warning = {**row, "actionable": False}
            tx.tell("radar.early_fraud_warning.updated", warning, {"actionable": True})
            tx.put(warning)
