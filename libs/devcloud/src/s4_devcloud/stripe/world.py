"""Everything that one running stand-in consists of."""

import contextlib
from collections.abc import Iterator

from s4_devcloud.stripe.agenda import Agenda
from s4_devcloud.stripe.cards import Issuers
from s4_devcloud.stripe.clock import Clock
from s4_devcloud.stripe.faults import Faults
from s4_devcloud.stripe.idempotency import Keys
from s4_devcloud.stripe.journal import Journal
from s4_devcloud.stripe.resources.test_clocks import MOVED
from s4_devcloud.stripe.settings import Settings
from s4_devcloud.stripe.store import NOBODY, Cause, Store, Transaction
from s4_devcloud.stripe.timetable import timetable
from s4_devcloud.stripe.webhooks import Webhooks
from s4_devcloud.stripe.wire import Wire


class World:
    """One store and what acts on it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.store = Store(self.clock, settings.public_url)
        self.keys = Keys(self.clock)
        self.faults = Faults()
        self.journal = Journal()
        self.issuers = Issuers()
        self.webhooks = Webhooks(settings, self.store, self.journal)
        self.store.on_event(self.webhooks.take)
        self._agenda = Agenda(self.store, timetable())
        self.store.on_change(self._follow)

    @contextlib.contextmanager
    def transaction(self, cause: Cause = NOBODY) -> Iterator[Transaction]:
        """A transaction in a world where everything that time should have done by now is done."""
        self.catch_up()
        with self.store.transaction(cause) as tx:
            yield tx

    def catch_up(self) -> None:
        """Do what the clock says is due."""
        self._agenda.catch_up(self.clock.now())

    def _follow(self, thing: Wire) -> None:
        """Move the clock when a test clock was moved."""
        if thing["object"] == MOVED:
            self.clock.advance(max(0, int(thing["to"]) - self.clock.now()))

    def reset(self) -> None:
        """Return to the state of a fresh start; the addresses and keys stay."""
        self.webhooks.clear()
        self.store.clear()
        self._agenda.clear()
        self.keys.clear()
        self.faults.clear()
        self.journal.clear()
        self.issuers.reset()
        self.clock.reset()
