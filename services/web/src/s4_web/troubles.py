"""Everything that can be refused, and the one table of what a person is then told."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from s4_runtime import Permanent, Temporary


class BadRequest(Permanent):
    """The request cannot be read."""


class Forbidden(Permanent):
    """The request may not be made from there, or by this browser."""


class NotThere(Permanent):
    """There is nothing here, or nothing for this browser."""


class Conflict(Permanent):
    """The request was right once, but what it is about has moved on."""


class Gone(Permanent):
    """It was there, and is used up."""


class Unsupported(Permanent):
    """The body is in a form that no page of ours sends."""


class Refused(Permanent):
    """What was asked for is not to be had: the plan or the address is not right."""


class Closed(Temporary):
    """Signups are switched off."""


class TooMany(Permanent):
    """The limit for this address is used up for now."""


STATUSES: Mapping[type[Exception], int] = MappingProxyType(
    {
        BadRequest: 400,
        Forbidden: 403,
        NotThere: 404,
        Conflict: 409,
        Gone: 410,
        Unsupported: 415,
        Refused: 422,
        TooMany: 429,
        Temporary: 503,
        Permanent: 500,
    }
)


class Words(msgspec.Struct, frozen=True):
    """What an error page says, and where its one link leads (None: the page itself, again)."""

    title: str
    text: str
    link: str = "Go to the home page"
    href: str | None = "/"


_AGAIN = "Try again"
_UNKNOWN = Words(
    "Something went wrong on our side",
    "Nothing was charged by this page, and nothing that you have was changed. Please try again in a minute.",
    _AGAIN,
    None,
)
_PAGES: Mapping[str, Words] = MappingProxyType(
    {
        "bad-request": Words("We could not read that", "The request was not in a form that we understand."),
        "not-found": Words("There is no such page", "The address may be mistyped, or the page has moved."),
        "method-not-allowed": Words("That cannot be done here", "This page does not take that kind of request."),
        "request-entity-too-large": Words(
            "That was too much", "The form was larger than 64 KiB. Nothing was saved. Please send a shorter one."
        ),
        "unsupported-form": Words("We could not read that form", "Please use the form on our page."),
        "form-not-ours": Words(
            "Please open the form again",
            "The form had grown too old, or it did not come from our page. Nothing was saved and nothing was charged. "
            "If it happens again, allow cookies for this site.",
            "Open the signup page",
            "/signup",
        ),
        "no-signup": Words(
            "No signup is open in this browser",
            "If you have paid already, all goes on without this page: a letter with your link comes by e-mail. "
            "If you have not, nothing was charged.",
            "See the plans",
            "/plans",
        ),
        "billing-unavailable": Words(
            "Payments are not available right now",
            "We cannot reach our payment service. Nothing was charged. Please try again in a minute.",
            _AGAIN,
            None,
        ),
        "signups-closed": Words(
            "Signups are closed for now", "We take no new signups at the moment. Nothing was charged."
        ),
        "provisioner-unavailable": Words(
            "Your key cannot be fetched right now",
            "The part of S4 that guards it does not answer. Your link is still good: please try again in a minute.",
            _AGAIN,
            None,
        ),
        "database-unavailable": Words(
            "We are not quite here right now",
            "Our database does not answer. Nothing was charged or lost. Please try again in a minute.",
            _AGAIN,
            None,
        ),
        "too-many-signups": Words(
            "Too many signups from here",
            "There were many signups from your address or for your e-mail address. Nothing was charged. "
            "Please try again in an hour.",
            "Back to your signup",
            "/signup",
        ),
        "too-many-letters": Words(
            "That was a lot of letters",
            "We have sent several links in the last hour. Please look into your spam folder, and try again later.",
            "Back to your status page",
            "/status",
        ),
        "too-many-payments": Words(
            "One moment, please",
            "The payment page was asked for too often. Nothing was charged. Please try again in a minute.",
            "Back to the payment page",
            "/pay",
        ),
        "claim-link-bad": Words(
            "This link is not one of ours",
            "It may have been cut in two by your mail program. Please copy the whole link from the letter.",
        ),
        "claim-link-foreign": Words(
            "This link belongs to another account",
            "A different account is open in this browser. Nothing was used up. If the link is yours, open it in "
            "another browser or in a private window; if somebody gave it to you, do not use it.",
            "Back to your own grid",
            "/status",
        ),
        "unknown-plan": Words(
            "This plan is not sold any more", "Nothing was charged. Please choose another.", "See the plans", "/plans"
        ),
        "bad-email": Words(
            "This e-mail address was refused",
            "Our payment service does not take it. Nothing was charged. Please use another.",
            "Back to your signup",
            "/signup",
        ),
        "no-such-grid": Words(
            "There is no such grid", "The grid of this link is not there any more. Your letter is still good to keep."
        ),
    }
)


def words_for(code: str) -> Words:
    """The words for a code; those of a fault of our own when the code has none."""
    return _PAGES.get(code, _UNKNOWN)
