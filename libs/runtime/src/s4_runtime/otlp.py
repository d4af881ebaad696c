"""Spans on their way to a collector, by OpenTelemetry's OTLP over HTTP. Imported only where traces are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from s4_runtime import context
from s4_runtime.spans import Facts, Kind, Note

_PATIENCE = 5  # seconds in which the collector answers, also at the end of the service
_WAIT = 1000  # milliseconds until spans are sent that are too few for a batch
_SDK = {"telemetry.sdk.name": "opentelemetry", "telemetry.sdk.language": "python"}


@asynccontextmanager
async def exported(service: str, url: str, ratio: float) -> AsyncIterator[Spans]:
    """Spans go to ``url`` until the block ends, and then the last ones. A collector that is away costs only spans."""
    provider = TracerProvider(
        sampler=TraceIdRatioBased(ratio), resource=Resource({"service.name": service, **_SDK}), shutdown_on_exit=False
    )
    sender = OTLPSpanExporter(endpoint=url, timeout=_PATIENCE)
    provider.add_span_processor(BatchSpanProcessor(sender, schedule_delay_millis=_WAIT))
    try:
        yield Spans(provider.get_tracer("s4"))
    finally:
        await asyncio.to_thread(provider.shutdown)


class Spans:
    """Spans under the story that is bound where they are made."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def span(self, name: str, kind: Kind, facts: Facts) -> Iterator[Note]:
        """The story inside goes on from the span. Of an error only the class is told."""
        cause = context.current()
        made = self._tracer.start_span(name, _parent(cause), SpanKind[kind.upper()], dict(facts))
        with context.bound(msgspec.structs.replace(cause, traceparent=_header(made))):
            try:
                yield made.set_attribute
            except Exception as error:  # only noted; it goes on to the caller
                made.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise
            finally:
                made.end()

    def past(self, name: str, kind: Kind, facts: Facts, since: datetime) -> None:
        """A span from then until now."""
        began = int(since.timestamp() * 1e9)
        self._tracer.start_span(
            name, _parent(context.current()), SpanKind[kind.upper()], dict(facts), start_time=began
        ).end()


def _parent(cause: context.Cause) -> Context:
    """Where a span of the story hangs; at the beginning of a story there is nothing yet."""
    if context.is_fresh(cause.traceparent):
        return Context()
    _, trace_id, parent_id, flags = cause.traceparent.split("-")
    told = SpanContext(int(trace_id, 16), int(parent_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return trace.set_span_in_context(NonRecordingSpan(told), Context())


def _header(made: Span) -> str:
    told = made.get_span_context()
    return f"00-{told.trace_id:032x}-{told.span_id:016x}-{told.trace_flags:02x}"
