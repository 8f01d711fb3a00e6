"""What of the metrics is about drift; the series of a version go with it."""

import threading
from collections.abc import Callable, Sequence

from prometheus_client import Gauge

from scoreline.models.baseline.axes import OUTPUT_PREFIX, NumericAxis
from scoreline.observability.drift.judging import Reading
from scoreline.observability.drift.ports import DriftChanged
from scoreline.observability.drift.report import name_axes, rank_axes
from scoreline.observability.drift.states import State
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.exposition import Exposition

MOST_FEATURES = 500
"""Of a version, and as many outputs: those that the model uses most; `/drift` tells of all."""


class DriftMetrics:
    """Implements `DriftListener`, and shows how versions stand; every method may be called by any thread."""

    def __init__(self, show: Exposition) -> None:
        self._state = show.gauge(catalogue.DRIFT_STATE)
        self._score = show.gauge(catalogue.DRIFT_SCORE)
        self._missing = show.gauge(catalogue.FEATURE_MISSING_RATIO)
        self._unseen = show.gauge(catalogue.FEATURE_UNSEEN_RATIO)
        self._mean = show.gauge(catalogue.PREDICTION_MEAN)
        self._events = show.counter(catalogue.DRIFT_EVENTS)
        self._events_dropped = show.counter(catalogue.DRIFT_EVENTS_DROPPED)
        self._windows_dropped = show.counter(catalogue.DRIFT_WINDOWS_DROPPED)
        self._lock = threading.Lock()
        self._read: Callable[[], Sequence[Reading]] = tuple
        self._count_dropped: Callable[[], int] = int
        self._shown: Sequence[Reading] = ()
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
            if len(readings) == len(self._shown) and all(map(_is, readings, self._shown)):
                return
            self._shown = readings
            for gauge in (self._state, self._score, self._missing, self._unseen, self._mean):
                gauge.clear()
            for reading in readings:
                self._show(reading)

    def _show(self, reading: Reading) -> None:
        version, judgement = str(reading.version.version), reading.judgement
        names = name_axes(reading)
        features = len(reading.version.model.features)
        ranked = rank_axes(reading.version, len(names))
        outputs, inputs = ranked[: len(names) - features], ranked[len(names) - features :]
        for i in (*outputs[:MOST_FEATURES], *inputs[:MOST_FEATURES]):
            labels = version, names[i]
            if judgement is None:
                self._state.labels(*labels).set(State.NO_DATA.level)
                continue
            axis = judgement.axes[i]
            self._state.labels(*labels).set(axis.state.level)
            _set(self._score, labels, axis.score)
            if i < features:
                _set(self._missing, labels, axis.statistics.get("missing_ratio"))
                _set(self._unseen, labels, axis.statistics.get("unseen_ratio"))
            else:
                _set(self._mean, (version, names[i].removeprefix(OUTPUT_PREFIX)), _find_mean(reading, i))


def _find_mean(reading: Reading, axis: int) -> float | None:
    """Of an output in the last window, whose rows all have one."""
    window = None if reading.judgement is None else reading.judgement.window
    if window is None or reading.baseline is None or not window.counts.rows:
        return None
    if not isinstance(reading.baseline.grid.axes[axis], NumericAxis):
        return None
    return float(window.counts.sums[axis]) / window.counts.rows


def _is(one: Reading, other: Reading) -> bool:
    return one is other


def _set(gauge: Gauge, labels: tuple[str, ...], value: float | None) -> None:
    if value is not None:
        gauge.labels(*labels).set(value)
