"""Quality since the start of the process, in memory that does not grow: sums, and scores counted in bins."""

import numpy as np

from scoreline.models.model import Scores
from scoreline.observability.labels.kinds import Kind
from scoreline.observability.labels.measures import (
    CALIBRATION_BINS,
    EPSILON,
    Doubles,
    Measures,
    bin_calibration,
    find_calibration_error,
    find_mean,
    find_root,
    mark_rows,
)

AUC_BINS = 8192
WIDEST_LOGIT = 16.0
"""Beyond it on either side scores share a bin."""


class QualityTotals:
    """Adds up what every label says of one version; not safe between threads."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._labels = self._losses = self._answers = self._differences = 0
        self._loss = self._wrong = self._absolute = self._squared = self._signed = 0.0
        self._calibration = np.zeros((3, CALIBRATION_BINS))
        self._by_target = np.zeros((2, AUC_BINS), dtype=np.int64)

    def add(self, scores: Scores, targets: Doubles) -> None:
        """Add rows; arguments as for `mark_rows`."""
        marks = mark_rows(self._kind, scores, targets)
        self._labels += len(targets)
        self._losses += len(marks.losses)
        self._answers += len(marks.wrongs)
        self._loss += float(marks.losses.sum())
        self._wrong += float(marks.wrongs.sum())
        self._calibration += bin_calibration(marks)
        self._differences += len(marks.differences)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told as None
            self._absolute += float(np.abs(marks.differences).sum())
            self._squared += float(np.square(marks.differences).sum())
            self._signed += float(marks.differences.sum())
        if self._kind in (Kind.BINARY, Kind.RANKING):
            bins = _find_bins(scores[:, 0], are_chances=self._kind is Kind.BINARY)
            for target in (0, 1):
                self._by_target[target] += np.bincount(bins[targets == target], minlength=AUC_BINS)

    def measure(self) -> tuple[Measures, float | None]:
        """The measures, and by how much the AUC of the scores themselves may differ at the most."""
        auc, within = self._find_auc()
        measures = Measures(
            labels=self._labels,
            auc=auc,
            log_loss=find_mean(self._loss, self._losses),
            error=find_mean(self._wrong, self._answers),
            calibration_error=find_calibration_error(self._calibration),
            absolute_error=find_mean(self._absolute, self._differences),
            root_mean_squared_error=find_root(self._squared, self._differences),
            bias=find_mean(self._signed, self._differences),
        )
        return measures, within

    def _find_auc(self) -> tuple[float | None, float | None]:
        """Pairs within a bin count half, so each of them is wrong by half at the most."""
        zeros, ones = self._by_target.astype(np.float64)
        pairs = zeros.sum() * ones.sum()
        if not pairs:
            return None, None
        below = np.cumsum(zeros) - zeros
        shared = float((zeros * ones).sum()) / 2
        return float((ones * below).sum() + shared) / float(pairs), shared / float(pairs)


def _find_bins(scores: Doubles, *, are_chances: bool) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Bins of equal width in log-odds: as fine near 0 and 1, where scores of rare events lie, as in the middle."""
    if are_chances:
        chances = np.clip(scores, EPSILON, 1 - EPSILON)
        scores = np.log(chances) - np.log1p(-chances)
    share = (np.clip(scores, -WIDEST_LOGIT, WIDEST_LOGIT) + WIDEST_LOGIT) / (2 * WIDEST_LOGIT)
    return np.minimum(share * AUC_BINS, AUC_BINS - 1).astype(np.intp)
