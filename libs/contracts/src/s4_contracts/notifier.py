"""What the notifier tells the others."""

from s4_contracts.envelope import Event
from s4_contracts.ids import AccountId, LetterId


class LetterSent(Event, frozen=True, kw_only=True, tag="notifier.letter-sent.v1"):
    """A mail server has taken the letter over."""

    account_id: AccountId
    letter_id: LetterId
    kind: str


class LetterBounced(Event, frozen=True, kw_only=True, tag="notifier.letter-bounced.v1"):
    """The letter was refused for good. ``code`` is the server's SMTP reply code (RFC 5321, section 4.2)."""

    account_id: AccountId
    letter_id: LetterId
    kind: str
    code: str
