"""A person's address changes when both addresses have said so; until then nothing does."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from s4_contracts.ids import AccountId, RequestId
from s4_contracts.web import EmailChanged, EmailChangeRequested
from s4_runtime import new_id
from s4_store import Pool, Transaction
from s4_web import limits
from s4_web.claim_token import Claim, EmailLink, SignIn, went_to
from s4_web.site import Site
from s4_web.troubles import Refused

_KEPT = timedelta(days=30)  # for so long it is known what became of a change that was not made

State = Literal["open", "done", "withdrawn", "refused", "expired"]

_ADD = """
INSERT INTO email_changes (request_id, account_id, accounts, old_email, new_email, asked_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_EXPIRE = """
UPDATE email_changes SET state = 'expired', ended_at = ends_at
WHERE lower(old_email) = lower($1) AND state = 'open' AND ends_at <= $2
"""
_FORGET = "DELETE FROM email_changes WHERE state <> 'done' AND ends_at < $1"
_END = "UPDATE email_changes SET state = $2, ended_at = $3 WHERE request_id = $1 AND state = 'open'"
_CONFIRM = {
    "old": "UPDATE email_changes SET old_confirmed_at = coalesce(old_confirmed_at, $2) WHERE request_id = $1",
    "new": "UPDATE email_changes SET new_confirmed_at = coalesce(new_confirmed_at, $2) WHERE request_id = $1",
}


class Change(msgspec.Struct, frozen=True):
    """A wish for another address, and how far it is."""

    request_id: str
    account_id: str
    accounts: Sequence[str]
    old_email: str
    new_email: str
    asked_at: datetime
    ends_at: datetime
    old_confirmed_at: datetime | None
    new_confirmed_at: datetime | None
    state: State
    ended_at: datetime | None

    def standing(self, now: datetime) -> State:
        """Its state: one that was left open for too long has expired."""
        return "expired" if self.state == "open" and self.ends_at <= now else self.state


async def open_change(db: Pool | Transaction, email: str, now: datetime) -> Change | None:
    """The change that waits for confirmation at this (old) address."""
    sql = "SELECT * FROM email_changes WHERE lower(old_email) = lower($1) AND state = 'open' AND ends_at > $2"
    row = await db.fetchrow(sql, email, now)
    return Change(**row) if row else None


async def find(db: Pool | Transaction, link: EmailLink) -> Change | None:
    """The change that a genuine link is about, if it went to the address that it speaks for."""
    row = await db.fetchrow("SELECT * FROM email_changes WHERE request_id = $1", link.request_id)
    is_theirs = row and row["account_id"] == link.account_id and went_to(link.address, row[f"{link.side}_email"])
    return Change(**row) if row and is_theirs else None


async def went_elsewhere(pool: Pool, link: Claim | SignIn) -> bool:
    """Whether the link went to another address than the account has now.

    The address that it names tells, whenever it was signed: a notifier may hear of a change late, and an operator may
    have an old letter sent again. One that names none did if it was signed before the account moved.
    """
    sql = (
        "SELECT email, EXISTS (SELECT FROM email_changes WHERE state = 'done' AND accounts @> ARRAY[$1::uuid] "
        "AND extract(epoch FROM ended_at) > $2::float8) AS has_moved FROM accounts WHERE account_id = $1"
    )
    row = await pool.fetchrow(sql, link.account_id, link.issued_at)
    if row is None:
        return False
    return bool(row["has_moved"]) if link.address is None else not went_to(link.address, row["email"])


async def ask(site: Site, account_id: str, old_email: str, new_email: str) -> None:
    """Both addresses are asked. The same wish again asks for nothing new. Raises Refused."""
    now = site.clock.now()
    async with site.pool.transaction() as tx:
        accounts = await _accounts_of(tx, old_email)
        pending = await open_change(tx, old_email, now)
        if account_id not in accounts or (pending and pending.new_email.lower() != new_email.lower()):
            raise Refused("email-change-pending")
        if pending:
            return
        limit = site.settings.email_changes_per_person
        fits_person = await limits.use(tx, site, "email-change", old_email.lower(), limit)
        is_allowed = fits_person and await limits.use(tx, site, "email-change-to", new_email.lower(), limit)
        if is_allowed:
            accounts.sort(key=lambda each: each != account_id)
            await _request(tx, site, accounts, old_email, new_email)
    if not is_allowed:
        raise Refused("too-many-email-changes")


async def _request(tx: Transaction, site: Site, accounts: list[str], old_email: str, new_email: str) -> None:
    now, request_id = site.clock.now(), new_id()
    await tx.execute(_FORGET, now - _KEPT)
    await tx.execute(_EXPIRE, old_email, now)
    ends_at = now + site.settings.email_change_open
    await tx.execute(_ADD, request_id, accounts[0], accounts, old_email, new_email, now, ends_at)
    event = EmailChangeRequested(
        account_id=AccountId(accounts[0]),
        request_id=RequestId(request_id),
        accounts=[AccountId(each) for each in accounts],
        email=new_email,
        occurred_at=now,
    )
    await tx.emit(event, key=request_id)


async def withdraw(site: Site, email: str) -> None:
    """Nothing of this person's waits for confirmation any more."""
    sql = "UPDATE email_changes SET state = 'withdrawn', ended_at = $2 WHERE lower(old_email) = lower($1)"
    await site.pool.execute(f"{sql} AND state = 'open'", email, site.clock.now())


async def refuse(site: Site, link: EmailLink, change: Change) -> None:
    """It was not meant. If the old address says so, whoever asked for it is signed out with everybody else."""
    async with site.pool.transaction() as tx:
        accounts = await _accounts_of(tx, change.old_email)
        ended = await tx.execute(_END, change.request_id, "refused", site.clock.now())
        if ended == "UPDATE 1" and link.side == "old":
            await _sign_out(tx, accounts)


async def confirm(site: Site, link: EmailLink, change: Change) -> None:
    """One address has said yes; with the second yes all accounts of the person belong to the new address."""
    now = site.clock.now()
    async with site.pool.transaction() as tx:
        accounts = await _accounts_of(tx, change.old_email)
        await tx.fetchrow("SELECT FROM email_changes WHERE request_id = $1 FOR UPDATE", change.request_id)
        found = await find(tx, link)
        if found is None or found.standing(now) != "open":
            return
        await tx.execute(_CONFIRM[link.side], found.request_id, now)
        if found.new_confirmed_at if link.side == "old" else found.old_confirmed_at:
            await _move(tx, found, accounts, now)


async def _move(tx: Transaction, change: Change, accounts: list[str], now: datetime) -> None:
    if change.account_id not in accounts:
        await tx.execute(_END, change.request_id, "withdrawn", now)
        return
    for table in ("accounts", "signups"):
        sql = f"UPDATE {table} SET email = $2 WHERE account_id = ANY($1::uuid[])"  # noqa: S608  names of ours
        await tx.execute(sql, accounts, change.new_email)
    # Signing in anew at the new address proves once more that it is theirs, and no session of somebody who could only
    # read the old one's mail lives on to see what else belongs to the new one.
    await _sign_out(tx, accounts)
    await tx.execute("UPDATE email_changes SET accounts = $2 WHERE request_id = $1", change.request_id, accounts)
    await tx.execute(_END, change.request_id, "done", now)
    for each in accounts:
        account, request = AccountId(each), RequestId(change.request_id)
        event = EmailChanged(account_id=account, request_id=request, email=change.new_email, occurred_at=now)
        await tx.emit(event, key=f"{change.request_id}:{each}")


async def _accounts_of(tx: Transaction, email: str) -> list[str]:
    """All accounts of the address; nobody else changes whose they are until the transaction ends."""
    sql = "SELECT account_id FROM accounts WHERE lower(email) = lower($1) ORDER BY account_id FOR UPDATE"
    return [row["account_id"] for row in await tx.fetch(sql, email)]


async def _sign_out(tx: Transaction, accounts: list[str]) -> None:
    await tx.execute("DELETE FROM sessions WHERE account_id = ANY($1::uuid[])", accounts)
