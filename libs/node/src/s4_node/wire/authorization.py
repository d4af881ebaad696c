"""Who may ask: whoever knows the server's swissnum, with exactly the secrets that the request is about.

The disk backend's own check begins an Eliot action for each request, which nobody reads here; it took a tenth of the
time of a small request.
"""

import hmac
from collections.abc import Mapping

from allmydata.storage.http_common import Secrets, swissnum_auth_header
from allmydata.storage.http_server import ClientSecretsException, _extract_secrets, _HTTPError
from twisted.web import http
from twisted.web.server import Request

Authorization = Mapping[Secrets, bytes]


class Gate:
    """Of one server."""

    def __init__(self, swissnum: bytes) -> None:
        self._expected = swissnum_auth_header(swissnum)

    def secrets(self, request: Request, required: set[Secrets]) -> Authorization:
        """What the request brings. Raises _HTTPError: 401 without the swissnum, 400 with others than those required."""
        said = request.requestHeaders.getRawHeaders(b"authorization") or [b""]
        if not hmac.compare_digest(said[0], self._expected):
            raise _HTTPError(http.UNAUTHORIZED, "Wrong Authorization header")
        brought = request.requestHeaders.getRawHeaders("X-Tahoe-Authorization", [])
        try:
            secrets: Authorization = _extract_secrets(brought, required)
        except ClientSecretsException:
            raise _HTTPError(http.BAD_REQUEST, "Wrong secrets in X-Tahoe-Authorization headers") from None
        return secrets
