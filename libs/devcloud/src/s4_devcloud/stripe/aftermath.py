"""What follows a payment without anybody's asking: disputes, warnings, and how a refund ends."""

from typing import assert_never

from s4_devcloud.stripe.later import Happening
from s4_devcloud.stripe.resources.disputes import let_lapse, open_dispute
from s4_devcloud.stripe.resources.fraud_warnings import warn
from s4_devcloud.stripe.resources.refunds import end_refund
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


def happen(tx: Transaction, row: Wire) -> None:
    """Do what was planned, once."""
    tx.delete(row)
    _happen(tx, row["what"], row["name"])


def _happen(tx: Transaction, what: Happening, name: str) -> None:
    match what:
        case "dispute_fraudulent":
            open_dispute(tx, tx.need("charge", name), "fraudulent")
        case "dispute_not_received":
            open_dispute(tx, tx.need("charge", name), "product_not_received")
        case "dispute_inquiry":
            open_dispute(tx, tx.need("charge", name), "general", is_inquiry=True)
        case "dispute_is_due":
            let_lapse(tx, tx.need("dispute", name))
        case "early_fraud_warning":
            warn(tx, tx.need("charge", name), "misc")
        case "refund_succeeds":
            end_refund(tx, tx.need("refund", name), "succeeded")
        case "refund_fails":
            end_refund(tx, tx.need("refund", name), "failed", "expired_or_canceled_card")
        case _:
            assert_never(what)
