"""What there was on each day, counted from events. Nothing here knows whose a grid or a letter is."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from s4_bus import Route, on
from s4_contracts.notifier import LetterBounced, LetterSent
from s4_contracts.provisioner import GridProved, InstanceLost, InstanceReady, InstanceRecovered, ProvisioningFailed
from s4_store import Pool, Transaction

_COUNT = """
INSERT INTO service_days AS old VALUES ($1, $2, $3) ON CONFLICT (day, what) DO UPDATE SET
amount = old.amount + excluded.amount
"""
# Anybody can have one sent to an address that has an account: counting those would tell that it has.
_ASKED_BY_ANYBODY = frozenset({"sign-in"})
_LONGEST_OUTAGE = timedelta(days=30)  # that is told


def routes() -> list[Route[Any]]:
    """What is counted."""
    return [
        on(InstanceReady, count_grid),
        on(ProvisioningFailed, count_failure),
        on(GridProved, count_proof),
        on(InstanceLost, count_loss),
        on(InstanceRecovered, count_outage),
        on(LetterSent, count_letter),
        on(LetterBounced, count_letter),
    ]


async def count(db: Pool | Transaction, day: date, what: str, amount: float = 1) -> None:
    """There was so much more of it on that day."""
    await db.execute(_COUNT, day, what, amount)


async def count_grid(event: InstanceReady, tx: Transaction) -> None:
    """A grid was made."""
    await count(tx, day_of(event.occurred_at), "made")


async def count_failure(event: ProvisioningFailed, tx: Transaction) -> None:
    """A grid could not be made, for now or for good."""
    await count(tx, day_of(event.occurred_at), "given-up" if event.final else "stumbled")


async def count_proof(event: GridProved, tx: Transaction) -> None:
    """A client has used a grid."""
    await count(tx, day_of(event.proved_at), "proved")


async def count_loss(event: InstanceLost, tx: Transaction) -> None:
    """A grid went away."""
    await count(tx, day_of(event.occurred_at), "lost")


async def count_outage(event: InstanceRecovered, tx: Transaction) -> None:
    """A grid was away for some time of one day or of several."""
    began_at = event.proved_at - min(timedelta(seconds=event.seconds), _LONGEST_OUTAGE)
    for day, seconds in by_day(began_at, event.proved_at):
        await count(tx, day, "away", seconds)


async def count_letter(event: LetterSent | LetterBounced, tx: Transaction) -> None:
    """A letter left, or came back."""
    if event.kind not in _ASKED_BY_ANYBODY:
        await count(tx, day_of(event.occurred_at), "sent" if isinstance(event, LetterSent) else "bounced")


def day_of(at: datetime) -> date:
    """The day of the moment in UTC."""
    return at.astimezone(UTC).date()


def by_day(began_at: datetime, ended_at: datetime) -> Iterator[tuple[date, float]]:
    """How many seconds of the time were on which day."""
    while began_at < ended_at:
        midnight = datetime.combine(day_of(began_at) + timedelta(days=1), datetime.min.time(), UTC)
        until = min(midnight, ended_at)
        yield day_of(began_at), (until - began_at).total_seconds()
        began_at = until
