"""What the invite agent tells the others."""

from typing import Literal

from s4_contracts.envelope import Event, Timestamp
from s4_contracts.ids import AccountId, GridId, InviteId


class InviteOpened(Event, frozen=True, kw_only=True, tag="invites.invite-opened.v1"):
    """There is a code with which one client can fetch the grid's settings, once, until ``expires_at``."""

    account_id: AccountId
    grid_id: GridId
    invite_id: InviteId
    expires_at: Timestamp


class InviteClaimed(Event, frozen=True, kw_only=True, tag="invites.invite-claimed.v1"):
    """A client has used the invite's code and has taken the grid's settings."""

    account_id: AccountId
    grid_id: GridId
    invite_id: InviteId


class InviteEnded(Event, frozen=True, kw_only=True, tag="invites.invite-ended.v1"):
    """The invite's code is dead, and nobody has got anything by it.

    "guessed": somebody tried with a wrong code, and one guess is all there is; "crowded": two clients at once.
    """

    account_id: AccountId
    grid_id: GridId
    invite_id: InviteId
    outcome: Literal["expired", "withdrawn", "replaced", "guessed", "crowded", "grid-gone"]
