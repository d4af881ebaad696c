"""Which ids and addresses an event names."""

from collections.abc import Iterator

import msgspec

from s4_contracts import Event
from s4_contracts.billing import SignupPaid
from s4_contracts.web import EmailChanged, EmailChangeRequested
from s4_runtime import is_id

# Field -> what it is the id of. A test keeps this complete.
KINDS = {
    "account_id": "account",
    "signup_id": "signup",
    "subscription_id": "subscription",
    "grid_id": "grid",
    "host_id": "host",
    "letter_id": "letter",
    "request_id": "request",
    "refund_id": "refund",
    "invite_id": "invite",
}
HOST = "host"  # the one thing that several accounts may share: never a way from one to another


class Address(msgspec.Struct, frozen=True):
    """An address for mail, and whether it is the account's ("own") or was only asked for ("wanted")."""

    kind: str
    email: str


def accounts_of(event: Event) -> list[str]:
    """The accounts that the event is about."""
    found = [getattr(event, "account_id", ""), *getattr(event, "accounts", [])]
    return [account for account in dict.fromkeys(found) if is_id(account)]


def ids_of(event: Event) -> list[tuple[str, str]]:
    """Kind and id of all that the event names, each once."""
    return list(dict.fromkeys(_ids(event)))


def _ids(event: Event) -> Iterator[tuple[str, str]]:
    for account in accounts_of(event):
        yield "account", account
    for field, kind in KINDS.items():
        found = getattr(event, field, None)
        if isinstance(found, str) and is_id(found):
            yield kind, found


def address_of(event: Event) -> Address | None:
    """The address that the event tells."""
    match event:
        case SignupPaid() | EmailChanged():
            return Address("own", event.email)
        case EmailChangeRequested():
            return Address("wanted", event.email)
        case _:
            return None


def folded(email: str) -> str:
    """The address as it is compared: without regard to case."""
    return email.strip().casefold()
