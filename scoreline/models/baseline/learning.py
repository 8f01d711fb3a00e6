"""Learns a baseline from the first rows that a process scores with a version that came without one."""

import numpy as np
import numpy.typing as npt

from scoreline.features import FeatureSet, Matrix
from scoreline.models.baseline.baseline import Baseline
from scoreline.models.baseline.choosing import choose_axes
from scoreline.models.baseline.grid import MOST_BINS, Grid
from scoreline.models.baseline.tally import Tally
from scoreline.models.model import Scores

LEARNED_WINDOWS = 4
MOST_BUFFERED_ROWS = 4096
"""The bins are made for the first ones; as many as a window has by default."""

MOST_BUFFERED_BYTES = 32 * 1024 * 1024
"""Of a model with thousands of features fewer rows have to do: 700 where it has 6,000."""


class BaselineLearner:
    """Takes rows as they are scored, and gives a baseline after some windows of them; not safe between threads.

    Args:
        features: of the version.
        classes: as `Model.classes`.
        windows: how many have to end.
        most_buffered_rows, most_buffered_bytes: as soon as so many are there, or a window ends, the bins are made for
            them. What comes with the last of them may be more.
    """

    def __init__(
        self,
        features: FeatureSet,
        classes: tuple[str, ...] | None,
        *,
        windows: int = LEARNED_WINDOWS,
        most_buffered_rows: int = MOST_BUFFERED_ROWS,
        most_buffered_bytes: int = MOST_BUFFERED_BYTES,
    ) -> None:
        self._features = features
        self._classes = classes
        self._windows = windows
        self._most_buffered_rows = most_buffered_rows
        self._most_buffered_bytes = most_buffered_bytes
        self._buffered: list[tuple[Matrix, npt.NDArray[np.int64], Scores]] = []
        self._buffered_rows = self._buffered_bytes = 0
        self._window_rows = 0
        self._learning: Tally | None = None
        self._done = False
        self.is_too_wide = False
        """Whether features and levels would have more than `MOST_BINS` bins: nothing is learned then."""

    def add(self, features: Matrix, unseen: npt.NDArray[np.int64], scores: Scores) -> None:
        """Take rows that were scored; the arrays may be kept until the bins are made, and are never changed.

        Args:
            features: settled; shape (rows, features).
            unseen: levels never seen in training, by feature, of these rows; shape (features,).
            scores: all finite; shape (rows,) or (rows, classes).
        """
        if self._done or self.is_too_wide or not len(features):
            return
        self._window_rows += len(features)
        if self._learning is not None:
            self._learning.add(features, unseen, scores)
            return
        self._buffered.append((features, unseen, scores))
        self._buffered_rows += len(features)
        self._buffered_bytes += features.nbytes + scores.nbytes
        if self._buffered_rows >= self._most_buffered_rows or self._buffered_bytes >= self._most_buffered_bytes:
            self._learning = self._choose_bins()

    def end_window(self, at_ms: int) -> Baseline | None:
        """End a window, unless it has no rows; the last one gives the baseline, and nothing is learned from then on.

        Args:
            at_ms: when, milliseconds since the epoch.
        """
        if self._done or not self._window_rows:
            return None
        self._window_rows = 0
        self._windows -= 1
        if self._learning is None:
            self._learning = self._choose_bins()
        if self._windows > 0 or self._learning is None:
            return None
        self._done = True
        learned, self._learning = self._learning.finish(learned_at_ms=at_ms), None
        return learned

    def _choose_bins(self) -> Tally | None:
        """Bins for what is buffered, with that counted; None where they would be too many."""
        buffered, self._buffered = self._buffered, []
        matrix = np.concatenate([features for features, _, _ in buffered])
        scores = np.concatenate([scores for _, _, scores in buffered])
        unseen = np.sum([unseen for _, unseen, _ in buffered], axis=0)
        buffered.clear()
        axes = tuple(choose_axes(self._features, self._classes, matrix, scores))
        if sum(axis.size for axis in axes) > MOST_BINS:
            self.is_too_wide = True
            return None
        learning = Tally(Grid(axes))
        learning.add(matrix, unseen, scores)
        return learning
