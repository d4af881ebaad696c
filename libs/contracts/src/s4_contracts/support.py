"""What operators ask for on a customer's behalf, from the support page."""

from s4_contracts.envelope import Event
from s4_contracts.ids import AccountId, GridId, LetterId, RequestId


class LetterRequested(Event, frozen=True, kw_only=True, tag="support.letter-requested.v1"):
    """An operator wants this letter sent once more, to the address that is now known."""

    account_id: AccountId
    letter_id: LetterId
    request_id: RequestId


class LinkRequested(Event, frozen=True, kw_only=True, tag="support.link-requested.v1"):
    """An operator wants the owner to get a new link to the furl; it goes to the address that is now known."""

    account_id: AccountId
    grid_id: GridId
    request_id: RequestId
