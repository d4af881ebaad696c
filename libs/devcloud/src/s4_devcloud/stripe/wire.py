"""Names for JSON as it travels, and the identifiers in it."""

import secrets
from typing import Any, TypeAlias, TypeVar, cast

import stripe

Wire: TypeAlias = dict[str, Any]
"""One object as Stripe writes it: references are identifiers until a caller asks to expand them."""

API_VERSION: str = stripe.api_version
"""The version that the installed SDK pins; the only one this server speaks."""

_Json = TypeVar("_Json")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def new_id(prefix: str, length: int = 24) -> str:
    """A fresh identifier such as cus_4sD…; never a guessable one, because a session's names its page."""
    return prefix + "_" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in secrets.token_bytes(length))


def copied(value: _Json) -> _Json:
    """A deep copy of JSON, some times faster than copy.deepcopy, which must allow for more."""
    return cast("_Json", _copy(value))


def _copy(value: Any) -> Any:
    # Most of what this server computes is copies, and most of what is copied is text and numbers.
    if value.__class__ is dict:
        made = value.copy()
        for name, inner in value.items():
            if inner.__class__ is dict or inner.__class__ is list:
                made[name] = _copy(inner)
        return made
    return [_copy(inner) for inner in value] if value.__class__ is list else value


def reference(value: Any) -> str | None:
    """The identifier in a field that may hold an identifier, an expanded object or nothing."""
    if isinstance(value, dict):
        return str(value["id"])
    return None if value is None else str(value)
