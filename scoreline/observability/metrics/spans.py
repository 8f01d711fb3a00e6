"""Counts what became of spans."""

from prometheus_client import Counter


class SpanMetrics:
    """Implements `scoreline.observability.traces.ports.SpanObserver`."""

    def __init__(self, spans: Counter) -> None:
        self._exported, self._failed, self._dropped = map(spans.labels, ("exported", "failed", "dropped"))

    def spans_exported(self, count: int) -> None:
        """The collector has taken them."""
        self._exported.inc(count)

    def spans_failed(self, count: int) -> None:
        """They are lost."""
        self._failed.inc(count)

    def spans_dropped(self, count: int) -> None:
        """Too many waited."""
        self._dropped.inc(count)
