"""What a portal configuration lets customers do, feature by feature."""

from collections.abc import Mapping

from s4_devcloud.stripe.calls import unset
from s4_devcloud.stripe.problems import NotImplementedHere, invalid
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

SUPPORTED = ("invoice_history", "payment_method_update", "subscription_cancel", "subscription_update")
_MOST_PRODUCTS = 10
_REASONS = ["too_expensive", "missing_features", "switched_service", "unused"]
_REASONS += ["customer_service", "too_complex", "low_quality", "other"]

NOTHING: Wire = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": _REASONS},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [{"interval": "month", "interval_count": 1}], "type": "interval_options"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
"""A configuration in which nothing is allowed."""

DEFAULT: Wire = {
    **NOTHING,
    "invoice_history": {"enabled": True},
    "payment_method_update": {**NOTHING["payment_method_update"], "enabled": True},
    "subscription_cancel": {**NOTHING["subscription_cancel"], "enabled": True},
}
"""What the account's default configuration allows."""

_HERE: Mapping[str, Mapping[str, tuple[object, ...] | None]] = {
    "invoice_history": {"enabled": None},
    "payment_method_update": {"enabled": None},
    "subscription_cancel": {
        "enabled": None,
        "mode": None,
        "proration_behavior": ("none",),
        "cancellation_reason": None,
    },
    "subscription_update": {
        "enabled": None,
        "default_allowed_updates": (["price"], [], ""),
        "products": None,
        "proration_behavior": None,
        "billing_cycle_anchor": ("unchanged", ""),
    },
}
"""The settings that have their effect here, and the values they may have when not all do."""


def changed(tx: Transaction, features: Wire, wanted: Wire) -> Wire:
    """The features with what was asked for. Raises Problem for a setting that would have no effect here."""
    result = dict(features)
    for feature, settings in wanted.items():
        _refuse_without_effect(feature, settings)
        result[feature] = {**features[feature], **{name: _value(name, value) for name, value in settings.items()}}
    update = result["subscription_update"]
    if update["enabled"]:
        _check_products(tx, update)
    return result


def _refuse_without_effect(feature: str, settings: Wire) -> None:
    for name, value in settings.items():
        place = f"features[{feature}][{name}]"
        if name not in _HERE[feature]:
            raise NotImplementedHere(place, place)
        possible = _HERE[feature][name]
        if possible is not None and value not in possible:
            raise NotImplementedHere(f"{place}={value}", place)
        if name == "cancellation_reason" and "feedback_options" in value:
            raise NotImplementedHere(f"{place}[feedback_options]", place)
        for product in value if name == "products" else ():
            if "adjustable_quantity" in product:
                raise NotImplementedHere(f"{place}[adjustable_quantity]", place)


def _value(name: str, value: object) -> object:
    """What is stored for a sent value."""
    match name, value:
        case (("products" | "default_allowed_updates"), ""):
            return []
        case "products", list():
            return [{**product, "adjustable_quantity": _FIXED} for product in value]
        case "cancellation_reason", dict():
            options = value.get("options", _REASONS) or []
            return {"enabled": value.get("enabled", False), "feedback_options": None, "options": options}
        case _:
            return unset(value)


_FIXED: Wire = {"enabled": False, "maximum": None, "minimum": 0}


def _check_products(tx: Transaction, update: Wire) -> None:
    place = "features[subscription_update]"
    if not update["products"] or not update["default_allowed_updates"]:
        raise invalid(
            "You must provide `products` and `default_allowed_updates` when `subscription_update` is enabled.", place
        )
    if len(update["products"]) > _MOST_PRODUCTS:
        raise invalid(f"You can provide up to {_MOST_PRODUCTS} products.", place + "[products]")
    for product in update["products"]:
        for name in product["prices"]:
            price = tx.need("price", name, place + "[products]", 400)
            if price["product"] != product["product"]:
                raise invalid(f"The price {name} does not belong to the product {product['product']}.", place)
