"""What of the metrics is about labels, and the quality of versions that they tell; series go with their version."""

import threading
from collections.abc import Callable

from prometheus_client import Gauge

from scoreline.observability.labels.quality import LabelOutcome
from scoreline.observability.labels.report import QualityReport, VersionQuality
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.exposition import Exposition


class QualityMetrics:
    """Implements `scoreline.observability.labels.quality.LabelObserver`; every method may be called by any thread."""

    def __init__(self, show: Exposition) -> None:
        settled = show.counter(catalogue.quality.LABELS)
        self._settled = {outcome: settled.labels(outcome.value) for outcome in LabelOutcome}
        self._waiting = show.gauge(catalogue.quality.LABELS_WAITING)
        self._labels = show.gauge(catalogue.quality.QUALITY_LABELS)
        self._auc = show.gauge(catalogue.quality.QUALITY_AUC)
        self._log_loss = show.gauge(catalogue.quality.QUALITY_LOG_LOSS)
        self._error = show.gauge(catalogue.quality.QUALITY_ERROR)
        self._calibration_error = show.gauge(catalogue.quality.QUALITY_CALIBRATION_ERROR)
        self._absolute_error = show.gauge(catalogue.quality.QUALITY_ABSOLUTE_ERROR)
        self._root_mean_squared_error = show.gauge(catalogue.quality.QUALITY_ROOT_MEAN_SQUARED_ERROR)
        self._bias = show.gauge(catalogue.quality.QUALITY_BIAS)
        self._lock = threading.Lock()
        self._read: Callable[[], QualityReport] | None = None

    def labels_settled(self, outcome: LabelOutcome, labels: int) -> None:
        """Count labels."""
        self._settled[outcome].inc(labels)

    def watch(self, read: Callable[[], QualityReport]) -> None:
        """Ask this at every scrape how good versions are."""
        self._read = read

    def show(self) -> None:
        """Show every version that there are labels of, and nothing of any other."""
        if self._read is None:
            return
        report = self._read()
        with self._lock:
            self._waiting.set(report["waiting"])
            for gauge in self._gauges():
                gauge.clear()
            for version, quality in report["versions"].items():
                self._show_version(version, quality)

    def _gauges(self) -> tuple[Gauge, ...]:
        return (
            self._labels,
            self._auc,
            self._log_loss,
            self._error,
            self._calibration_error,
            self._absolute_error,
            self._root_mean_squared_error,
            self._bias,
        )

    def _show_version(self, version: str, quality: VersionQuality) -> None:
        values = (
            quality["labels"],
            quality["auc"],
            quality["log_loss"],
            quality["error"],
            quality["calibration_error"],
            quality["absolute_error"],
            quality["root_mean_squared_error"],
            quality["bias"],
        )
        for gauge, value in zip(self._gauges(), values, strict=True):
            if value is not None:
                gauge.labels(version).set(value)
