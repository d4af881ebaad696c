"""Every kind of object that time changes."""

from collections.abc import Mapping

from s4_devcloud.stripe import later
from s4_devcloud.stripe.aftermath import happen
from s4_devcloud.stripe.agenda import Entry
from s4_devcloud.stripe.billing import lifetime, reminders, renewals
from s4_devcloud.stripe.resources import sessions, test_clocks
from s4_devcloud.stripe.store import Transaction
from s4_devcloud.stripe.wire import Wire


def timetable() -> Mapping[str, Entry]:
    """When each kind changes by itself, and how."""
    return {
        "checkout.session": Entry(sessions.due, _close),
        later.KIND: Entry(later.due, happen),
        "invoice": Entry(renewals.due, renewals.advance),
        "subscription": Entry(lifetime.due, lifetime.act),
        test_clocks.KIND: Entry(test_clocks.due, test_clocks.arrive),
        reminders.KIND: Entry(reminders.due, reminders.remind),
    }


def _close(tx: Transaction, session: Wire) -> None:
    sessions.close(tx, session)
