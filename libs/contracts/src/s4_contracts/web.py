"""What the site tells the others."""

from s4_contracts.envelope import Event
from s4_contracts.ids import AccountId, GridId, RequestId


class FurlClaimed(Event, frozen=True, kw_only=True, tag="web.furl-claimed.v1"):
    """The owner has been shown the furl that ``claim_ref`` names."""

    account_id: AccountId
    grid_id: GridId
    claim_ref: str


class InviteRequested(Event, frozen=True, kw_only=True, tag="web.invite-requested.v1"):
    """The owner asked for a new link to the furl; the letter goes to the address that we already know."""

    account_id: AccountId
    grid_id: GridId
    request_id: RequestId


class SignInRequested(Event, frozen=True, kw_only=True, tag="web.sign-in-requested.v1"):
    """Somebody who gave the address of this account wants to sign in; a link goes to the address that we know."""

    account_id: AccountId
    request_id: RequestId
