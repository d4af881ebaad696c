"""What a checkout session comes to: with tax, and with nothing due during a trial."""

from dataclasses import dataclass

from s4_devcloud.stripe.billing import taxes
from s4_devcloud.stripe.resources.invoice_shape import due_after_balance
from s4_devcloud.stripe.resources.sessions import BEHIND
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire

_DAY = 24 * 3600


@dataclass(frozen=True)
class Priced:
    """The session's lines with their tax, and what they sum up to."""

    lines: list[Wire]

    @property
    def tax(self) -> int:
        """All tax, whether it is added or included."""
        return sum(int(line["amount_tax"]) for line in self.lines)

    @property
    def total(self) -> int:
        """What is to be paid."""
        return sum(int(line["amount_total"]) for line in self.lines)


def of_session(tx: Transaction, session: Wire, behind: Wire) -> Priced:
    """The lines as they are once it is known where the customer is; the page always asks."""
    if not session["automatic_tax"]["enabled"]:
        return Priced(behind["lines"])
    customer = None if session["customer"] is None else tx.get("customer", session["customer"])
    exemption = "none" if customer is None else customer["tax_exempt"]
    return Priced([_taxed(line, exemption) for line in behind["lines"]])


def _taxed(line: Wire, exemption: str) -> Wire:
    found = taxes.taxes_on(line["amount_subtotal"], line["price"], exemption)
    total = line["amount_subtotal"] + taxes.added(found)
    return {**line, "amount_tax": sum(tax["amount"] for tax in found), "amount_total": total}


def due_now(tx: Transaction, session: Wire, behind: Wire) -> int:
    """What the card is charged when the session is paid: the total, less a credit that the customer has."""
    customer = None if session["customer"] is None else tx.get("customer", session["customer"])
    total = of_session(tx, session, behind).total
    due, _ = due_after_balance(total, 0 if customer is None else customer["balance"])
    return due


@dataclass(frozen=True)
class Cost:
    """What the person in front of the page is told: what is due today, the tax in it, and until when it is free."""

    due: int
    tax: int
    free_until: int | None


def cost_of(tx: Transaction, session: Wire) -> Cost:
    """What an open session would cost now."""
    behind = tx.need(BEHIND, session["id"])
    return Cost(due_now(tx, session, behind), of_session(tx, session, behind).tax, trial_end(behind, tx.now))


def trial_end(behind: Wire, now: int) -> int | None:
    """When the trial would end that begins now."""
    data = behind["subscription_data"]
    days: int | None = data.get("trial_period_days")
    moment: int | None = data.get("trial_end")
    return moment if days is None else now + days * _DAY
