"""How it stands, in words. Pure. Nothing is said that few numbers would tell of one customer, or that nobody knows."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal

import msgspec

from s4_web.service.facts import Facts
from s4_web.words import duration

State = Literal["well", "trouble", "down", "unknown"]
Shop = Literal["open", "closed", "silent"]

NAMES: Mapping[str, str] = {
    "payment": "Signing up and paying",
    "making": "Making of grids",
    "grids": "Running grids",
    "letters": "Letters",
}
_FEWEST = 5  # grids whose median is told, letters whose share is
_ROUNDING = 0.995  # of all questions answered: the rest is a restart of ours


class Part(msgspec.Struct, frozen=True):
    """One part of the service, now."""

    state: State
    words: str


class Day(msgspec.Struct, frozen=True):
    """One part of the service on one day."""

    day: date
    state: State


def parts(known: Facts | None, shop: Shop) -> dict[str, Part]:
    """Every part, now. Without facts only what was just tried is known."""
    silent = Part("unknown", "We cannot tell at the moment: the site cannot reach its own records.")
    if known is None:
        return {"payment": payment(shop), "making": silent, "grids": silent, "letters": silent}
    return {"payment": payment(shop), "making": making(known), "grids": grids(known), "letters": letters(known)}


def payment(shop: Shop) -> Part:
    """Whether anybody can buy."""
    if shop == "silent":
        return Part("down", "Payments are not available right now, nor are changes of a plan. Grids are not affected.")
    if shop == "closed":
        return Part("trouble", "Signups are closed for the moment.")
    return Part("well", "Payments can be made.")


def making(known: Facts) -> Part:
    """Whether a grid can be had, and soon."""
    if not known.pools:
        return Part("unknown", "We have not heard lately whether grids can be made.")
    plans = frozenset[str]().union(*(plans for plans, _ in known.pools))
    built = frozenset[str]().union(*(plans for plans, can_build in known.pools if can_build))
    if not any(can_build for _, can_build in known.pools):
        return Part("down", "No more grids can be made at the moment. None is sold that cannot be made.")
    if known.late:
        return Part("trouble", "Grids are being made, but some take longer than usual.")
    if plans - built:
        return Part("trouble", "Grids are being made, but of some plans no more are to be had at the moment.")
    return Part("well", "Grids are being made.")


def usual(known: Facts | None) -> float | None:
    """Within how many seconds of the payment half of the week's grids were ready, if there were enough to tell."""
    return known.median if known is not None and known.made >= _FEWEST else None


def usual_words(known: Facts | None) -> str:
    """The same in words."""
    seconds = usual(known)
    if seconds is None:
        return "Too few grids were made in the last 7 days to name a usual time."
    return f"Of the grids of the last 7 days, half were ready within {duration(seconds)} of the payment."


def grids(known: Facts) -> Part:
    """Whether grids can be reached."""
    if known.away:
        share = known.away / known.running
        if share >= 0.5 and known.away >= _FEWEST:
            return Part("down", "Most grids cannot be reached. What is stored in them is safe.")
        some = "A few" if share < 0.05 else "Some"
        return Part("trouble", f"{some} grids are away, and are being started on other machines.")
    if not known.lately("proved") + known.lately("made"):
        return Part("unknown", "We have not heard of the grids lately.")
    return Part("well", "No grid is known to be away.")


def letters(known: Facts) -> Part:
    """Whether letters arrive."""
    sent, bounced = known.lately("sent"), known.lately("bounced")
    if sent + bounced < _FEWEST:
        return Part("unknown", "Too few letters left in the last two days to tell.")
    state = _letters(sent, bounced)
    if not bounced:
        return Part(state, "Letters leave, and none came back in the last two days.")
    share = bounced / (sent + bounced)
    told = f"{share:.0%}" if share >= 0.01 else "fewer than 1 %"
    return Part(
        state, f"Letters leave. Of those of the last two days, {told.replace('%', ' %').replace('  ', ' ')} came back."
    )


def history(known: Facts | None, days: list[date]) -> dict[str, list[Day]]:
    """Every part on every day."""
    judged: Mapping[str, Callable[[Facts, date], State]] = {
        "payment": _payment_on,
        "making": _making_on,
        "grids": _grids_on,
        "letters": _letters_on,
    }
    return {
        name: [Day(day, "unknown" if known is None else judge(known, day)) for day in days]
        for name, judge in judged.items()
    }


def _payment_on(known: Facts, day: date) -> State:
    asked, answered = known.on(day, "asked"), known.on(day, "answered")
    if not asked:
        return "unknown"
    return "well" if answered >= asked * _ROUNDING else "trouble" if answered >= asked * 0.9 else "down"


def _making_on(known: Facts, day: date) -> State:
    made, given_up = known.on(day, "made"), known.on(day, "given-up")
    if not made:
        return "down" if given_up else "unknown"
    return "trouble" if given_up else "well"


def _grids_on(known: Facts, day: date) -> State:
    if known.on(day, "lost") or known.on(day, "away") or (known.away and day == known.today):
        return "trouble"
    return "well" if known.on(day, "proved") + known.on(day, "made") else "unknown"


def _letters_on(known: Facts, day: date) -> State:
    sent, bounced = known.on(day, "sent"), known.on(day, "bounced")
    return _letters(sent, bounced) if sent + bounced >= _FEWEST else "unknown"


def _letters(sent: float, bounced: float) -> State:
    share = bounced / (sent + bounced)
    return "well" if share < 0.1 else "trouble" if share < 0.5 else "down"
