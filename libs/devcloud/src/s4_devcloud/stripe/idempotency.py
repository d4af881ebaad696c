"""Answers kept by idempotency key for a day, whatever the outcome was once work began."""

from dataclasses import dataclass

from s4_devcloud.stripe.clock import Clock
from s4_devcloud.stripe.problems import Problem
from s4_devcloud.stripe.wire import Wire

_KEPT_SECONDS = 24 * 3600
_LONGEST_KEY = 255


@dataclass(frozen=True)
class Answer:
    """A finished answer, as first given."""

    status: int
    body: Wire
    request_id: str


@dataclass
class _Entry:
    fingerprint: str
    began_at: int
    answer: Answer | None = None


class Keys:
    """The idempotency keys seen within the last day of the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    def begin(self, key: str, fingerprint: str) -> Answer | None:
        """The stored answer to replay, or None when this request is now the one that works under the key.

        Raises Problem: 400 when the key was used for something else, 409 while its first use is under way.
        """
        if len(key) > _LONGEST_KEY:
            raise Problem(400, f"Idempotency keys can have up to {_LONGEST_KEY} characters.", kind="idempotency_error")
        entry = self._entries.get(key)
        if entry is None or entry.began_at + _KEPT_SECONDS <= self._clock.now():
            self._entries[key] = _Entry(fingerprint, self._clock.now())
            return None
        if entry.fingerprint != fingerprint:
            raise Problem(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        if entry.answer is None:
            raise Problem(
                409,
                f"There is currently another in-progress request using this Idempotency Key: {key}.",
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        return entry.answer

    def keep(self, key: str, answer: Answer) -> None:
        """Store the outcome of the request that `begin` admitted."""
        self._entries[key].answer = answer

    def end(self, key: str) -> None:
        """Forget the key if no outcome was kept: the request was refused before any work, or cut off."""
        entry = self._entries.get(key)
        if entry is not None and entry.answer is None:
            del self._entries[key]

    def clear(self) -> None:
        """Forget all keys."""
        self._entries.clear()
