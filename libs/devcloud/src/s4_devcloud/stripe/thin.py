"""Thin events: what happened to which object, without the object.

Each has the snapshot event of the same change behind it and is made from that whenever it is asked for.
"""

from datetime import UTC, datetime

from stripe.events import UnknownEventNotification
from stripe.events._event_classes import get_v2_event_notification_class

from s4_devcloud.stripe.wire import Wire

_PREFIX = "evt_test_"
_PATHS = {
    "checkout.session": "checkout/sessions",
    "billing_portal.configuration": "billing_portal/configurations",
    "billing_portal.session": "billing_portal/sessions",
    "radar.early_fraud_warning": "radar/early_fraud_warnings",
    "test_helpers.test_clock": "test_helpers/test_clocks",
}


def iso(moment: int) -> str:
    """A time as the v2 API writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def thin_type(event: Wire) -> str | None:
    """The thin event's type; None when Stripe has none for this change, or the object has no name."""
    named = f"v1.{event['type']}"
    has_one = get_v2_event_notification_class(named) is not UnknownEventNotification
    return named if has_one and "id" in event["data"]["object"] else None


def notification(event: Wire) -> Wire:
    """What is delivered."""
    about = event["data"]["object"]
    path = _PATHS.get(about["object"], about["object"] + "s")
    thin: Wire = {
        "id": _PREFIX + str(event["id"]).removeprefix("evt_"),
        "object": "v2.core.event",
        "created": iso(event["created"]),
        "livemode": event["livemode"],
        "related_object": {"id": about["id"], "type": about["object"], "url": f"/v1/{path}/{about['id']}"},
        "type": thin_type(event),
    }
    if all(event["request"].values()):
        thin["reason"] = {"request": event["request"], "type": "request"}
    return thin


def retrieved(event: Wire) -> Wire:
    """What the API answers."""
    return {**notification(event), "snapshot_event": event["id"]}


def snapshot_name(name: str) -> str:
    """The name of the snapshot event behind a thin one."""
    return "evt_" + name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else ""
