"""Which event owes whom a letter with a token. Handlers record the debt; the postman pays it."""

from collections.abc import Sequence
from typing import Any

from s4_bus import Route, on
from s4_contracts.billing import SignupPaid
from s4_contracts.ids import LetterId
from s4_contracts.provisioner import FurlIssued
from s4_contracts.web import FurlClaimed, InviteRequested, SignInRequested
from s4_notifier import store
from s4_notifier.fillings import Gauge
from s4_notifier.news import Newsroom
from s4_notifier.outages import Watch
from s4_notifier.settings import Settings
from s4_notifier.store import Letter
from s4_runtime import Clock, Temporary, derived_id
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
            on(InviteRequested, self.owe_invite),
            on(FurlClaimed, self.note_claim),
            on(SignInRequested, self.owe_sign_in),
            *Newsroom(self._clock).routes(),
            *Watch(self._clock, self._settings).routes(),
            *Gauge(self._clock).routes(),
        ]

    async def learn_address(self, event: SignupPaid, tx: Transaction) -> None:
        """The account's letters go to the address that was paid with."""
        await store.learn_address(tx, event.account_id, event.email, self._clock.now())
        await notify(tx, store.CHANNEL)

    async def owe_welcome(self, event: FurlIssued, tx: Transaction) -> None:
        """A grid is ready: its owner is owed one welcome with a link, whatever the number of deliveries."""
        await self._owe(tx, "welcome", event.claim_ref, event, event.claim_ref)

    async def owe_invite(self, event: InviteRequested, tx: Transaction) -> None:
        """The owner asked for a new link to the newest furl. Raises Temporary until that furl was announced here."""
        claim_ref = await store.latest_claim_ref(tx, event.account_id, event.grid_id)
        if claim_ref is None:
            raise Temporary("furl-not-announced-yet", grid=event.grid_id)
        await self._owe(tx, "invite", event.request_id, event, claim_ref)

    async def owe_sign_in(self, event: SignInRequested, tx: Transaction) -> None:
        """Whoever reads the account's letters may sign in, once for each request."""
        letter = Letter(
            letter_id=LetterId(derived_id("sign-in", event.request_id, event.account_id)),
            account_id=event.account_id,
            kind="sign-in",
        )
        await store.owe_letter(tx, letter, self._clock.now())

    async def note_claim(self, event: FurlClaimed, tx: Transaction) -> None:
        """The furl was shown to its owner."""
        await store.mark_claimed(tx, event.account_id, event.claim_ref, self._clock.now())

    async def _owe(
        self, tx: Transaction, kind: str, cause: str, event: FurlIssued | InviteRequested, claim_ref: str
    ) -> None:
        """One letter of this kind for each cause."""
        letter = Letter(
            letter_id=LetterId(derived_id(kind, cause)),
            account_id=event.account_id,
            kind=kind,
            grid_id=event.grid_id,
            claim_ref=claim_ref,
        )
        await store.owe_letter(tx, letter, self._clock.now())
