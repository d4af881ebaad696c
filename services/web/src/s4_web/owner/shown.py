"""What an account's page shows of all that its owner can decide."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from s4_web.accounts.account import Account
from s4_web.accounts.store import Known
from s4_web.owner import email, letters, wishes
from s4_web.owner.email import Change
from s4_web.owner.letters import LetterChoices
from s4_web.owner.wishes import Wishes
from s4_web.progress import Row
from s4_web.site import Site


class Changes(msgspec.Struct, frozen=True):
    """The choices that hold, and a change of address that waits."""

    letters: LetterChoices
    email: Change | None
    wishes: Wishes
    can_pause: bool
    can_erase: bool
    can_export: bool

    @property
    def languages(self) -> Mapping[str, str]:
        """Those that there are letters in, by tag."""
        return letters.LANGUAGES

    def dated(self, account: Account) -> Account:
        """The account with the day on which everything is really deleted: its owner's, if that was heard of."""
        if account.ended is None or self.wishes.erasure != "scheduled":
            return account
        return replace(account, ended=replace(account.ended, delete_after=self.wishes.delete_at))


async def changes_of(site: Site, known: Known, account: Account, grid: Row, said: Mapping[str, Row]) -> Changes:
    """All of it, for one account."""
    wanted = await wishes.wanted_of(site.pool, grid.get("grid_id"))
    is_there = bool(grid.get("ready_at") or grid.get("claim_ref")) and said.get("grid", {}).get("word") != "deleted"
    return Changes(
        letters=await letters.choices_of(site.pool, known.account_id),
        email=await email.open_change(site.pool, known.email, site.clock.now()),
        wishes=wishes.standing(wanted, said, account),
        can_pause=is_there and account.ended is None,
        can_erase=is_there and account.ended is not None and account.ended.deleted_at is None,
        can_export=is_there,
    )
