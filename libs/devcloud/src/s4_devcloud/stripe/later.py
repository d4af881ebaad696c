"""What is still to happen to an object by itself, at a time of the clock."""

from collections.abc import Mapping
from typing import Literal

from s4_devcloud.stripe.cards import Behaviour
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire, new_id

Happening = Literal[
    "dispute_fraudulent",
    "dispute_not_received",
    "dispute_inquiry",
    "early_fraud_warning",
    "refund_succeeds",
    "refund_fails",
    "dispute_is_due",
]
AFTER_PAYMENT: Mapping[Behaviour, Happening] = {
    "dispute_fraudulent": "dispute_fraudulent",
    "dispute_not_received": "dispute_not_received",
    "dispute_inquiry": "dispute_inquiry",
    "early_fraud_warning": "early_fraud_warning",
}
"""What each card that pays leads to."""

KIND = "_later"


def plan(tx: Transaction, what: Happening, name: str, due: int) -> None:
    """Let it happen to the object of this name at that time."""
    tx.put({"id": new_id("later"), "object": KIND, "what": what, "name": name, "due": due})


def due(row: Wire) -> int:
    """When it happens."""
    return int(row["due"])
