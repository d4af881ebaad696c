"""What an outage is called."""

from __future__ import annotations

import ssl

import aiormq
from aiormq.exceptions import AuthenticationError, ChannelAccessRefused, ProbableAuthenticationError

from s4_runtime import Temporary

# aiormq raises the second when the channel is used after its end.
CHANNEL_ERRORS = (aiormq.AMQPError, aiormq.exceptions.ChannelInvalidStateError, OSError)

_EXPIRED = 10  # OpenSSL, X509_V_ERR_CERT_HAS_EXPIRED


class BusUnavailable(Temporary):
    """The broker cannot be reached, or went away in the middle."""

    def __init__(self) -> None:
        super().__init__("bus-unavailable")


def outage(ended: BaseException | None) -> Temporary:
    """What ended the work, for the log. Raises the first error that is no outage."""
    found: Temporary = BusUnavailable()
    for error in _leaves(ended):
        if isinstance(error, Temporary):
            found = error
        # When the peer closes the socket, aiormq ends whatever waits with a bare Exception.
        elif not (isinstance(error, CHANNEL_ERRORS) or type(error) is Exception):
            raise error from None
        elif (code := _code(error)) is not None:
            found = Temporary(code)
    return found


def _code(error: BaseException) -> str | None:
    """For what does not pass by itself: somebody must look, and is told where."""
    if isinstance(error, ChannelAccessRefused):
        return "bus-access-refused"
    if isinstance(error, AuthenticationError | ProbableAuthenticationError):
        return "bus-login-refused"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "bus-certificate-expired" if cause.verify_code == _EXPIRED else "bus-certificate-refused"
        if isinstance(cause, ssl.SSLError):
            return "bus-tls-failed"
        cause = cause.__cause__
    return None


def _leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [] if error is None else [error]
