"""Whether a webhook delivery is from Stripe and fresh.

Written out instead of using the SDK's check, which reads the machine's clock, accepts any time in the future,
takes one secret, and raises five kinds of exception on hostile headers. The scheme: docs.stripe.com/webhooks/signature.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from s4_runtime import Permanent, Secret

TOLERANCE = timedelta(seconds=300)
# A header is a time and one signature for each secret in rotation; more is an attack on our patience.
MAX_HEADER_CHARS = 2048


class Forged(Permanent):
    """The delivery is not signed by Stripe, or not now."""


def verify(body: bytes, header: str, secrets: Sequence[Secret], now: datetime) -> None:
    """Return if one of ``secrets`` signed ``body`` within the tolerance of ``now``, before or after. Raises Forged."""
    signed_at, shown = _parse(header)
    if abs(now.timestamp() - int(signed_at)) > TOLERANCE.total_seconds():
        raise Forged("signature-stale")
    message = signed_at.encode() + b"." + body
    expected = [hmac.digest(secret.reveal().encode(), message, "sha256").hex().encode() for secret in secrets]
    # No early end: the time taken tells nothing about which secret or signature fits.
    fits = [hmac.compare_digest(signature, right) for signature in shown for right in expected]
    if not any(fits):
        raise Forged("signature-wrong")


def _parse(header: str) -> tuple[str, list[bytes]]:
    """The time as signed and the v1 signatures. Raises Forged."""
    if not header or len(header) > MAX_HEADER_CHARS or not header.isascii():
        raise Forged("signature-malformed")
    fields = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in fields if name == "t"]
    signatures = [value.encode() for name, _, value in fields if name == "v1"]
    if len(times) != 1 or not times[0].isdigit() or len(times[0]) > 12 or not signatures:
        raise Forged("signature-malformed")
    return times[0], signatures
