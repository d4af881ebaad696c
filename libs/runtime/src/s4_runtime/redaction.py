"""What must not be read in a log, found by its form."""

import re
from collections.abc import Mapping

from s4_runtime.secret import Secret

_GONE = "[redacted]"
# Foolscap furls and Tahoe NURLs, Tahoe capabilities, Stripe keys and client secrets, AWS access key ids, JWTs,
# PEM blocks, Authorization values, passwords in URLs, addresses at Stripe that let their bearer pay or change cards,
# tokens of links, what opens objects at AWS, invite codes, e-mail addresses, runs of 13-19 digits (ISO/IEC 7812-1).
_FORMS = re.compile(
    r"pb://\S+"
    r"|URI:[A-Za-z0-9-]+:\S+"
    r"|\b(?:sk|rk|whsec|pk)_(?:test_|live_)?[A-Za-z0-9]{8,}"
    r"|\bcs_(?:test|live)_\w+_secret_\w+"
    r"|\bAKIA[0-9A-Z]{16}\b|\bASIA[0-9A-Z]{16}\b"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|-----BEGIN [A-Z ]+-----[\s\S]*?(?:-----END [A-Z ]+-----|$)"
    r"|(?i:bearer|basic)\s+[\w.~+/=-]{8,}"
    r"|(?<=://)[^\s/:@]*:[^\s/@]+(?=@)"
    r"|/(?:p/session|c/pay|invoice|i)/[^\s\"'<>]+"
    r"|(?<=[?&]token=)[\w.~-]+"
    r"|(?<=[?&]X-Amz-Signature=)\w+|(?<=[?&]X-Amz-Security-Token=)[^\s&\"']+"
    r"|\b\d{9}-[a-z]+-[a-z]+\b"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])"
)
# What most values are: a word, a UUID, a time. None has room for a secret's form, and they need no search.
_PLAIN = re.compile(
    r"[a-z][a-z.-]{0,63}(?:v\d{1,3})?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]{8,15}Z"
)
_NAMES = re.compile(r"furl|secret|password|token|authorization|cookie|private|card|seal_key", re.IGNORECASE)


def redact_text(text: str) -> str:
    """The text with everything of a secret's form taken out."""
    return text if _PLAIN.fullmatch(text) else _FORMS.sub(_GONE, text)


def redact(value: object, name: str = "") -> object:
    """The value, fit for a log: secrets by name or by form are taken out, at any depth."""
    if isinstance(value, Secret) or (name and _NAMES.search(name) and value):
        return _GONE
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {str(key): redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_text(str(value))
