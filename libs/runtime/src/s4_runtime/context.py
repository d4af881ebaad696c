"""Who caused what: correlation, causation and trace ids, carried from the first request to the last letter."""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from s4_runtime.ids import new_id

CORRELATION_HEADER = "X-Correlation-Id"
_SAFE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
# W3C Trace Context, section 3.2: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Cause(msgspec.Struct, frozen=True):
    """Ids of the whole story, of the message that led here, and of the trace (W3C Trace Context)."""

    correlation_id: str
    causation_id: str | None
    traceparent: str


_CAUSE: ContextVar[Cause | None] = ContextVar("s4_cause", default=None)


def _new_traceparent() -> str:
    """A trace that nobody has begun yet: its parent is its own beginning."""
    trace = secrets.token_hex(16)
    return f"00-{trace}-{trace[:16]}-01"


def is_fresh(traceparent: str) -> bool:
    """Whether no span was made under it."""
    _, trace, parent, _ = traceparent.split("-")
    return trace[:16] == parent


def fresh() -> Cause:
    """The beginning of a new story."""
    return Cause(new_id(), None, _new_traceparent())


def current() -> Cause:
    """The cause that is bound here, or a fresh one."""
    return _CAUSE.get() or fresh()


@contextmanager
def bound(cause: Cause) -> Iterator[Cause]:
    """Everything inside, tasks started there included, happens because of ``cause``."""
    token = _CAUSE.set(cause)
    try:
        yield cause
    finally:
        _CAUSE.reset(token)


def continued(traceparent: str | None) -> Cause:
    """The story that is bound here, or a new one, as a part of the trace that was kept for it, if there is one."""
    cause = current()
    return msgspec.structs.replace(cause, traceparent=traceparent) if traceparent else cause


def fields() -> dict[str, str]:
    """The bound ids as log fields; empty when nothing is bound."""
    cause = _CAUSE.get()
    if cause is None:
        return {}
    found = {"correlation_id": cause.correlation_id}
    return found | ({"causation_id": cause.causation_id} if cause.causation_id else {})


def to_headers(cause: Cause) -> dict[str, str]:
    """HTTP headers that carry the cause to another service."""
    return {CORRELATION_HEADER: cause.correlation_id, "traceparent": cause.traceparent}


def from_headers(headers: Mapping[str, str], causation_id: str | None = None) -> Cause:
    """The cause that the headers carry. A value that is not of the right form is replaced, not trusted."""
    correlation = headers.get(CORRELATION_HEADER, "")
    trace = headers.get("traceparent", "")
    return Cause(
        correlation if _SAFE.fullmatch(correlation) else new_id(),
        causation_id,
        trace if _TRACEPARENT.fullmatch(trace) else _new_traceparent(),
    )
