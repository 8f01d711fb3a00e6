"""Recorded spans that wait to be exported: bounded, and what does not fit is counted."""

from collections import deque

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from scoreline.config.environment import read_environment
from scoreline.observability.traces.exporting import WatchedExporter
from scoreline.observability.traces.ports import SpanObserver

QUEUE_VARIABLE, MOST_WAITING = "OTEL_BSP_MAX_QUEUE_SIZE", 2048
"""OpenTelemetry's own, and its default."""


class BoundedProcessor(BatchSpanProcessor):
    """Drops the newest where the SDK's queue is full, which itself would drop the oldest, and tell nobody how many."""

    def __init__(self, exporter: WatchedExporter, observer: SpanObserver) -> None:
        super().__init__(exporter)
        # A place for each that may wait: taking and giving back are one step each, in any thread.
        self._places = deque([None] * _read_size())
        self._observer = observer
        exporter.on_taken = self._give_back

    def on_end(self, span: ReadableSpan) -> None:
        """Have a span exported, if it is recorded and there is a place for it."""
        if not (span.context and span.context.trace_flags.sampled):
            return
        try:
            self._places.pop()
        except IndexError:
            self._observer.spans_dropped(1)
        else:
            super().on_end(span)

    def _give_back(self, count: int) -> None:
        self._places.extend([None] * count)


def _read_size() -> int:
    """As the SDK reads it, which takes its default where it is no number."""
    told = read_environment().get(QUEUE_VARIABLE, "").strip()
    return int(told) if told.isdigit() else MOST_WAITING
