"""Names for JSON as it travels, and the identifiers in it."""

import secrets
from typing import Any, TypeAlias

import stripe

Wire: TypeAlias = dict[str, Any]
"""One object as Stripe writes it: references are identifiers until a caller asks to expand them."""

API_VERSION: str = stripe.api_version
"""The version that the installed SDK pins; the only one this server speaks."""

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def new_id(prefix: str, length: int = 24) -> str:
    """A fresh identifier such as cus_4sD…; never a guessable one, because a session's names its page."""
    return prefix + "_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))


def reference(value: Any) -> str | None:
    """The identifier in a field that may hold an identifier, an expanded object or nothing."""
    if isinstance(value, dict):
        return str(value["id"])
    return None if value is None else str(value)
