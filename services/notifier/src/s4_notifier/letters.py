"""Which event owes whom a letter with a token. Handlers record the debt; the postman pays it."""

from collections.abc import Sequence
from typing import Any

from s4_bus import Route, on
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import LetterId
from s4_contracts.provisioner import FurlIssued
from s4_contracts.support import LinkRequested
from s4_contracts.web import InviteRequested, SignInRequested
from s4_notifier import furls, readers, store
from s4_notifier.again import Copies
from s4_notifier.choices import Choices
from s4_notifier.fillings import Gauge
from s4_notifier.guide import Guide
from s4_notifier.news import Newsroom
from s4_notifier.outages import Watch
from s4_notifier.settings import Settings
from s4_notifier.store import Letter
from s4_runtime import Clock, derived_id
from s4_store import Transaction, notify


class Desk:
    """Where events are read and letters are laid out."""

    def __init__(self, clock: Clock, settings: Settings) -> None:
        self._clock = clock
        self._settings = settings

    def routes(self) -> Sequence[Route[Any]]:
        """What the notifier listens to."""
        return [
            on(SignupPaid, self.learn_address),
            on(FurlIssued, self.owe_welcome),
            on(InviteRequested, self.owe_link),
            on(LinkRequested, self.owe_link),
            on(SignInRequested, self.owe_sign_in),
            *Newsroom(self._clock).routes(),
            *Watch(self._clock, self._settings).routes(),
            *Gauge(self._clock).routes(),
            *Choices(self._clock).routes(),
            *Guide(self._clock, self._settings).routes(),
            *Copies(self._clock).routes(),
        ]

    async def learn_address(self, event: SignupPaid, tx: Transaction) -> None:
        """The account's letters go to the address that was paid with."""
        await readers.learn_address(tx, event.account_id, event.email, event.occurred_at, self._clock.now())
        await notify(tx, store.CHANNEL)

    async def owe_welcome(self, event: FurlIssued, tx: Transaction) -> None:
        """A grid is ready: its owner is owed one welcome with a link, whatever the number of deliveries."""
        letter = furls.letter("welcome", event.claim_ref, furls.of(event))
        await store.owe_letter(tx, letter, self._clock.now())

    async def owe_link(self, event: InviteRequested | LinkRequested, tx: Transaction) -> None:
        """A new link to the newest furl was asked for. Raises Temporary until that furl was announced here."""
        furl = await furls.newest(tx, event.account_id, event.grid_id)
        await store.owe_letter(tx, furls.letter("invite", event.request_id, furl), self._clock.now())

    async def owe_sign_in(self, event: SignInRequested, tx: Transaction) -> None:
        """Whoever reads the account's letters may sign in, once for each request."""
        await store.owe_letter(tx, sign_in_letter(event), self._clock.now())


def sign_in_letter(event: SignInRequested) -> Letter:
    """The same request gives the same letter."""
    return Letter(
        letter_id=LetterId(derived_id("sign-in", event.request_id, event.account_id)),
        account_id=event.account_id,
        kind="sign-in",
    )
