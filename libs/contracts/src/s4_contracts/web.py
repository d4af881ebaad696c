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


class LanguageChosen(Event, frozen=True, kw_only=True, tag="web.language-chosen.v1"):
    """Letters to this account are to be in this language (a tag of RFC 5646, such as "en"). The newest one counts."""

    account_id: AccountId
    language: str


class OptionalLettersChosen(Event, frozen=True, kw_only=True, tag="web.optional-letters-chosen.v1"):
    """Whether the owner wants letters that they can do without: reminders and checklists. The newest choice counts."""

    account_id: AccountId
    wanted: bool


class EmailChangeRequested(Event, frozen=True, kw_only=True, tag="web.email-change-requested.v1"):
    """The owner wants their letters at another address. Nothing changes before both addresses have confirmed it.

    ``accounts`` are all that the person has, the first being the one that they asked from.
    """

    account_id: AccountId
    request_id: RequestId
    accounts: list[AccountId]
    email: str


class EmailChanged(Event, frozen=True, kw_only=True, tag="web.email-changed.v1"):
    """Both addresses have confirmed it: from now on the account belongs to this address. One event for each account."""

    account_id: AccountId
    request_id: RequestId
    email: str


class PauseChosen(Event, frozen=True, kw_only=True, tag="web.pause-chosen.v1"):
    """Whether the owner wants their grid stopped for a while, whatever is paid. ``revision`` rises with each choice."""

    account_id: AccountId
    grid_id: GridId
    paused: bool
    revision: int


class ErasureChosen(Event, frozen=True, kw_only=True, tag="web.erasure-chosen.v1"):
    """Whether the owner, who has left, wants all that is stored deleted soon instead of kept to the date.

    ``revision`` rises with each choice.
    """

    account_id: AccountId
    grid_id: GridId
    wanted: bool
    revision: int
