"""An account as its owner is shown it: asked of billing, or put together from what events said. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from s4_web.progress import Row

State = Literal["none", "pending", "active", "past_due", "suspended", "ended"]
Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Next(msgspec.Struct, frozen=True):
    """What is charged next; ``tax_extra`` says that tax is added to it."""

    amount: int
    currency: str
    at: Time
    tax_extra: bool = False


class PendingPlan(msgspec.Struct, frozen=True):
    """The plan that holds from ``at`` on."""

    plan: str
    name: str
    at: Time


class Failing(msgspec.Struct, frozen=True):
    """A bill that could not be collected yet; ``must_confirm``: the bank waits for the cardholder."""

    amount: int
    currency: str
    suspends_at: Time | None = None
    attempt: int = 0
    next_attempt_at: Time | None = None
    must_confirm: bool = False


class Ended(msgspec.Struct, frozen=True):
    """The subscription is over; what is stored is kept until ``delete_after``."""

    at: Time | None
    reason: str | None
    delete_after: Time | None = None
    deleted_at: Time | None = None


class Invoice(msgspec.Struct, frozen=True):
    """One bill; amounts in minor units of its currency."""

    id: str
    number: str | None
    at: Time
    status: str
    total: int
    tax: int
    amount_paid: int
    amount_refunded: int
    currency: str

    @property
    def words(self) -> str:
        """What became of it."""
        if self.amount_refunded:
            return "refunded" if self.amount_refunded >= self.amount_paid else "partly refunded"
        known = {"paid": "paid", "open": "not paid yet", "void": "cancelled", "uncollectible": "not paid"}
        return known.get(self.status, self.status)


class Refund(msgspec.Struct, frozen=True):
    """Money on its way back."""

    at: Time
    amount: int
    currency: str
    state: str
    reason: str


class Can(msgspec.Struct, frozen=True):
    """What the owner can do now."""

    cancel: bool = False
    resume: bool = False
    change_plan: bool = False
    pay: bool = False


class Account(msgspec.Struct, frozen=True):
    """Everything that the account's page shows of its subscription."""

    account_id: str
    plan: str | None
    plan_name: str | None
    state: State
    trial_end: Time | None = None
    period_end: Time | None = None
    cancel_at: Time | None = None
    next: Next | None = None
    pending_plan: PendingPlan | None = None
    failing: Failing | None = None
    disputed: bool = False
    ended: Ended | None = None
    invoices: tuple[Invoice, ...] = ()
    refunds: tuple[Refund, ...] = ()
    can: Can = Can()
    retention_days: int | None = None


def from_events(account_id: str, said: Mapping[str, Row]) -> Account:
    """The account as far as events told of it: each aspect's latest word."""
    silent: Row = {"word": None, "at": None, "amount": None, "currency": None, "said_at": None}
    of = {name: said.get(name, silent) for name in ("plan", "trial", "period", "leaving", "disputed", "suspended")}
    plan = of["plan"]["word"]
    failing, ended = _failing(said.get("failing", silent)), _ended(said)
    standing: State = "past_due" if failing else "active" if plan else "none"
    return Account(
        account_id=account_id,
        plan=plan,
        plan_name=plan.replace("-", " ").capitalize() if plan else None,
        state="ended" if ended else "suspended" if of["suspended"]["word"] else standing,
        trial_end=of["trial"]["at"],
        period_end=of["period"]["at"],
        cancel_at=of["leaving"]["at"],
        failing=failing,
        disputed=of["disputed"]["word"] is not None,
        ended=ended,
        refunds=refunds_in(said),
    )


def is_at_rest(said: Mapping[str, Row]) -> bool:
    """Whether events told that the grid is not to be reached, because it was stopped or is gone."""
    words = {name: said.get(name, {}).get("word") for name in ("grid", "suspended", "ended")}
    return words["grid"] in {"stopped", "deleted"} or bool(words["suspended"] or words["ended"])


def is_free(said: Mapping[str, Row], now: datetime) -> bool:
    """Whether nothing was charged yet, as events told."""
    until = said.get("trial", {}).get("at")
    return until is not None and until > now


def refunds_in(said: Mapping[str, Row]) -> tuple[Refund, ...]:
    """The refunds that events told of, in their order."""
    rows = [row for name, row in said.items() if name.startswith("refund:")]
    rows.sort(key=lambda row: row["said_at"])
    return tuple(Refund(row["said_at"], row["amount"], row["currency"], "pending", row["word"]) for row in rows)


def _failing(row: Row) -> Failing | None:
    return Failing(row["amount"], row["currency"], row["at"]) if row["at"] else None


def _ended(said: Mapping[str, Row]) -> Ended | None:
    row, grid = said.get("ended"), said.get("grid")
    if row is None:
        return None
    deleted_at = grid["said_at"] if grid and grid["word"] == "deleted" else None
    return Ended(row["said_at"], row["word"], row["at"], deleted_at)
