"""When a client last stored a file in a grid from outside and read it back. Late, twice or out of order is harmless."""

from datetime import datetime

import msgspec

from s4_contracts.provisioner import GridProved, GridResumed, InstanceReady, InstanceRecovered
from s4_store import Pool, Transaction

_PROVED = """
INSERT INTO proofs AS old VALUES ($1, $2, $3) ON CONFLICT (signup_id) DO UPDATE SET
proved_at = excluded.proved_at, seconds = excluded.seconds WHERE excluded.proved_at > old.proved_at
"""


class Proof(msgspec.Struct, frozen=True):
    """The newest one; ``seconds`` is how long it took, where that was told."""

    proved_at: datetime
    seconds: float | None


async def note_proof(event: GridProved | InstanceReady | GridResumed | InstanceRecovered, tx: Transaction) -> None:
    """The grid was reached from outside at that moment, whatever the occasion."""
    match event:
        case GridProved():
            seconds: float | None = event.seconds
        case InstanceReady():
            seconds = event.proof_seconds
        case _:
            seconds = None
    await tx.execute(_PROVED, event.signup_id, event.proved_at, seconds)


async def proof_of(pool: Pool, signup_id: str) -> Proof | None:
    """The newest proof of the signup's grid, if there was any."""
    row = await pool.fetchrow("SELECT proved_at, seconds FROM proofs WHERE signup_id = $1", signup_id)
    return Proof(**row) if row else None
