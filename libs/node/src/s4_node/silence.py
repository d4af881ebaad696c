"""A process whose libraries say nothing."""

from twisted.logger import globalLogBeginner


def discard_logs() -> None:
    """From now on what Twisted and Tahoe-LAFS log goes nowhere: it may hold furls and capabilities."""
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
