"""What the API server refuses, as the Status that every client knows (Kubernetes API conventions, "Failures")."""

from typing import Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class Refused(Exception):
    """The request is answered with this status and nothing else happened."""

    def __init__(
        self, code: int, message: str, *, reason: str = "", details: dict[str, Any] | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.code, self.retry_after = code, retry_after
        self.reason = reason or REASONS.get(code, "")
        self.details = dict(details or {})
        if retry_after:
            self.details["retryAfterSeconds"] = retry_after

    def status(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


def forbidden(what: str, why: str) -> Refused:
    """Admission or authorization says no."""
    return Refused(403, f"{what} is forbidden: {why}")


def invalid(what: str, *causes: tuple[str, str]) -> Refused:
    """The object is not what the API server takes; each cause is a field and what is wrong with it."""
    listed = [{"reason": "FieldValueInvalid", "field": field, "message": message} for field, message in causes]
    text = ", ".join(f"{field}: {message}" for field, message in causes)
    return Refused(422, f"{what} is invalid: {text}", details={"causes": listed})
