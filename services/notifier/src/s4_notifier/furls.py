"""Which furl a letter's link leads to."""

import msgspec

from s4_contracts.ids import AccountId, GridId, LetterId, SignupId
from s4_contracts.provisioner import FurlIssued
from s4_notifier.store import Letter
from s4_runtime import Temporary, derived_id
from s4_store import Transaction

_NEWEST = """
SELECT account_id, grid_id, claim_ref, signup_id FROM letters
WHERE account_id = $1 AND grid_id = $2 AND kind IN ('welcome', 'invite') ORDER BY issued_at DESC LIMIT 1
"""


class Furl(msgspec.Struct, frozen=True):
    """A furl as this service knows it: by name alone."""

    account_id: AccountId
    grid_id: GridId
    claim_ref: str
    signup_id: SignupId | None


def of(event: FurlIssued) -> Furl:
    """The one that is announced."""
    return Furl(event.account_id, event.grid_id, event.claim_ref, event.signup_id)


async def newest(tx: Transaction, account: AccountId, grid: GridId) -> Furl:
    """The newest of the grid that this account was written about. Raises Temporary while there is none."""
    found = await known(tx, account, grid)
    if found is None:
        raise Temporary("furl-not-announced-yet", grid=grid)
    return found


async def known(tx: Transaction, account: AccountId, grid: GridId) -> Furl | None:
    """The same, or None."""
    row = await tx.fetchrow(_NEWEST, account, grid)
    return None if row is None else msgspec.convert(dict(row), Furl)


def letter(kind: str, cause: str, furl: Furl) -> Letter:
    """A letter that leads to it; one of this kind for each cause."""
    return Letter(
        letter_id=LetterId(derived_id(kind, cause)),
        account_id=furl.account_id,
        kind=kind,
        grid_id=furl.grid_id,
        claim_ref=furl.claim_ref,
        signup_id=furl.signup_id,
    )
