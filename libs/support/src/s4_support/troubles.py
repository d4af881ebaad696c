"""What the page refuses, with which status and in which words."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from s4_runtime import Permanent


class Refused(Permanent):
    """The page will not do it; the code says why."""


class Words(msgspec.Struct, frozen=True):
    """An error page."""

    status: int
    title: str
    text: str


WORDS: Mapping[str, Words] = MappingProxyType(
    {
        "bad-request": Words(400, "That could not be read", "The request was not in a form that this page sends."),
        "form-not-ours": Words(
            403, "That form is too old", "It was not sent from this page in this browser. Nothing was done; go back."
        ),
        "not-found": Words(404, "There is no such page", "The address may be mistyped."),
        "no-such-account": Words(404, "No such account", "No event that is on record names this account."),
        "not-of-account": Words(404, "Not this account's", "No event says that this belongs to the account."),
        "method-not-allowed": Words(405, "That cannot be done here", "This page does not take that kind of request."),
        "grid-deleted": Words(409, "The grid is deleted", "There is no furl any more, so there is no link to send."),
        "form-used": Words(409, "That form was used", "It was sent before, for something else. Nothing was done."),
        "request-entity-too-large": Words(413, "That was too much", "The form was too large. Nothing was done."),
        "reason-missing": Words(
            422, "A reason is needed", "Say in 3 to 500 characters why; it stays on record. Go back and fill it in."
        ),
        "too-many-tries": Words(
            429, "Too many wrong tokens", "From this address nobody can sign in for a while. Try again in an hour."
        ),
        "too-many-deeds": Words(
            429, "That was a lot", "So much was not meant to be done in an hour. Nothing was done; try again later."
        ),
        "internal-error": Words(500, "Something went wrong", "It is in the log. Nothing was done, or all of it."),
        "unavailable": Words(503, "Not now", "The database does not answer. Try again in a moment."),
    }
)
