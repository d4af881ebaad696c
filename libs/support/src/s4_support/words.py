"""Events, facts and moments as operators read them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from s4_runtime import money
from s4_runtime.words import moment, size
from s4_support.timeline import Told

# What happened, by the event's name; a word in braces is a fact as it is shown.
SAID: Mapping[str, str] = MappingProxyType(
    {
        "billing.signup-paid.v1": "Signed up and paid for the plan {plan}",
        "billing.subscription-renewed.v1": "{amount} paid for another period, until {period_end}",
        "billing.payment-failed.v1": "A payment of {amount} failed (try {attempt}); served until {suspends_at}",
        "billing.payment-recovered.v1": "The payment of {amount} that had failed was made",
        "billing.service-suspended.v1": "Billing had the service stopped: {reason}",
        "billing.service-resumed.v1": "Billing had the service resumed",
        "billing.cancellation-scheduled.v1": "Cancelled; served until {ends_at}",
        "billing.cancellation-reverted.v1": "Stays after all: the cancellation was taken back",
        "billing.subscription-ended.v1": "The subscription ended: {reason}; data is kept until {delete_after}",
        "billing.plan-changed.v1": "Changed from the plan {previous_plan} to {plan}",
        "billing.refund-issued.v1": "{amount} goes back to the customer: {reason}",
        "billing.dispute-opened.v1": "A payment is contested: {kind}",
        "billing.dispute-closed.v1": "No payment is contested any more",
        "provisioner.provisioning-progressed.v1": "Building the grid: {step} {state} ({position} of {total})",
        "provisioner.instance-ready.v1": "The grid is ready: a file was stored and read back",
        "provisioner.furl-issued.v1": "The furl is sealed and waits for its owner",
        "provisioner.provisioning-failed.v1": "The grid could not be built at {step}: {code}; final: {final}",
        "provisioner.grid-suspended.v1": "The grid was stopped, everything in it is kept; wanted by: {reason}",
        "provisioner.grid-resumed.v1": "The grid is served again with the same furl",
        "provisioner.grid-deleted.v1": "The grid and its {objects} objects were deleted",
        "provisioner.instance-lost.v1": "The grid's host was lost ({code}); another is being prepared",
        "provisioner.instance-recovered.v1": "The grid is back on a host after {seconds}",
        "provisioner.usage-measured.v1": "Usage measured: {stored_bytes} of {quota_bytes} in {objects} objects",
        "provisioner.capacity-reported.v1": "Room for more grids was reported",
        "provisioner.grid-proved.v1": "A file was stored and read back in {seconds}",
        "provisioner.deletion-scheduled.v1": "All is deleted at {delete_at}; wanted by its owner: {by_owner}",
        "web.furl-claimed.v1": "The owner was shown the furl",
        "web.invite-requested.v1": "The owner asked for a new link to the furl",
        "web.sign-in-requested.v1": "Somebody gave the account's address to sign in",
        "web.language-chosen.v1": "Letters are wanted in the language {language}",
        "web.optional-letters-chosen.v1": "Reminders and checklists are wanted: {wanted}",
        "web.email-change-requested.v1": "The owner asked for letters at another address; not confirmed yet",
        "web.email-changed.v1": "The address was changed; both addresses confirmed it",
        "web.pause-chosen.v1": "The owner wants the grid paused: {paused}",
        "web.erasure-chosen.v1": "The owner wants all that is stored deleted soon: {wanted}",
        "notifier.letter-sent.v1": "Letter sent: {kind}",
        "notifier.letter-bounced.v1": "Letter refused: {kind}, code {code}",
        "notifier.letter-complained.v1": "Letter called spam by who got it: {kind}",
        "invites.invite-opened.v1": "An invite code was made; it works until {expires_at}",
        "invites.invite-claimed.v1": "A client used the invite and has the grid's settings",
        "invites.invite-ended.v1": "An invite ended unused: {outcome}",
        "support.letter-requested.v1": "{operator} had a letter sent again: {reason}",
        "support.link-requested.v1": "{operator} had a new link to the furl sent: {reason}",
    }
)
_PLAIN = {True: "yes", False: "no", None: "none"}


class _Facts(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "not told"


def said(told: Told) -> str:
    """What happened, in one sentence; an event of a newer release is called by its name."""
    words = SAID.get(told.name)
    return filled(words, told.facts) if words else f"{told.service}: {told.kind}"


def filled(words: str, facts: Mapping[str, Any]) -> str:
    """The words with facts in the place of their names."""
    return words.format_map(_Facts(shown(facts)))


def shown(facts: Mapping[str, Any]) -> dict[str, str]:
    """The facts as they are read: moments, sizes and amounts with their units."""
    currency = facts.get("currency")
    return {
        name: money(value, currency)
        if name == "amount" and isinstance(value, int) and isinstance(currency, str)
        else fact(name, value)
        for name, value in facts.items()
        if name != "currency"
    }


def fact(name: str, value: Any) -> str:
    """One fact as it is read."""
    if isinstance(value, list):
        return ", ".join(fact(name, one) for one in value) or "none"
    if value is None or isinstance(value, bool):
        return _PLAIN[value]
    if isinstance(value, int | float) and name.endswith(("_bytes", "seconds")):
        return size(int(value)) if name.endswith("_bytes") else f"{value:g} s"
    at = moment_of(value)
    return moment(at) if at else str(value)


def moment_of(value: object) -> datetime | None:
    """The moment that a fact holds, if it does."""
    if not isinstance(value, str) or len(value) < 20 or value[10:11] != "T":
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def second(at: datetime) -> str:
    """The time of day in UTC, to the second."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def masked(email: str) -> str:
    """Enough of an address to recognise it, too little to learn it."""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}•••@{domain[:1]}•••{domain[domain.rfind('.') :] if '.' in domain else ''}"
