"""What a node says of its bucket, in the few words that whoever looks after grids decides by."""

import re
from collections.abc import Mapping
from typing import Any

# S3's codes (Amazon S3 API Reference, "Error responses") and the node's own, by what is to be done about them.
CODES = {
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"), "credentials-expired"),
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken"), "credentials-refused"),
    "NoCredentials": "credentials-missing",
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "Forbidden", "Unauthorized"), "access-denied"),
    "NoSuchBucket": "bucket-missing",
    "RequestTimeTooSkewed": "clock-skewed",
    **dict.fromkeys(("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"), "wrong-region"),
    **dict.fromkeys(("NameNotFound", "NotConnected", "ConnectionLost", "TimedOut", "CutBody"), "unreachable"),
    **dict.fromkeys(("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling"), "unavailable"),
}
_CODE = re.compile(r"[A-Za-z0-9]{1,40}")


def bucket_of(said: Mapping[str, Any]) -> dict[str, object] | None:
    """Whether it could be reached at the last look; None where that is not known, and where shares are on the disk."""
    bucket = said.get("bucket")
    if not isinstance(bucket, dict) or not isinstance(bucket.get("reachable"), bool):
        return None
    return {"ok": bucket["reachable"], "code": None if bucket["reachable"] else _short(str(bucket.get("code")))}


def usage_of(said: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is stored in it; None where that was not counted yet, and where shares are on the disk."""
    usage = said.get("usage")
    if not isinstance(usage, dict):
        return None
    counted = {name: usage.get(name) for name in ("bytes", "objects")}
    return counted if all(type(number) is int for number in counted.values()) else None


def _short(code: str) -> str:
    if code in CODES:
        return CODES[code]
    # a word as it would be written here, such as no-such-key
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", code).lower() if _CODE.fullmatch(code) else "unknown"
