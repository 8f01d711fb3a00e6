"""What of the metrics is about drift; the series of a version go with it."""

import threading
from collections.abc import Callable, Sequence

from scoreline.observability.drift.judging import Reading
from scoreline.observability.drift.ports import DriftChanged
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.drift_series import FAMILIES, SeriesWriter
from scoreline.observability.metrics.exposition import Exposition


class DriftMetrics:
    """Implements `DriftListener`, and shows how versions stand; every method may be called by any thread."""

    def __init__(self, show: Exposition) -> None:
        self._series = show.written_gauges(*FAMILIES)
        self._writer = SeriesWriter()
        self._events = show.counter(catalogue.drift.DRIFT_EVENTS)
        self._events_dropped = show.counter(catalogue.drift.DRIFT_EVENTS_DROPPED)
        self._windows_dropped = show.counter(catalogue.drift.DRIFT_WINDOWS_DROPPED)
        self._lock = threading.Lock()
        self._read: Callable[[], Sequence[Reading]] = tuple
        self._count_dropped: Callable[[], int] = int
        self._dropped = 0

    def drift_changed(self, events: Sequence[DriftChanged]) -> None:
        """Count features and outputs whose state has changed."""
        self._events.inc(len(events))

    def event_dropped(self, events: int) -> None:
        """Count events that did not get to their topic."""
        self._events_dropped.inc(events)

    def watch(self, read: Callable[[], Sequence[Reading]], count_dropped: Callable[[], int]) -> None:
        """Ask these at every scrape.

        Args:
            read: how versions stand.
            count_dropped: windows that were never judged, since the start.
        """
        self._read, self._count_dropped = read, count_dropped

    def show(self) -> None:
        """Show how versions stand, and nothing of any other; what is shown already stays."""
        readings, dropped = list(self._read()), self._count_dropped()
        with self._lock:
            self._windows_dropped.inc(max(0, dropped - self._dropped))
            self._dropped = max(dropped, self._dropped)
            if self._writer.write(readings):
                self._series.swap(self._writer.samples)
