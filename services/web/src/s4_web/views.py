"""The read model: events come in, rows and a line of the feed come out. Late, twice or out of order is harmless."""

from typing import Any

from s4_bus import Route, on
from s4_contracts.billing import SignupPaid
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.provisioner import (
    CapacityReported,
    FurlIssued,
    InstanceLost,
    InstanceReady,
    InstanceRecovered,
    ProvisioningFailed,
    ProvisioningProgressed,
    UsageMeasured,
)
from s4_store import Transaction
from s4_web import capacity, outages, store
from s4_web.accounts import told, usage
from s4_web.service import tally

# A later word wins; of two said in one moment, the one that is further on.
_STEP = """
INSERT INTO steps AS old (signup_id, step, position, state, attempt, seconds, next_try_at, began_at, said_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (signup_id, step) DO UPDATE SET
state = excluded.state, attempt = excluded.attempt, seconds = excluded.seconds, said_at = excluded.said_at,
next_try_at = excluded.next_try_at, position = excluded.position, began_at = least(old.began_at, excluded.began_at)
WHERE (excluded.said_at, array_position(ARRAY['started', 'retrying', 'done'], excluded.state))
    > (old.said_at, array_position(ARRAY['started', 'retrying', 'done'], old.state))
"""
_LETTER = """
INSERT INTO letters AS old VALUES ($1, $2, $3, $4) ON CONFLICT (account_id) DO UPDATE SET
letter_id = excluded.letter_id, state = excluded.state, said_at = excluded.said_at
WHERE excluded.said_at > old.said_at
"""
_WRITTEN = "UPDATE journeys SET written_at = least(written_at, $2) WHERE signup_id = $1"
_PAID = "UPDATE journeys SET paid_at = $2, bought_plan = $3 WHERE signup_id = $1"
_READY = "UPDATE journeys SET ready_at = least(ready_at, $2) WHERE signup_id = $1"
_ISSUED = """
UPDATE journeys SET claim_ref = $2, issued_at = $3 WHERE signup_id = $1 AND coalesce(issued_at <= $3, true)
"""
_FAILED = """
UPDATE journeys SET failed_at = $2, failed_final = $3 WHERE signup_id = $1 AND coalesce(failed_at <= $2, true)
"""


def routes() -> list[Route[Any]]:
    """Who handles what."""
    return [
        on(SignupPaid, note_payment),
        on(ProvisioningProgressed, note_progress),
        on(InstanceReady, note_ready),
        on(FurlIssued, note_furl),
        on(ProvisioningFailed, note_failure),
        on(LetterSent, note_letter),
        on(LetterBounced, note_letter),
        on(InstanceLost, outages.note_loss),
        on(InstanceRecovered, outages.note_recovery),
        on(UsageMeasured, usage.note_usage),
        on(CapacityReported, capacity.note_capacity),
        *told.routes(),
        *tally.routes(),
    ]


def _ids(event: ProvisioningProgressed | InstanceReady | FurlIssued | ProvisioningFailed) -> store.Ids:
    return event.signup_id, event.account_id, event.grid_id


async def note_payment(event: SignupPaid, tx: Transaction) -> None:
    """The signup is paid."""
    await store.say(tx, (event.signup_id, event.account_id, None), "paid", event.occurred_at)
    await tx.execute(_PAID, event.signup_id, event.occurred_at, event.plan)
    await store.change_signup(tx, event.signup_id, event.plan, event.email)


async def note_progress(event: ProvisioningProgressed, tx: Transaction) -> None:
    """A step began, ended, or will be tried again."""
    facts = {"step": event.step, "state": event.state, "seconds": event.seconds}
    await store.say(tx, _ids(event), "step", event.occurred_at, **facts)
    times = (event.seconds, event.next_try_at, event.occurred_at)
    await tx.execute(_STEP, event.signup_id, event.step, event.position, event.state, event.attempt, *times)


async def note_ready(event: InstanceReady, tx: Transaction) -> None:
    """The grid was proved from outside."""
    await store.say(tx, _ids(event), "ready", event.occurred_at, proof_seconds=event.proof_seconds)
    await tx.execute(_READY, event.signup_id, event.occurred_at)


async def note_furl(event: FurlIssued, tx: Transaction) -> None:
    """The furl waits for its owner."""
    await store.say(tx, _ids(event), "furl", event.occurred_at)
    await tx.execute(_ISSUED, event.signup_id, event.claim_ref, event.occurred_at)


async def note_failure(event: ProvisioningFailed, tx: Transaction) -> None:
    """Building the grid ran into trouble."""
    await store.say(tx, _ids(event), "failed", event.occurred_at, step=event.step, final=event.final)
    await tx.execute(_FAILED, event.signup_id, event.occurred_at, event.final)


async def note_letter(event: LetterSent | LetterBounced, tx: Transaction) -> None:
    """A letter with a link to the furl left, or was refused. Others are not for the status page."""
    if event.kind not in {"welcome", "invite"}:
        return
    state = "sent" if isinstance(event, LetterSent) else "bounced"
    await tx.execute(_LETTER, event.account_id, event.letter_id, state, event.occurred_at)
    signup_id = await store.signup_of_account(tx, event.account_id)
    if signup_id is not None:
        await store.say(tx, (signup_id, event.account_id, None), "letter", event.occurred_at, state=state)
        if state == "sent":
            await tx.execute(_WRITTEN, signup_id, event.occurred_at)
