"""JSON logs on standard output: an event name, fields, and the ids of the story."""

import logging
import sys
from typing import Any, TextIO

import structlog
from aiohttp.http_exceptions import HttpProcessingError
from structlog.types import EventDict, Processor, WrappedLogger

from s4_runtime import context
from s4_runtime.redaction import redact, redact_text

Logger = structlog.stdlib.BoundLogger
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
# Libraries whose debug lines hold bodies or addresses.
_QUIET = ("aiohttp.access", "aiormq", "aio_pika", "asyncssh", "botocore", "aiobotocore", "stripe", "urllib3")


class _Unread(logging.Filter):
    """A request that cannot be read is one line without a word of it: its cookies and tokens may be genuine."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True always, once the words are gone."""
        if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
            record.msg, record.args, record.exc_info = "http.malformed", (), None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


_UNREAD = _Unread()


def get_logger() -> Logger:
    """A logger for ``log.info("host.launched", host=...)``."""
    logger: Logger = structlog.get_logger()
    return logger


def configure(service: str, level: str, out: TextIO = sys.stdout) -> None:
    """From here on every line, the libraries' included, is one redacted JSON object on ``out``."""
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_story(service),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redacted,
    ]
    minimum = _LEVELS.get(level, logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(minimum),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=minimum, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(minimum, logging.WARNING))
    logging.getLogger("aiohttp.server").addFilter(_UNREAD)


def _add_story(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        for name, value in context.fields().items():
            event.setdefault(name, value)
        return event

    return add


def _redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    clean: dict[str, Any] = {}
    for name, value in event.items():
        if name.startswith("_"):
            clean[name] = value
        else:
            clean[name] = redact_text(value) if name == "event" and isinstance(value, str) else redact(value, name)
    return clean
