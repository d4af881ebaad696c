"""Who is signed in to the accounts of one address, and the end of that. One letter's sessions are one sign-in."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from s4_store import Pool
from s4_web.accounts.store import Session
from s4_web.accounts.traces import Trace

_OFTEN = timedelta(minutes=5)  # the last use is not written down more often

# The session's row is held only when there is something to write: a session that just ended leaves no trace.
_TOUCH = """
INSERT INTO visits AS old SELECT s.session, $2, $3, $4 FROM sessions s WHERE s.session = $1
AND NOT EXISTS (SELECT FROM visits v WHERE v.session = s.session AND v.used_at > $5) FOR KEY SHARE OF s
ON CONFLICT (session) DO UPDATE SET browser = excluded.browser, place = excluded.place, used_at = excluded.used_at
"""
_SIGN_INS = """
SELECT letter_id, min(signed_in_at) AS signed_in_at, max(used_at) AS used_at,
(array_agg(browser ORDER BY used_at DESC NULLS LAST))[1] AS browser,
(array_agg(place ORDER BY used_at DESC NULLS LAST))[1] AS place
FROM sessions LEFT JOIN visits USING (session) WHERE account_id = ANY($1::uuid[]) AND signed_in_at > $2
GROUP BY letter_id ORDER BY max(coalesce(used_at, signed_in_at)) DESC, letter_id
"""


class SignIn(msgspec.Struct, frozen=True):
    """Somebody is signed in; known by the letter that it began with. What was never noted is None."""

    letter_id: str
    signed_in_at: datetime
    used_at: datetime | None
    browser: str | None
    place: str | None


async def touch(pool: Pool, session: Session, trace: Trace, now: datetime) -> None:
    """The session was used just now, as far as its owner needs to know."""
    await pool.execute(_TOUCH, session.session, trace.browser, trace.place, now, now - _OFTEN)


async def sign_ins(pool: Pool, accounts: Sequence[str], since: datetime) -> Sequence[SignIn]:
    """All sign-ins to these accounts that go on, the last used first."""
    return [SignIn(**row) for row in await pool.fetch(_SIGN_INS, list(accounts), since)]


async def end(pool: Pool, accounts: Sequence[str], letter_id: str) -> bool:
    """That sign-in is over, on every replica from now on; false if these accounts have none such."""
    sql = "DELETE FROM sessions WHERE account_id = ANY($1::uuid[]) AND letter_id = $2"
    return await pool.execute(sql, list(accounts), letter_id) != "DELETE 0"


async def end_others(pool: Pool, accounts: Sequence[str], letter_id: str) -> None:
    """Only this sign-in goes on."""
    sql = "DELETE FROM sessions WHERE account_id = ANY($1::uuid[]) AND letter_id <> $2"
    await pool.execute(sql, list(accounts), letter_id)
