"""What web asks of invites: opening, looking, withdrawing."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from s4_contracts.ids import AccountId, GridId, InviteId
from s4_invites import codes, keys, store
from s4_invites.handshake import Kept
from s4_invites.sealing import Seal, SealBroken
from s4_invites.settings import Settings
from s4_invites.store import Invite
from s4_runtime import Clock, Permanent, Temporary, context, get_logger
from s4_store import Pool

_SIDE_BYTES = 5  # as many as other wormholes have; it tells the two sides of one mailbox apart


class NoSuchGrid(Permanent):
    """There is no such grid, or it is not this account's: who asks is not told which."""


class GridNotReady(Temporary):
    """No furl was issued for the grid yet, as far as is known here."""


class NoSuchInvite(Permanent):
    """There is no such invite, or it is not this account's."""


class InviteIdTaken(Permanent):
    """There is an invite of this id for another grid."""


class Wanted(msgspec.Struct, frozen=True):
    """Who wants which invite."""

    invite_id: InviteId
    account_id: AccountId
    grid_id: GridId


class Office:
    """Where invites are opened and looked at."""

    def __init__(self, pool: Pool, seal: Seal, settings: Settings, clock: Clock, random: Random) -> None:
        self._pool = pool
        self._seal = seal
        self._clock = clock
        self._random = random
        self._lifetime = settings.invite_lifetime
        self._mailbox_url = settings.mailbox_url
        self._words = codes.read_words(settings.words_file)

    async def open(self, wanted: Wanted) -> dict[str, Any]:
        """The grid's one open invite. The same id again gives the same invite, whatever has become of it.

        Raises NoSuchGrid, GridNotReady, InviteIdTaken.
        """
        async with self._pool.transaction() as tx:
            await store.alone_with(tx, wanted.grid_id)
            furl = await store.furl_of(tx, wanted.grid_id)
            if furl is not None and (furl.account_id != wanted.account_id or furl.is_gone):
                raise NoSuchGrid("no-such-grid")
            if furl is None:
                raise GridNotReady("grid-not-ready", retry_after=timedelta(seconds=5))
            known = await store.find(tx, wanted.invite_id)
            if known is None:
                now = self._clock.now()
                await store.end_of_grid(tx, wanted.grid_id, "replaced", now)
                known = self._new(wanted, now)
                await store.add(tx, known)
            elif (known.grid_id, known.account_id) != (wanted.grid_id, wanted.account_id):
                raise InviteIdTaken("invite-id-taken")
        return self._shown(known)

    async def of_grid(self, account: AccountId, grid: GridId) -> list[dict[str, Any]]:
        """The grid's invites, the newest first."""
        return [self._shown(invite) for invite in await store.listed(self._pool, account, grid)]

    async def withdraw(self, invite: InviteId, account: AccountId) -> dict[str, Any]:
        """The invite's code is dead, unless somebody has used it. Raises NoSuchInvite."""
        async with self._pool.transaction() as tx:
            found = await store.find(tx, invite)
            if found is None or found.account_id != account:
                raise NoSuchInvite("no-such-invite")
            await store.end(tx, invite, "withdrawn", self._clock.now())
            return self._shown(await store.find(tx, invite) or found)

    def _new(self, wanted: Wanted, now: datetime) -> Invite:
        code = codes.new_code(self._random, self._words)
        kept = Kept(code, self._random.randbytes(_SIDE_BYTES).hex(), keys.begin(code))
        return Invite(
            id=wanted.invite_id,
            account_id=wanted.account_id,
            grid_id=wanted.grid_id,
            correlation_id=context.current().correlation_id,
            state="open",
            sealed=self._seal.seal(kept, wanted.invite_id),
            created_at=now,
            expires_at=now + self._lifetime,
            ended_at=None,
            giving_at=None,
            unreachable_since=None,
        )

    def _shown(self, invite: Invite) -> dict[str, Any]:
        return {
            "invite_id": invite.id,
            "grid_id": invite.grid_id,
            "state": invite.state,
            "code": self._code_of(invite),
            "created_at": _time(invite.created_at),
            "expires_at": _time(invite.expires_at),
            "ended_at": _time(invite.ended_at) if invite.ended_at else None,
            "mailbox": "unreachable" if invite.unreachable_since else "connected",
            "mailbox_url": self._mailbox_url,
        }

    def _code_of(self, invite: Invite) -> str | None:
        """None once it is dead; also of one that another key has sealed, which a new invite may take the place of."""
        if invite.sealed is None:
            return None
        try:
            return self._seal.open(invite.sealed, invite.id).code
        except SealBroken as trouble:
            get_logger().error("invite.unusable", invite=invite.id, code=trouble.code)
            return None


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
