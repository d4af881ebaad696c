"""The kinds of letters: which of them people can do without, and which belong to one conversation."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s4_notifier.store import Letter

# Letters that nobody is harmed without: they say how to leave them off, and are not sent to who did.
OPTIONAL = frozenset({"reminder", "checklist-1", "checklist-7"})
# Who asks for one of these again and again gets so many a day.
A_DAY = 20
ASKED_FOR = frozenset({"sign-in", "invite", "email-old", "email-new"})

_MATTERS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("welcome", "invite", "reminder", "checklist-1", "checklist-7"), "grid")
    | dict.fromkeys(("payment-failed", "payment-recovered", "suspended", "paused", "resumed"), "standing")
    | dict.fromkeys(("cancellation-scheduled", "cancellation-reverted", "ended", "refund"), "leaving")
    | dict.fromkeys(("deletion-scheduled", "deletion-undone", "deleted"), "leaving")
    | dict.fromkeys(("lost", "recovered"), "outage")
    | {"email-old": "email-old", "email-new": "email-new"}
)
_OPENING = frozenset({"welcome", "paused", "cancellation-scheduled", "lost", "email-old", "email-new"})


def matter_of(letter: "Letter") -> tuple[str | None, bool]:
    """The conversation that the letter is part of, if any, and whether it opens one."""
    name, about = _name(letter), letter.facts.get("request") or letter.signup_id
    return (None, False) if name is None or about is None else (f"{name}:{about}", _opens(letter))


def _name(letter: "Letter") -> str | None:
    """What the letter is about, of one subscription or one request."""
    match letter.kind, letter.facts.get("reason"):
        case "email-changed", _:
            return f"email-{letter.facts['side']}"
        case "ended", "unpaid":
            return "standing"
        case "refund", ("goodwill" | "other"):
            return None
        case kind, _:
            return _MATTERS.get(kind)


def _opens(letter: "Letter") -> bool:
    """The first failure of a payment opens a matter, a stop that no failure led to, an end that nobody announced."""
    match letter.kind, letter.facts.get("reason"):
        case "payment-failed", _:
            return letter.facts.get("attempt") == 1
        case ("suspended", ("disputed" | "paused")) | ("ended", ("disputed" | "not-provided" | "duplicate" | "other")):
            return True
        case kind, _:
            return kind in _OPENING
