"""The log of a serving node: a few lines on stderr, and no secret in them."""

import sys

from twisted.logger import LogEvent, LogLevel, eventAsText, globalLogBeginner

from s4_node.redaction import redacted


def say(event: str, **fields: object) -> None:
    """Write one line: what happened, and a few plain facts."""
    print(" ".join([f"s4-node: {event}", *(f"{name}={value}" for name, value in fields.items())]), file=sys.stderr)


def _observe(event: LogEvent) -> None:
    level = event.get("log_level", LogLevel.info)
    if level >= LogLevel.error or event.get("isError"):
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        print(redacted(f"s4-node: {level.name}: {text}"), file=sys.stderr)


def log_errors_only() -> None:
    """From now on Twisted's errors go to stderr, redacted, and everything milder goes nowhere.

    The storage protocol's access log would say every second that a client is connected.
    """
    globalLogBeginner.beginLoggingTo([_observe], redirectStandardIO=False, discardBuffer=True)
