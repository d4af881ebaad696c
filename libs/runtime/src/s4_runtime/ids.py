"""New ids, and ids that follow from others."""

import uuid

import uuid_utils

# The namespace of ids that S4 derives; made once, at random, and never changed.
_NAMESPACE = uuid.UUID("b1c1f2ac-3f0c-4c39-9d8c-6a3f7a2d5e41")


def new_id() -> str:
    """A new UUIDv7 (RFC 9562, section 5.7): ids sort by the time they were made."""
    return str(uuid_utils.uuid7())


def derived_id(*parts: str) -> str:
    """The UUIDv5 (RFC 9562, section 5.5) of the parts: the same parts give the same id, in order."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def is_id(text: str) -> bool:
    """Whether the text is a UUID in its usual form, lower case with hyphens."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
