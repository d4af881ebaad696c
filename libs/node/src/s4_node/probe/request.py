"""What a probe is asked for, and what it answers."""

import json
import re
from dataclasses import dataclass
from typing import Literal

FURL = re.compile(r"pb://[a-z2-7]{32}@[-A-Za-z0-9.:,]+/[a-z2-7]+")
LONGEST_TIMEOUT_SECONDS = 600.0

Code = Literal[
    "introducer-unreachable", "no-storage-server", "put-failed", "get-failed", "mismatch", "timeout", "bad-request"
]


class BadRequest(ValueError):
    """The request cannot be understood; says which field is wrong, never what was in it."""


class Failed(Exception):
    """The grid did not do what a grid does."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.code: Code = code


@dataclass(frozen=True)
class Request:
    """Prove the grid of this furl, with that many shares of each file, within that many seconds in all."""

    furl: str
    shares: int
    timeout_seconds: float


def parse(body: bytes) -> Request:
    """The request in a JSON object {"furl", "shares": 1, "timeout_seconds": 60}; raises BadRequest."""
    try:
        fields = json.loads(body)
    except ValueError:
        raise BadRequest("the request is not JSON") from None
    if not isinstance(fields, dict) or not fields.keys() <= {"furl", "shares", "timeout_seconds"}:
        raise BadRequest("the request has unknown fields")
    furl, shares, timeout = fields.get("furl"), fields.get("shares", 1), fields.get("timeout_seconds", 60)
    if not isinstance(furl, str) or not FURL.fullmatch(furl):
        raise BadRequest("furl is not a furl")
    if type(shares) is not int or not 1 <= shares <= 255:
        raise BadRequest("shares is not a number from 1 to 255")
    if type(timeout) not in {int, float} or not 0 < timeout <= LONGEST_TIMEOUT_SECONDS:
        raise BadRequest("timeout_seconds is not a number of seconds")
    return Request(furl, shares, float(timeout))
