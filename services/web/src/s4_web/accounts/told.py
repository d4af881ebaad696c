"""What events say of accounts, kept for when billing cannot be asked. Late, twice or out of order is harmless."""

from datetime import datetime
from typing import Any

from s4_bus import Route, on
from s4_contracts.billing import (
    CancellationReverted,
    CancellationScheduled,
    DisputeClosed,
    DisputeOpened,
    OfSubscription,
    PaymentFailed,
    PaymentRecovered,
    PlanChanged,
    RefundIssued,
    ServiceResumed,
    ServiceSuspended,
    SignupPaid,
    SubscriptionEnded,
    SubscriptionRenewed,
)
from s4_contracts.invites import InviteClaimed, InviteEnded, InviteOpened
from s4_contracts.notifier import LetterComplained
from s4_contracts.provisioner import (
    DeletionScheduled,
    GridDeleted,
    GridProved,
    GridResumed,
    GridSuspended,
    InstanceReady,
    InstanceRecovered,
)
from s4_store import Transaction
from s4_web import outages, store
from s4_web.accounts import invites, proofs
from s4_web.owner import letters

# Of one aspect, only news of a higher revision count; of two said at one revision, the later, and of two said at once
# the one that names a time: an old bill is paid and the next one has failed. The grid's events have no revision:
# theirs is the moment at which they were said.
_SAY = """
INSERT INTO standings AS old VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account_id, aspect) DO UPDATE SET
revision = excluded.revision, said_at = excluded.said_at, word = excluded.word, at = excluded.at,
amount = excluded.amount, currency = excluded.currency
WHERE (excluded.revision, excluded.said_at, excluded.at IS NOT NULL) > (old.revision, old.said_at, old.at IS NOT NULL)
"""
_KNOW = """
INSERT INTO accounts AS old VALUES ($1, $2, $3, $4) ON CONFLICT (account_id) DO UPDATE SET
signup_id = excluded.signup_id, paid_at = excluded.paid_at, email = CASE
WHEN EXISTS (SELECT FROM email_changes WHERE state = 'done' AND accounts @> ARRAY[old.account_id]) THEN old.email
ELSE excluded.email END WHERE excluded.paid_at > old.paid_at
"""
_GRID = {GridSuspended: "stopped", GridResumed: "running", GridDeleted: "deleted"}
GridEvent = GridSuspended | GridResumed | GridDeleted


def routes() -> list[Route[Any]]:
    """Who handles what."""
    return [
        on(SignupPaid, know_account),
        on(SubscriptionRenewed, note_period),
        on(PaymentFailed, note_failure),
        on(PaymentRecovered, note_recovery),
        on(ServiceSuspended, note_service),
        on(ServiceResumed, note_service),
        on(CancellationScheduled, note_leaving),
        on(CancellationReverted, note_leaving),
        on(SubscriptionEnded, note_end),
        on(PlanChanged, note_plan),
        on(RefundIssued, note_refund),
        on(DisputeOpened, note_dispute),
        on(DisputeClosed, note_dispute),
        on(GridSuspended, note_grid),
        on(GridResumed, note_grid),
        on(GridDeleted, note_grid),
        on(DeletionScheduled, note_deletion),
        on(LetterComplained, letters.note_complaint),
        on(GridProved, proofs.note_proof),
        on(GridResumed, proofs.note_proof),
        on(InstanceReady, proofs.note_proof),
        on(InstanceRecovered, proofs.note_proof),
        on(InviteOpened, invites.note_opened),
        on(InviteClaimed, invites.note_ended),
        on(InviteEnded, invites.note_ended),
    ]


async def _say(
    tx: Transaction,
    event: SignupPaid | OfSubscription | GridEvent | DeletionScheduled,
    aspect: str,
    *,
    word: str | None = None,
    at: datetime | None = None,
    amount: tuple[int, str] | tuple[None, None] = (None, None),
) -> None:
    revision = 0 if isinstance(event, GridEvent) else event.revision
    await tx.execute(_SAY, event.account_id, aspect, revision, event.occurred_at, word, at, *amount)


async def know_account(event: SignupPaid, tx: Transaction) -> None:
    """The account is somebody's, who may sign in to it."""
    await tx.execute(_KNOW, event.account_id, event.signup_id, event.email, event.occurred_at)
    await _say(tx, event, "plan", word=event.plan)
    await _say(tx, event, "period", at=event.period_end)
    await _say(tx, event, "trial", at=event.trial_end)


async def note_period(event: SubscriptionRenewed, tx: Transaction) -> None:
    """Another period is paid, and what was owed before it is not owed any more."""
    await _say(tx, event, "period", at=event.period_end)
    await _say(tx, event, "failing")


async def note_failure(event: PaymentFailed, tx: Transaction) -> None:
    """A bill could not be collected."""
    await _say(tx, event, "failing", at=event.suspends_at, amount=(event.amount, event.currency))


async def note_recovery(event: PaymentRecovered, tx: Transaction) -> None:
    """It is paid."""
    await _say(tx, event, "failing")


async def note_service(event: ServiceSuspended | ServiceResumed, tx: Transaction) -> None:
    """The grid is not to be served, or is again."""
    await _say(tx, event, "suspended", word=event.reason if isinstance(event, ServiceSuspended) else None)


async def note_leaving(event: CancellationScheduled | CancellationReverted, tx: Transaction) -> None:
    """The owner leaves at a time, or stays."""
    await _say(tx, event, "leaving", at=event.ends_at if isinstance(event, CancellationScheduled) else None)


async def note_end(event: SubscriptionEnded, tx: Transaction) -> None:
    """The subscription is over. A duplicate's end is not the account's."""
    if event.reason != "duplicate":
        await _say(tx, event, "ended", word=event.reason, at=event.delete_after)


async def note_plan(event: PlanChanged, tx: Transaction) -> None:
    """Another plan holds."""
    await _say(tx, event, "plan", word=event.plan)


async def note_dispute(event: DisputeOpened | DisputeClosed, tx: Transaction) -> None:
    """A payment is contested, or none is any more."""
    await _say(tx, event, "disputed", word=event.kind if isinstance(event, DisputeOpened) else None)


async def note_refund(event: RefundIssued, tx: Transaction) -> None:
    """Money is on its way back; who watches a grid that failed sees it at once."""
    await _say(tx, event, f"refund:{event.refund_id}", word=event.reason, amount=(event.amount, event.currency))
    if event.reason == "not-provided":
        ids = (event.signup_id, event.account_id, None)
        await store.say(tx, ids, "refunded", event.occurred_at, amount=event.amount, currency=event.currency)


async def note_grid(event: GridEvent, tx: Transaction) -> None:
    """The grid's node was stopped or started, or all of it is gone."""
    await _say(tx, event, "grid", word=_GRID[type(event)])
    await _say(tx, event, "stopped-by", word=event.reason if isinstance(event, GridSuspended) else None)
    if isinstance(event, GridResumed):
        await outages.note_proof(event, tx)


async def note_deletion(event: DeletionScheduled, tx: Transaction) -> None:
    """All that is stored is deleted then: at the owner's wish, or when it was promised."""
    await _say(tx, event, "deletion", word="owner" if event.by_owner else "promised", at=event.delete_at)
