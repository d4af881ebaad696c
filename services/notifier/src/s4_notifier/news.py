"""Which news of a subscription or its grid is told in a letter, and what makes it old."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from s4_bus import Route, on
from s4_contracts import Event, encode
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    OfSubscription,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    RefundIssued,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.ids import LetterId
from s4_contracts.provisioner import DeletionScheduled, GridDeleted, GridResumed, GridSuspended
from s4_notifier import furls, store
from s4_notifier.store import Letter
from s4_runtime import Clock, derived_id
from s4_store import Transaction

# Ids and the address say who is written to, not what.
_NOT_SAID = frozenset({"type", "account_id", "signup_id", "subscription_id", "grid_id", "revision", "email"})
# Of one revision, a further try to collect is newer than the one before, what came of it is newer than all tries, and
# the end is the newest of all.
_OUTCOME, _END = 1000, 2000


class Subject(msgspec.Struct, frozen=True):
    """The letter's template and the topic in which newer news makes it old; without one it is never old."""

    kind: str
    topic: str | None = None
    rank: int = 0


SUBJECTS: Mapping[type[Event], Subject] = MappingProxyType(
    {
        SignupPaid: Subject("trial-started", "trial"),
        SubscriptionRenewed: Subject("renewed"),
        PaymentFailed: Subject("payment-failed", "standing"),
        PaymentRecovered: Subject("payment-recovered", "standing", _OUTCOME),
        ServiceSuspended: Subject("suspended", "standing", _OUTCOME),
        GridResumed: Subject("resumed", "standing", _OUTCOME),
        CancellationScheduled: Subject("cancellation-scheduled", "cancellation"),
        CancellationReverted: Subject("cancellation-reverted", "cancellation"),
        PlanChanged: Subject("plan-changed", "plan"),
        RefundIssued: Subject("refund"),
        SubscriptionEnded: Subject("ended", store.END, _END),
        GridSuspended: Subject("paused"),
        DeletionScheduled: Subject("deletion-scheduled", "deletion"),
        GridDeleted: Subject("deleted"),
    }
)
_FIRST_PAYMENT = Subject("paid")
_UNDONE = Subject("deletion-undone", "deletion")
_OfGrid = GridSuspended | GridResumed | DeletionScheduled | GridDeleted


class Newsroom:
    """Where news becomes letters. Each event is one letter, however often it is told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> Sequence[Route[Any]]:
        """The news that people are told."""
        return [
            on(SignupPaid, self.tell_beginning),
            on(SubscriptionRenewed, self.tell),
            on(PaymentFailed, self.tell),
            on(PaymentRecovered, self.tell),
            on(ServiceSuspended, self.tell),
            on(GridResumed, self.tell),
            on(CancellationScheduled, self.tell),
            on(CancellationReverted, self.tell),
            on(PlanChanged, self.tell),
            on(RefundIssued, self.tell),
            on(SubscriptionEnded, self.tell),
            on(GridSuspended, self.tell_pause),
            on(DeletionScheduled, self.tell),
            on(GridDeleted, self.tell_deletion),
        ]

    async def tell(self, event: SignupPaid | OfSubscription | _OfGrid, tx: Transaction) -> None:
        """A letter about the event is owed. Whether it is old news by then is seen when it is sent."""
        await store.owe_letter(tx, letter_about(event), self._clock.now())

    async def tell_beginning(self, event: SignupPaid, tx: Transaction) -> None:
        """A trial is announced with its end; what was paid at once has its receipt."""
        if event.trial_end is not None or event.amount:
            await self.tell(event, tx)

    async def tell_pause(self, event: GridSuspended, tx: Transaction) -> None:
        """Who stopped their grid themselves reads that it is. Other stops are billing's news."""
        if event.reason == "owner":
            await self.tell(event, tx)

    async def tell_deletion(self, event: GridDeleted, tx: Transaction) -> None:
        """The owner has a receipt, unless the grid was never theirs to use."""
        if await furls.known(tx, event.account_id, event.grid_id) is not None:
            await self.tell(event, tx)


def letter_about(event: SignupPaid | OfSubscription | _OfGrid) -> Letter:
    """The letter that the event causes. The same event gives the same letter."""
    subject = _subject(event)
    said = msgspec.to_builtins(event)
    return Letter(
        letter_id=LetterId(derived_id(subject.kind, encode(event).decode())),
        account_id=event.account_id,
        kind=subject.kind,
        facts={name: fact for name, fact in said.items() if name not in _NOT_SAID},
        signup_id=event.signup_id,
        subscription_id=None if isinstance(event, _OfGrid) else event.subscription_id,
        topic=subject.topic,
        revision=None if isinstance(event, _OfGrid) else event.revision,
        rank=min(event.attempt, _OUTCOME - 1) if isinstance(event, PaymentFailed) else subject.rank,
        happened_at=event.occurred_at,
    )


def _subject(event: Event) -> Subject:
    match event:
        case SignupPaid(trial_end=None):
            return _FIRST_PAYMENT
        case DeletionScheduled(by_owner=False):
            return _UNDONE
        case _:
            return SUBJECTS[type(event)]
