"""Which of our errors an answer of S3's is, and whether asking again may help.

Source of the codes: Amazon S3 API Reference, "Error responses".
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from s4_node.s3.connections import Answer
from s4_node.s3.documents import error_code, error_region
from s4_node.s3.errors import (
    BucketMissing,
    ClockSkewed,
    ConditionFailed,
    Damaged,
    Forbidden,
    Missing,
    OutOfRange,
    S3Error,
    Unavailable,
    WrongRegion,
)

_BY_CODE: dict[str, type[S3Error]] = {
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch"), Forbidden),
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"), Forbidden),
    **dict.fromkeys(("SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling"), Unavailable),
    **dict.fromkeys(("OperationAborted", "ThrottlingException", "RequestLimitExceeded"), Unavailable),
    **dict.fromkeys(("BadDigest", "InvalidDigest", "IncompleteBody"), Damaged),
    **dict.fromkeys(("XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"), Damaged),
    **dict.fromkeys(("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"), WrongRegion),
    "IllegalLocationConstraintException": WrongRegion,
    "RequestTimeTooSkewed": ClockSkewed,
    "NoSuchBucket": BucketMissing,
    "PreconditionFailed": ConditionFailed,
    "ConditionalRequestConflict": ConditionFailed,
}
_BY_STATUS: dict[int, type[S3Error]] = {
    **dict.fromkeys((301, 307, 308), WrongRegion),
    **dict.fromkeys((401, 403), Forbidden),
    **dict.fromkeys((408, 425, 429, 500, 502, 503, 504), Unavailable),
    404: Missing,
    412: ConditionFailed,
    416: OutOfRange,
}
_NAMES = {304: "NotModified", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 412: "PreconditionFailed"}


@dataclass(frozen=True)
class Refusal:
    """What to raise; `again`: unless another attempt does it; `stale`: unless other keys do it."""

    error: S3Error
    again: bool = False
    stale: bool = False
    after: float = 0.0  # seconds that S3 wants to be left alone


def refusal(operation: str, answer: Answer) -> Refusal:
    """What an answer means that is not a success, or is an error under a success' status."""
    code, status = error_code(answer.body), answer.status
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, S3Error)
    detail = _skew(answer) if kind is ClockSkewed else _region(answer) if kind is WrongRegion else ""
    return Refusal(
        error=kind(operation, code or _NAMES.get(status, f"Http{status}"), status, detail),
        again=kind in (Unavailable, Damaged),
        stale=kind is Forbidden and code not in ("AccessDenied", "AllAccessDisabled"),
        after=_retry_after(answer) if kind is Unavailable else 0.0,
    )


def _skew(answer: Answer) -> str:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return "S3 does not say its time"
    seconds = round((datetime.now(UTC) - theirs).total_seconds())
    return f"this machine's clock is {abs(seconds)} seconds {'ahead' if seconds > 0 else 'behind'}"


def _region(answer: Answer) -> str:
    region = answer.headers.get("x-amz-bucket-region", "")
    named = region if region.replace("-", "").isalnum() and len(region) <= 40 else error_region(answer.body)
    return f"the bucket's region is {named}" if named else "S3 does not say which region"


def _retry_after(answer: Answer) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0.0
