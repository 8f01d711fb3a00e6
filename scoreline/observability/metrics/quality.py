"""What of the metrics is about labels, and the quality of versions that they tell; series go with their version."""

import threading
from collections.abc import Callable, Mapping
from typing import Literal

from prometheus_client import Gauge

from scoreline.observability.labels.quality import LabelOutcome
from scoreline.observability.labels.report import QualityReport, VersionQuality
from scoreline.observability.metrics import catalogue
from scoreline.observability.metrics.exposition import Exposition

_Measure = Literal[
    "labels",
    "auc",
    "log_loss",
    "error",
    "calibration_error",
    "absolute_error",
    "root_mean_squared_error",
    "bias",
]


class QualityMetrics:
    """Implements `scoreline.observability.labels.quality.LabelObserver`; every method may be called by any thread."""

    def __init__(self, show: Exposition) -> None:
        settled = show.counter(catalogue.quality.LABELS)
        self._settled = {outcome: settled.labels(outcome.value) for outcome in LabelOutcome}
        self._waiting = show.gauge(catalogue.quality.LABELS_WAITING)
        self._gauges: Mapping[_Measure, Gauge] = {
            "labels": show.gauge(catalogue.quality.QUALITY_LABELS),
            "auc": show.gauge(catalogue.quality.QUALITY_AUC),
            "log_loss": show.gauge(catalogue.quality.QUALITY_LOG_LOSS),
            "error": show.gauge(catalogue.quality.QUALITY_ERROR),
            "calibration_error": show.gauge(catalogue.quality.QUALITY_CALIBRATION_ERROR),
            "absolute_error": show.gauge(catalogue.quality.QUALITY_ABSOLUTE_ERROR),
            "root_mean_squared_error": show.gauge(catalogue.quality.QUALITY_ROOT_MEAN_SQUARED_ERROR),
            "bias": show.gauge(catalogue.quality.QUALITY_BIAS),
        }
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
            for gauge in self._gauges.values():
                gauge.clear()
            for version, quality in report["versions"].items():
                self._show_version(version, quality)

    def _show_version(self, version: str, quality: VersionQuality) -> None:
        for measure, gauge in self._gauges.items():
            value = quality[measure]
            if value is not None:
                gauge.labels(version).set(value)
