"""What readers choose: the language, which letters, and another address."""

from collections.abc import Sequence
from typing import Any

from s4_bus import Route, on
from s4_contracts.ids import AccountId, LetterId, RequestId
from s4_contracts.web import EmailChanged, EmailChangeRequested, LanguageChosen, OptionalLettersChosen
from s4_notifier import readers, store
from s4_notifier.store import Letter
from s4_runtime import Clock, derived_id
from s4_store import Transaction


class Choices:
    """Where choices are heard."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def routes(self) -> Sequence[Route[Any]]:
        """What is heard of readers."""
        return [
            on(LanguageChosen, self.choose_language),
            on(OptionalLettersChosen, self.choose_optional),
            on(EmailChangeRequested, self.ask_both),
            on(EmailChanged, self.change_address),
        ]

    async def choose_language(self, event: LanguageChosen, tx: Transaction) -> None:
        """Letters are in the language that was chosen last."""
        await readers.choose_language(tx, event.account_id, event.language, event.occurred_at)

    async def choose_optional(self, event: OptionalLettersChosen, tx: Transaction) -> None:
        """Reminders and checklists are sent to who wants them."""
        await readers.choose_optional(tx, event.account_id, event.occurred_at, wanted=event.wanted)

    async def ask_both(self, event: EmailChangeRequested, tx: Transaction) -> None:
        """Each address is asked once, whether the other does not know of it or does."""
        old, now = await readers.address_of(tx, event.account_id), self._clock.now()
        await store.owe_letter(tx, letter_of("email-old", event.request_id, event.account_id, "old", old), now)
        await store.owe_letter(tx, letter_of("email-new", event.request_id, event.account_id, "new", event.email), now)

    async def change_address(self, event: EmailChanged, tx: Transaction) -> None:
        """Letters go to the new address; both read so, once, whatever the number of the person's accounts."""
        old, now = await readers.address_of(tx, event.account_id), self._clock.now()
        await readers.learn_address(tx, event.account_id, event.email, event.occurred_at, now)
        await readers.mark_deliverable(tx, event.email)
        for side, recipient in (("old", old), ("new", event.email)):
            if recipient is not None and (side == "new" or recipient.lower() != event.email.lower()):
                letter = letter_of("email-changed", event.request_id, event.account_id, side, recipient)
                await store.owe_letter(tx, letter, now)


def letter_of(kind: str, request: RequestId, account: AccountId, side: str, recipient: str | None) -> Letter:
    """The same request gives the same letter to the same side."""
    return Letter(
        letter_id=LetterId(derived_id(kind, request, side)),
        account_id=account,
        kind=kind,
        facts={"request": request, "side": side},
        recipient=recipient,
    )
