"""`expand[]`: identifiers replaced by the objects that they name, up to four levels deep."""

from collections.abc import Callable
from typing import Any

from s4_devcloud.stripe.problems import invalid
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, copied

_DEEPEST = 4  # levels, Stripe's limit

REFERENCES: dict[str, dict[str, str]] = {
    "customer": {
        "invoice_settings.default_payment_method": "payment_method",
        "test_clock": "test_helpers.test_clock",
    },
    "product": {"default_price": "price"},
    "price": {"product": "product"},
    "checkout.session": {
        "customer": "customer",
        "subscription": "subscription",
        "invoice": "invoice",
        "payment_intent": "payment_intent",
    },
    "subscription": {
        "customer": "customer",
        "test_clock": "test_helpers.test_clock",
        "default_payment_method": "payment_method",
        "latest_invoice": "invoice",
    },
    "invoice": {
        "customer": "customer",
        "default_payment_method": "payment_method",
        "parent.subscription_details.subscription": "subscription",
    },
    "line_item": {"pricing.price_details.price": "price", "subscription": "subscription"},
    "invoice_payment": {"invoice": "invoice", "payment.payment_intent": "payment_intent"},
    "payment_intent": {"customer": "customer", "latest_charge": "charge", "payment_method": "payment_method"},
    "payment_method": {"customer": "customer"},
    "billing_portal.session": {"configuration": "billing_portal.configuration"},
    "charge": {"customer": "customer", "payment_intent": "payment_intent"},
    "credit_note": {"customer": "customer", "invoice": "invoice", "refunds.refund": "refund"},
    "refund": {"charge": "charge", "payment_intent": "payment_intent"},
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "radar.early_fraud_warning": {"charge": "charge", "payment_intent": "payment_intent"},
}
"""Which fields of which kind may be expanded, and into what."""

Inclusion = Callable[[Transaction, Wire], Wire | None]


class Expander:
    """Expands answers; `included` are the fields that an object has only when asked for, by kind and name."""

    def __init__(self, included: dict[tuple[str, str], Inclusion]) -> None:
        self._included = included

    def expand(self, tx: Transaction, answer: Wire, paths: list[str]) -> Wire:
        """A copy of the answer with every path expanded. Raises Problem for one that cannot be."""
        expanded = copied(answer)
        for path in paths:
            levels = path.split(".")
            if len(levels) > _DEEPEST:
                raise invalid(
                    f"You cannot expand more than {_DEEPEST} levels of a property (path: {path}).",
                    "expand",
                )
            if not self._walk(tx, expanded, "", "", levels):
                raise invalid(f"This property cannot be expanded ({path}).", "expand")
        return expanded

    def _walk(self, tx: Transaction, node: Any, kind: str, inside: str, levels: list[str]) -> bool:
        """Expand along the rest of one path; True when it named something that can be expanded."""
        if isinstance(node, list):
            found = [self._walk(tx, item, kind, inside, levels) for item in node]  # each, not up to the first miss
            return all(found)
        if not isinstance(node, dict):
            return node is None
        if "object" in node:
            kind, inside = str(node["object"]), ""
        if not levels:
            return False
        return self._step(tx, node, kind, inside, levels)

    def _step(self, tx: Transaction, node: Wire, kind: str, inside: str, levels: list[str]) -> bool:
        name, rest = levels[0], levels[1:]
        place = f"{inside}.{name}" if inside else name
        include = self._included.get((kind, place))
        if include is not None:
            node.setdefault(name, include(tx, node))
            return not rest or self._walk(tx, node[name], kind, place, rest)
        target = REFERENCES.get(kind, {}).get(place)
        if target is not None:
            if isinstance(node.get(name), str):
                node[name] = tx.get(target, node[name]) or tx.need(target, node[name], place)
            return not rest or self._walk(tx, node[name], target, "", rest)
        return bool(rest) and name in node and self._walk(tx, node[name], kind, place, rest)
