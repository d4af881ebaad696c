"""What the notifier tells the others."""

from s4_contracts.envelope import Event
from s4_contracts.ids import AccountId, LetterId


class LetterSent(Event, frozen=True, kw_only=True, tag="notifier.letter-sent.v1"):
    """A mail server has taken the letter over."""

    account_id: AccountId
    letter_id: LetterId
    kind: str


class LetterBounced(Event, frozen=True, kw_only=True, tag="notifier.letter-bounced.v1"):
    """The letter was refused for good, at once or later by a report.

    ``code`` is the server's SMTP reply code (RFC 5321, section 4.2) or a report's status (RFC 3463), such as "5.1.1".
    """

    account_id: AccountId
    letter_id: LetterId
    kind: str
    code: str


class LetterComplained(Event, frozen=True, kw_only=True, tag="notifier.letter-complained.v1"):
    """Who got the letter called it spam (a report by RFC 5965). Letters that can be done without are no longer sent."""

    account_id: AccountId
    letter_id: LetterId
    kind: str
