"""Faults that a test orders: which requests they hit, how often, and what happens to those."""

from dataclasses import dataclass, replace

from doubles.s3.calls import Call
from doubles.s3.refusals import Answer, Refusal, Slice

KINDS = {
    # refused before anything is done
    "error": "answers `code` (and `status`) without doing it",
    "slow_down": "503 SlowDown",
    "internal_error": "500 InternalError",
    "unavailable": "503 ServiceUnavailable",
    "access_denied": "403 AccessDenied",
    "revoked": "403 InvalidAccessKeyId",
    "expired": "400 ExpiredToken",
    "skewed": "403 RequestTimeTooSkewed",
    "wrong_region": "400 AuthorizationHeaderMalformed, naming `region`",
    "moved": "301 PermanentRedirect, naming `region`",
    "conflict": "409 ConditionalRequestConflict",
    "reset": "the connection is reset, nothing is done",
    "hang": "no answer, nothing is done; until the client gives up or the faults are cleared",
    "hold": "waits until the faults are cleared (or released), then goes on as if nothing had been",
    # done, and then
    "commit_then_cut": "done, but the connection closes without an answer",
    "commit_then_error": "done, but the answer is `code` (500 InternalError)",
    "commit_then_hang": "done, but no answer comes",
    "error_in_200": "not done; the answer is 200 with an error in its XML",
    # answered wrongly
    "cut": "the head and `bytes` (half) of the body, then the connection closes",
    "stall": "the head and `bytes` (half) of the body, then silence",
    "short": "a body that lacks its last `bytes` (1), with a length that agrees",
    "damaged": "one bit of the body is wrong",
    "wrong_etag": "another ETag than the object's",
    "garbage": "200 with a body that is no XML",
}
CODES = {
    "slow_down": "SlowDown",
    "internal_error": "InternalError",
    "unavailable": "ServiceUnavailable",
    "access_denied": "AccessDenied",
    "revoked": "InvalidAccessKeyId",
    "expired": "ExpiredToken",
    "skewed": "RequestTimeTooSkewed",
    "conflict": "ConditionalRequestConflict",
}


@dataclass
class Fault:
    """Hits requests of this operation whose key has this text in it: skips `after`, then hits `times` (None: all)."""

    kind: str
    operation: str = "*"
    bucket: str = ""
    key: str = ""
    times: int | None = 1
    after: int = 0
    code: str = ""
    status: int = 0
    region: str = "eu-central-1"
    bytes: int | None = None
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(self.kind)

    def concerns(self, call: Call) -> bool:
        return self.operation in ("*", call.operation) and self.bucket in ("", call.bucket) and self.key in call.key

    def refusal(self) -> Refusal | None:
        """What it answers instead of doing it, for the kinds that only answer."""
        if self.kind == "error":
            return Refusal(self.code, status=self.status)
        if self.kind == "wrong_region":
            return Refusal("AuthorizationHeaderMalformed", more={"Region": self.region})
        if self.kind == "moved":
            return Refusal("PermanentRedirect", headers={"x-amz-bucket-region": self.region})
        if self.kind == "error_in_200":
            return Refusal(self.code or "InternalError", status=200)
        return Refusal(CODES[self.kind]) if self.kind in CODES else None


class Faults:
    """The faults ordered, oldest first."""

    def __init__(self) -> None:
        self.ordered: list[Fault] = []

    def hit(self, call: Call) -> Fault | None:
        """The fault that this request runs into; it is used up by it."""
        for fault in self.ordered:
            if not fault.concerns(call) or fault.times == 0:
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            fault.hits += 1
            return fault
        return None


def distorted(fault: Fault, answer: Answer) -> Answer:
    """The answer as the client is to see it."""
    if fault.kind == "wrong_etag" and "ETag" in answer.headers:
        answer.headers["ETag"] = '"' + "0" * 32 + '"'
    if fault.kind == "garbage":
        return Answer(200, dict(answer.headers), b"<not xml")
    if fault.kind in ("short", "damaged") and answer.length:
        body = bytearray(_bytes(answer))
        if fault.kind == "damaged":
            body[len(body) // 2] ^= 1
        else:
            del body[-(fault.bytes or 1) :]
        return replace(answer, body=bytes(body))
    return answer


def _bytes(answer: Answer) -> bytes:
    if isinstance(answer.body, bytes):
        return answer.body
    return b"".join(_read(piece) for piece in answer.body)


def _read(piece: Slice) -> bytes:
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        return file.read(piece.length)
