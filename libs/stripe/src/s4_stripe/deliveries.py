"""What a webhook delivery or an entry of the event list says happened; nothing of what it claims is true now.

Two shapes are read: snapshot events, which carry the object as it was, and thin events, which name it only.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from s4_stripe.facts import Occurrence

# What can change a state of ours. Other types are kept as ignored.
_WANTED = (
    "checkout.session.",
    "customer.subscription.",
    "customer.deleted",
    "customer.updated",
    "invoice.",
    "charge.refunded",
    "charge.dispute.",
    "refund.",
    "radar.early_fraud_warning.",
)


NAMELESS = "none"
LONGEST_NAME = 255  # of an id or a type: docs.stripe.com/upgrades, "object IDs"


def is_wanted(event_type: str) -> bool:
    """Whether events of this type lead to a look at the customer."""
    return event_type.startswith(_WANTED)


def occurrence(document: object) -> Occurrence | None:
    """What happened, or None if the document is not an event of Stripe. Total: any JSON value may be given."""
    event = _object(document)
    about = _object(_object(event.get("data")).get("object")) or _object(event.get("related_object"))
    kind = about.get("object") or about.get("type")
    # A bill that is only coming has no id yet: it is its customer's. A balance never has one.
    named = (event.get("id"), event.get("type"), kind, about.get("id", _customer(about.get("customer")) or NAMELESS))
    created, livemode = _unix(event.get("created")), event.get("livemode")
    if not all(map(_is_name, named)):
        return None
    if created is None or not isinstance(livemode, bool):
        return None
    event_id, event_type, object_type, object_id = (str(name) for name in named)
    return Occurrence(
        id=event_id,
        type=event_type.removeprefix("v1."),
        created=created,
        livemode=livemode,
        object_type=object_type,
        object_id=object_id,
        customer=object_id if object_type == "customer" else _customer(about.get("customer")),
        deployment=_deployment(about),
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _customer(value: object) -> str | None:
    """The id of a field that holds an id or the whole object."""
    found = _object(value).get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and _is_name(found) else None


def _is_name(value: object) -> bool:
    """Whether a database can keep it and find it again."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or "\x00" in value:
        return False
    return not any("\ud800" <= each <= "\udfff" for each in value)


def _deployment(about: Mapping[str, Any]) -> str | None:
    """Of the object itself, or of the subscription that an invoice is for."""
    parent = _object(_object(about.get("parent")).get("subscription_details"))
    for metadata in (_object(about.get("metadata")), _object(parent.get("metadata"))):
        if isinstance(found := metadata.get("deployment"), str):
            return found
    return None


def _unix(value: object) -> int | None:
    """Unix seconds of a number (snapshot events) or of an ISO time (thin events), within what a calendar has."""
    try:
        if isinstance(value, str):
            value = int(datetime.fromisoformat(value).timestamp())
    except (ValueError, OverflowError):
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**35 else None
