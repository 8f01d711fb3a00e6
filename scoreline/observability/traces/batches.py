"""One consumer span for each batch of the stream, linked to where its records come from."""

from collections.abc import Sequence

from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.util.types import AttributeValue

from scoreline.observability.events import BatchScored
from scoreline.observability.traces.context import TRACEPARENT, TraceContext, find_context
from scoreline.observability.traces.messaging import describe_messages, find_start_ns
from scoreline.observability.traces.spans import make_parent, make_span_context
from scoreline.records import Headers, Record

_LAST_FLAGS = slice(54, 55)
_ODD_DIGITS = b"13579bdf"

MOST_LINKS = 64
"""Each takes 9 µs to be read, linked and encoded: so many are 2 % of the time that a large batch takes."""


class BatchTraces:
    """Implements `scoreline.observability.events.BatchObserver`.

    The span begins when the records were there and ends with the last acknowledgement. It has no parent, because its
    records come from many traces; the sampler decides about it as about the first span of a trace. Only where it is
    recorded, headers are looked at.
    """

    def __init__(self, tracer: Tracer, group_id: str) -> None:
        self._tracer = tracer
        self._group_id = group_id

    def batch_scored(self, event: BatchScored) -> None:
        """Record a finished batch."""
        topics = ",".join(sorted({partition.topic for partition in event.last_records}))
        end_ns = event.finished_at_ms * 1_000_000
        span = self._tracer.start_span(
            f"score {topics}",
            make_parent(None),
            SpanKind.CONSUMER,
            start_time=find_start_ns(end_ns, event.stage_seconds),
        )
        if span.is_recording():
            span.set_attributes(describe_messages(topics, self._group_id, len(event.records), event.stage_seconds))
            span.set_attributes(_describe(event))
            for context in find_sampled(event.records):
                span.add_link(make_span_context(context))
        span.end(end_ns)


def find_sampled(records: Sequence[Record], most: int = MOST_LINKS) -> Sequence[TraceContext]:
    """The first contexts of records that are in traces which are recorded, each once."""
    found: dict[TraceContext, None] = {}
    for record in records:
        if may_be_sampled(record.headers()):
            context = find_context(record)
            if context is not None and context.is_sampled:
                found[context] = None
                if len(found) == most:
                    break
    return list(found)


def may_be_sampled(headers: Headers | None) -> bool:
    """Whether it is worth it to read the headers: a quarter of the time, where most records are in no sampled trace."""
    for name, value in headers or ():
        if name == TRACEPARENT and value is not None and value[_LAST_FLAGS] in _ODD_DIGITS:
            return True
    return False


def _describe(event: BatchScored) -> dict[str, AttributeValue]:
    versions = event.predictions
    told: dict[str, AttributeValue] = {
        "scoreline.predictions": versions.total(),
        "scoreline.versions": sorted(versions),
        "scoreline.dead_letters": len(event.dead_letters),
    }
    if event.parts:
        told["scoreline.model"] = event.parts[0].version.name
    for reason, count in event.reasons.items():
        told[f"scoreline.dead_letters.{reason.value}"] = count
    return told
