"""ClientToken of RunInstances: the same request again gets the same answer, another one is refused."""

import hashlib
from typing import Any

from moto.ec2.exceptions import EC2ClientError

MISSING = "ABCDE"  # what moto puts where a request carries no token


class IdempotentParameterMismatch(EC2ClientError):
    """The token was used before with other parameters."""

    def __init__(self, token: str) -> None:
        super().__init__(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)"
            f" with client token {token}.",
        )


class ClientTokens:
    """The reservations that tokens got, each with the hash of its request. The caller holds a lock."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, str], tuple[str, Any]] = {}

    def answer(self, place: tuple[str, str], token: str, request: str) -> Any:
        """What this request was answered before, or None. Raises IdempotentParameterMismatch."""
        before, reservation = self._answers.get((*place, token), (request, None))
        if before != request:
            raise IdempotentParameterMismatch(token)
        return reservation

    def remember(self, place: tuple[str, str], token: str, request: str, reservation: Any) -> None:
        """Later requests with this token get this reservation."""
        self._answers[*place, token] = (request, reservation)

    def knows(self, token: str) -> bool:
        """Some request with this token has been answered."""
        return any(known == token for *_, known in list(self._answers))

    def clear(self) -> None:
        """No token was ever used."""
        self._answers.clear()


def fingerprint(*parts: Any) -> str:
    """The same for the same parameters, in whatever order the named ones came."""
    return hashlib.sha256(repr([_ordered(part) for part in parts]).encode()).hexdigest()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((str(key), _ordered(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return str(value)
