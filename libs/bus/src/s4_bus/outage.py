"""What an outage is called."""

from __future__ import annotations

import aiormq
from aiormq.exceptions import AuthenticationError, ChannelAccessRefused, ProbableAuthenticationError

from s4_runtime import Temporary
from s4_runtime.certificates import refused

# aiormq raises the second when the channel is used after its end.
CHANNEL_ERRORS = (aiormq.AMQPError, aiormq.exceptions.ChannelInvalidStateError, OSError)


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
    kind = refused(error)
    return None if kind is None else f"bus-{kind}"


def _leaves(error: BaseException | None) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in error.exceptions for leaf in _leaves(each)]
    return [] if error is None else [error]
