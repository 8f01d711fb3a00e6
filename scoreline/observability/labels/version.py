"""What labels say of one version: of the latest of them, and of all since the start."""

from dataclasses import asdict
from typing import cast

import numpy as np

from scoreline.models.model import Scores
from scoreline.observability.labels.kinds import Kind
from scoreline.observability.labels.measures import Doubles, measure_rows
from scoreline.observability.labels.report import QualityMeasures, VersionQuality
from scoreline.observability.labels.totals import QualityTotals

WINDOW_LABELS = 4096


class LabelledVersion:
    """A ring of the latest labelled predictions, and totals; not safe between threads.

    Attributes:
        labels: how many there have been.
    """

    def __init__(self, kind: Kind, classes: tuple[str, ...] | None) -> None:
        self.kind = kind
        self.classes = classes
        self.labels = 0
        self._scores = np.zeros((WINDOW_LABELS, 1 if classes is None else len(classes)))
        self._targets = np.zeros(WINDOW_LABELS)
        self._delays_seconds = np.zeros(WINDOW_LABELS)
        self._latest_known_at_ms: int | None = None
        self._totals = QualityTotals(kind)
        self._told: VersionQuality | None = None

    @property
    def windows(self) -> int:
        """How many whole windows of labels there have been."""
        return self.labels // WINDOW_LABELS

    def add(self, scores: Scores, targets: Doubles, delays_seconds: Doubles, known_at_ms: Doubles) -> None:
        """Add labelled predictions.

        Args:
            scores: shape (rows, at least as many columns as the version has).
            targets: as `read_targets` gives them, none NaN.
            delays_seconds: from each prediction to its label.
            known_at_ms: NaN where nobody said.
        """
        scores = scores[:, : self._scores.shape[1]]
        self._totals.add(scores, targets)
        latest = slice(-WINDOW_LABELS, None)
        slots = (self.labels + np.arange(len(targets))[latest]) % WINDOW_LABELS
        self._scores[slots] = scores[latest]
        self._targets[slots] = targets[latest]
        self._delays_seconds[slots] = delays_seconds[latest]
        self.labels += len(targets)
        known = known_at_ms[np.isfinite(known_at_ms)]
        if len(known):
            newest = int(known.max())
            earlier = self._latest_known_at_ms
            self._latest_known_at_ms = newest if earlier is None else max(earlier, newest)
        self._told = None

    def describe(self) -> VersionQuality:
        """How it stands; worked out once for the same labels."""
        if self._told is None:
            rows = min(self.labels, WINDOW_LABELS)
            measures = measure_rows(self.kind, self._scores[:rows], self._targets[:rows])
            totals, within = self._totals.measure()
            self._told = {
                **cast("QualityMeasures", asdict(measures)),
                "kind": str(self.kind),
                "delay_seconds": round(float(np.median(self._delays_seconds[:rows])), 3) if rows else None,
                "latest_known_at_ms": self._latest_known_at_ms,
                "since_start": {**cast("QualityMeasures", asdict(totals)), "auc_within": within},
            }
        return self._told
