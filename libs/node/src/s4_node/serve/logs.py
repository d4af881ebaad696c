"""The log of a serving node, on stderr: a line for each event, as JSON for machines or as text, and no secret in it.

Who has something to say takes a `twisted.logger.Logger`: the format is the event's name, the arguments are its fields.
What the libraries say counts from errors up: the storage protocol's access log would tell every second that a client
is connected.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from twisted.logger import LogEvent, LogLevel, eventAsText, globalLogBeginner

from s4_node.redaction import redacted

Style = Literal["json", "text"]
OURS = "s4_node."


def begin(style: Style) -> None:
    """From now on everything worth it is one line on stderr."""

    def observe(event: LogEvent) -> None:
        line = line_of(style, event)
        if line is not None:
            print(line, file=sys.stderr, flush=True)

    globalLogBeginner.beginLoggingTo([observe], redirectStandardIO=False, discardBuffer=True)


def line_of(style: Style, event: LogEvent) -> str | None:
    """How the event reads; None for what is not worth a line."""
    fields = fields_of(event)
    if fields is None:
        return None
    return json.dumps(fields) if style == "json" else _text(fields)


def usual_style() -> Style:
    """Text for a person at a terminal, JSON for whatever else reads it."""
    return "text" if sys.stderr.isatty() else "json"


def fields_of(event: LogEvent) -> dict[str, object] | None:
    """The line's fields, without secrets; None for what is not worth a line."""
    level = event.get("log_level", LogLevel.info)
    if event.get("isError"):
        level = max(level, LogLevel.error)
    ours = str(event.get("log_namespace", "")).startswith(OURS)
    if level < (LogLevel.info if ours else LogLevel.error):
        return None
    when = datetime.fromtimestamp(event.get("log_time", 0.0), UTC).isoformat(timespec="milliseconds")
    common = {"time": when.replace("+00:00", "Z"), "level": level.name}
    if ours and event.get("log_format"):
        said = {name: value for name, value in event.items() if not name.startswith("log_")}
        failure = event.get("log_failure")
        if failure is not None:
            said["error"] = failure.getTraceback()
        return {**common, "event": event["log_format"], **{name: _plain(value) for name, value in said.items()}}
    text = eventAsText(event, includeTimestamp=False, includeSystem=False)
    return {**common, "event": "library.error", "text": redacted(text)}


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float) else redacted(str(value))


def _text(fields: Mapping[str, object]) -> str:
    said = [f"{name}={value}" for name, value in fields.items() if name not in {"time", "level", "event"}]
    line = " ".join([str(fields["time"]), str(fields["level"]), str(fields["event"]), *said])
    return line.replace("\n", "\\n")
