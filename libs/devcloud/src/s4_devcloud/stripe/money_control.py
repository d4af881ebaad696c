"""Control orders about money that goes back: what a bank, an issuer or a card network would do."""

from collections.abc import Callable
from typing import get_args

from s4_devcloud.stripe.resources.disputes import Verdict, end_dispute, is_inquiry, is_open, open_dispute
from s4_devcloud.stripe.resources.fraud_warnings import warn
from s4_devcloud.stripe.resources.refunds import RefundStatus, end_refund
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire
from s4_devcloud.stripe.world import World


class MoneyControl:
    """Handlers of the control port, each answering the object that it changed."""

    def __init__(self, world: World) -> None:
        self._world = world

    def orders(self) -> dict[str, Callable[[Wire], Wire]]:
        """The orders by path."""
        return {
            "/disputes": self.dispute,
            "/disputes/close": self.close_dispute,
            "/fraud-warnings": self.warn,
            "/refunds": self.set_refund,
        }

    def dispute(self, order: Wire) -> Wire:
        """Dispute a payment: {"charge" or "payment_intent": …, "reason": …, "amount": …, "inquiry": false}."""
        with self._world.transaction() as tx:
            charge = _charge(tx, order)
            amount = order.get("amount")
            if amount is not None and not 1 <= int(amount) <= charge["amount"]:
                raise ValueError(f"amount must be between 1 and {charge['amount']}")
            inquiry = bool(order.get("inquiry", False))
            return open_dispute(tx, charge, order.get("reason", "fraudulent"), amount, is_inquiry=inquiry)

    def close_dispute(self, order: Wire) -> Wire:
        """Decide a dispute: {"dispute": …, "status": "won" | "lost" | "warning_closed"}."""
        verdict: Verdict = order["status"]
        if verdict not in get_args(Verdict):
            raise ValueError(f"status must be one of {', '.join(get_args(Verdict))}")
        with self._world.transaction() as tx:
            dispute = tx.need("dispute", order["dispute"])
            if not is_open(dispute):
                raise ValueError("the dispute is closed")
            if is_inquiry(dispute) != (verdict == "warning_closed"):
                raise ValueError("an inquiry ends warning_closed, and only an inquiry does")
            return end_dispute(tx, dispute, verdict)

    def warn(self, order: Wire) -> Wire:
        """Warn of fraud: {"charge" or "payment_intent": …, "fraud_type": "misc"}."""
        with self._world.transaction() as tx:
            return warn(tx, _charge(tx, order), order.get("fraud_type", "misc"))

    def set_refund(self, order: Wire) -> Wire:
        """Let a refund end, or wait: {"refund": …, "status": …, "failure_reason": "unknown"}."""
        status: RefundStatus = order["status"]
        if status not in get_args(RefundStatus):
            raise ValueError(f"status must be one of {', '.join(get_args(RefundStatus))}")
        with self._world.transaction() as tx:
            refund = tx.need("refund", order["refund"])
            return end_refund(tx, refund, status, order.get("failure_reason", "unknown"))


def _charge(tx: Transaction, order: Wire) -> Wire:
    """The paid charge that the order names."""
    name = order.get("charge")
    if name is None:
        name = tx.need("payment_intent", order["payment_intent"])["latest_charge"]
    charge = tx.need("charge", str(name))
    if not charge["paid"]:
        raise ValueError("the charge did not succeed")
    return charge
