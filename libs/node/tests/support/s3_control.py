"""The control port of the S3 double, from a test's side."""

import json
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote, urlsplit

from doubles.s3.faults import Fault
from doubles.s3.ledger import Line, Sum


class S3Control:
    """Orders faults and delays, and tells what was asked of S3.

    Operations have S3's names (GetObject, PutObject, UploadPart, ...), "*" is all of them.
    """

    def __init__(self, address: str) -> None:
        self._at = urlsplit(address).netloc

    def _ask(self, method: str, path: str, **fields: object) -> Any:
        connection = HTTPConnection(self._at, timeout=30)
        try:
            connection.request(method, path, json.dumps(fields) if method == "POST" else None)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(method, path, fields, answer.status)
        return json.loads(body)

    def fail(self, kind: str, operation: str = "*", *, times: int | None = 1, **more: object) -> None:
        """Let the next `times` requests (None: all) have this fault; kinds and fields: doubles/s3/faults.py."""
        self._ask("POST", "/faults", kind=kind, operation=operation, times=times, **more)

    def faults(self) -> list[Fault]:
        return [Fault(**one) for one in self._ask("GET", "/faults")]

    def clear_faults(self) -> None:
        """Heal it, and let go of what hangs or is held."""
        self._ask("DELETE", "/faults")

    def release(self) -> None:
        """Let go of what is held now; faults that are ordered stay."""
        self._ask("POST", "/release")

    def latency(self, milliseconds: float, operation: str = "*") -> None:
        """Each request waits so long before it is begun, and delays no other."""
        self._ask("POST", "/manners", latency_ms={operation: milliseconds})

    def behave(self, **manners: object) -> None:
        """Fields of doubles/s3/manners.py (ignores_conditions, keeps_metadata, ...), and clock_offset_seconds."""
        self._ask("POST", "/manners", **manners)

    def credential(self, access_key: str, secret_key: str, *, session_token: str = "", state: str = "valid") -> None:
        """Know a key from now on; its state is valid, expired or revoked."""
        fields = {"secret_key": secret_key, "session_token": session_token, "state": state}
        self._ask("POST", "/credentials", access_key=access_key, **fields)

    def sums(self) -> dict[str, Sum]:
        """By operation, and "*" for all: requests, errors, bytes received and sent, how many at once."""
        return {name: Sum(**one) for name, one in self._ask("GET", "/counters").items()}

    def counts(self) -> Counter[str]:
        """How many requests of each operation."""
        return Counter({name: one.requests for name, one in self.sums().items() if name != "*" and one.requests})

    def log(self, operation: str = "") -> list[Line]:
        """Each request, oldest first."""
        return [Line(**one) for one in self._ask("GET", f"/log?operation={operation}")]

    def clear_counts(self) -> None:
        self._ask("DELETE", "/counters")

    def objects(self, bucket: str) -> dict[str, int]:
        """All keys with their sizes, seen from inside: it is no request to S3."""
        found: dict[str, int] = self._ask("GET", f"/objects/{quote(bucket)}")
        return found

    def until(self, claim: Callable[[dict[str, Sum]], bool], seconds: float = 20) -> dict[str, Sum]:
        """Wait until the sums are as claimed."""
        deadline = monotonic() + seconds
        while not claim(sums := self.sums()):
            if monotonic() > deadline:
                raise TimeoutError(sums)
            sleep(0.01)
        return sums

    def reset(self) -> None:
        """As S3 is: no faults, no delays, only the first credential; counters at zero. Buckets stay."""
        self._ask("POST", "/reset")
