"""What is true of an account now, as far as events tell. Pure: the same events and time give the same lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec

from s4_runtime.words import moment
from s4_support.timeline import Told
from s4_support.words import fact, filled, moment_of, shown

_SETTLED = {"payment-recovered", "subscription-renewed"}
_PROOFS = {"instance-ready", "grid-resumed", "instance-recovered", "grid-proved"}
# What an event makes true, and how good that is.
_PAID: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "payment-recovered": ("yes", "good"),
        "service-resumed": ("yes", "good"),
        "cancellation-reverted": ("yes", "good"),
        "payment-failed": ("no: a payment failed; served until {suspends_at}", "warn"),
        "service-suspended": ("stopped by billing: {reason}", "bad"),
        "cancellation-scheduled": ("yes, and cancelled; served until {ends_at}", "warn"),
        "subscription-ended": ("ended: {reason}", "bad"),
    }
)
_GRID: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "provisioning-progressed": ("is being built: {step} {state} ({position} of {total})", "warn"),
        "instance-ready": ("served", "good"),
        "grid-resumed": ("served", "good"),
        "instance-recovered": ("served", "good"),
        "provisioning-failed": ("could not be built: {code} at {step}", "bad"),
        "grid-suspended": ("stopped; wanted by: {reason}", "warn"),
        "instance-lost": ("its host was lost ({code}); another is being prepared", "bad"),
        "grid-deleted": ("deleted", "bad"),
    }
)
_DATES: Mapping[str, str] = MappingProxyType(
    {
        "period_end": "the next period is billed",
        "next_attempt_at": "the payment is tried again",
        "suspends_at": "the service stops unless it is paid",
        "ends_at": "the service ends, as it was cancelled",
        "delete_after": "what is stored is deleted",
        "delete_at": "what is stored is deleted",
        "expires_at": "an invite expires",
    }
)


class Line(msgspec.Struct, frozen=True):
    """One thing that is true now; ``tone`` is "good", "warn", "bad" or nothing."""

    label: str
    words: str
    tone: str = ""


class Letter(msgspec.Struct, frozen=True):
    """A letter and what became of it."""

    letter_id: str
    kind: str
    at: datetime
    fate: str
    tone: str = ""


def lines(events: Sequence[Told], now: datetime) -> list[Line]:
    """The account in a few lines, from the newest event of each kind about each thing."""
    found = [*_money(events), *_grid(events), *_usage(events), *_invites(events)]
    return [*found, _next(events, now)]


def letters(events: Iterable[Told]) -> list[Letter]:
    """Every letter, newest first, with the worst that became of it."""
    fates: dict[str, Letter] = {}
    for told in sorted((told for told in events if told.service == "notifier"), key=lambda told: told.at):
        known = fates.get(told.facts["letter_id"])
        match told.kind:
            case "letter-bounced":
                fate, tone = f"refused for good ({told.facts.get('code')})", "bad"
            case "letter-complained":
                fate, tone = "called spam by who got it", "bad"
            case _:
                fate, tone = "taken over by the mail server", "good"
        if known and known.tone == "bad" and tone == "good":
            fate, tone = known.fate, known.tone
        letter_id = told.facts["letter_id"]
        fates[letter_id] = Letter(letter_id, str(told.facts.get("kind")), known.at if known else told.at, fate, tone)
    return sorted(fates.values(), key=lambda letter: (letter.at, letter.letter_id), reverse=True)


def grids(events: Iterable[Told]) -> list[str]:
    """The grids that have not been deleted, the newest first."""
    of_grids = [told for told in events if told.service == "provisioner" and "grid_id" in told.facts]
    gone = {told.facts["grid_id"] for told in of_grids if told.kind == "grid-deleted"}
    newest = sorted(of_grids, key=lambda told: told.at, reverse=True)
    return [grid for grid in dict.fromkeys(told.facts["grid_id"] for told in newest) if grid not in gone]


def _money(events: Sequence[Told]) -> Iterator[Line]:
    of_billing = sorted(
        (told for told in events if told.service == "billing"),
        key=lambda told: (told.facts.get("revision", 0), told.at),
    )
    if not of_billing:
        yield Line("Paid", "nothing is known of a payment", "warn")
        return
    subscription = max(of_billing, key=lambda told: told.at).facts.get("subscription_id")
    line, plan, is_disputed = Line("Paid", "nothing is known of a payment", "warn"), "", False
    for told in of_billing:
        if told.facts.get("subscription_id") == subscription:
            line = _paid(told) or line
            plan = told.facts.get("plan", plan)
            is_disputed = {"dispute-opened": True, "dispute-closed": False}.get(told.kind, is_disputed)
    yield line
    if plan:
        yield Line("Plan", plan)
    if is_disputed:
        yield Line("Disputed", "a payment is contested: nothing may be deleted", "bad")


def _paid(told: Told) -> Line | None:
    facts = shown(told.facts)
    if told.kind in {"signup-paid", "subscription-renewed"}:
        trial, until = facts.get("trial_end", "none"), facts.get("period_end", "none")
        words = f"on trial until {trial}" if trial != "none" else f"yes, until {until}" if until != "none" else "yes"
        return Line("Paid", words, "good")
    return _line("Paid", _PAID, told)


def _line(label: str, table: Mapping[str, tuple[str, str]], told: Told) -> Line | None:
    found = table.get(told.kind)
    return Line(label, filled(found[0], told.facts), found[1]) if found else None


def _grid(events: Sequence[Told]) -> Iterator[Line]:
    of_all = sorted((told for told in events if told.service == "provisioner"), key=lambda told: told.at)
    newest = next((told.facts.get("grid_id") for told in reversed(of_all)), None)
    of_grid = [told for told in of_all if told.facts.get("grid_id") == newest]
    line = Line("Grid", "nothing is known of a grid")
    # What was deleted stays so, whatever a late proof says.
    for told in sorted(of_grid, key=lambda told: told.kind == "grid-deleted"):
        line = _line("Grid", _GRID, told) or line
    yield line
    proofs = [at for told in of_grid if told.kind in _PROOFS and (at := moment_of(told.facts.get("proved_at")))]
    yield Line("Last proof", moment(max(proofs)) if proofs else "not proved by a client yet")


def _usage(events: Sequence[Told]) -> Iterator[Line]:
    measured = [told for told in events if told.kind == "usage-measured"]
    if measured:
        facts = max(measured, key=lambda told: told.at).facts
        stored, quota = facts.get("stored_bytes") or 0, facts.get("quota_bytes")
        words = f"{fact('stored_bytes', stored)} of {fact('quota_bytes', quota) if quota else 'no limit'}"
        yield Line("Usage", words, "warn" if quota and stored >= quota else "")


def _invites(events: Sequence[Told]) -> Iterator[Line]:
    of_invites = sorted((told for told in events if told.service == "invites"), key=lambda told: told.at)
    newest: dict[str, Told] = {}
    for told in of_invites:
        known = newest.get(told.facts["invite_id"])
        newest[told.facts["invite_id"]] = told if known is None or told.kind != "invite-opened" else known
    counted = [told.facts.get("outcome", told.kind.removeprefix("invite-")) for told in newest.values()]
    if counted:
        yield Line("Invites", ", ".join(f"{counted.count(each)} {each}" for each in dict.fromkeys(counted)))


def _next(events: Sequence[Told], now: datetime) -> Line:
    dates = [(at, words) for at, words in _dates(events) if at > now]
    at, words = min(dates) if dates else (None, "nothing is due that events tell of")
    return Line("Next date", f"{moment(at)}: {words}" if at else words)


def _dates(events: Sequence[Told]) -> Iterator[tuple[datetime, str]]:
    """Every date that an event names and no other event has made void."""
    ended = {told.facts.get("subscription_id") for told in events if told.kind == "subscription-ended"}
    is_gone = any(told.kind == "grid-deleted" for told in events)
    over = {told.facts.get("invite_id") for told in events if told.kind in {"invite-claimed", "invite-ended"}}
    paid_at = max((told.at for told in events if told.kind in _SETTLED), default=None)
    for told in events:
        is_of_ended = told.service == "billing" and told.facts.get("subscription_id") in ended
        is_settled = told.kind == "payment-failed" and paid_at is not None and told.at < paid_at
        for name, words in _DATES.items():
            at = moment_of(told.facts.get(name))
            is_deletion = name in {"delete_after", "delete_at"}
            is_over = is_of_ended or is_settled or told.facts.get("invite_id", "") in over
            is_void = is_gone if is_deletion else is_over
            if at and not is_void:
                yield at, words
