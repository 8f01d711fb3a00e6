"""Counts what became of spans."""

from prometheus_client import Counter


class SpanMetrics:
    """Implements `scoreline.observability.traces.ports.SpanObserver`."""

    def __init__(self, spans: Counter) -> None:
        self._exported, self._failed = spans.labels("exported"), spans.labels("failed")

    def spans_exported(self, count: int) -> None:
        """The collector has taken them."""
        self._exported.inc(count)

    def spans_failed(self, count: int) -> None:
        """They are lost."""
        self._failed.inc(count)
