"""How shadows compare with what was answered: per pair of versions, in bounded memory, while records flow."""

import threading
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoreline.models.model import ModelVersion, Scores
from scoreline.models.routes import MOST_VERSIONS
from scoreline.observability.quantiles import QuantileSketch
from scoreline.observability.ranks import find_ranks

RANKED_ROWS = 1024
"""The latest rows, over which ranks are correlated."""

MOST_PAIRS = (MOST_VERSIONS // 2) ** 2
"""As many as one route can have: half of its versions answer, and the other half shadows each of them."""

QUANTILES = (0.05, 0.5, 0.95)

SMALLEST_DIFFERENCE = 1e-12
LARGEST_DIFFERENCE = 1e18
"""Scores may be probabilities or sums of money: beyond these ends quantiles are those of the nearest one."""

_SCALE = 2.0**-64
"""Even sums of the largest doubles are finite then, and scaling by a power of two costs no digit."""

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is known of one pair of versions.

    Attributes:
        count: rows that both have scored.
        mean: of the difference, the shadow's score minus the answered one; in the scores' unit. Of several classes,
            of the score for the class that was answered. None where scores do not compare.
        quantiles: of the difference, for `QUANTILES`; within 1 % of the value between `SMALLEST_DIFFERENCE` and
            `LARGEST_DIFFERENCE`, of either sign, and exact where it is zero.
        agreement: the share of rows with the same label; None without classes.
        rank_correlation: Spearman's, over the latest `RANKED_ROWS`; None with classes, and where nothing varies.
        overflowed: rows whose difference is too large for a double: they are in neither mean nor quantiles.
    """

    version: int
    shadow: int
    count: int
    mean: float | None
    quantiles: tuple[float | None, ...]
    agreement: float | None
    rank_correlation: float | None
    overflowed: int


class Comparisons:
    """Collects pairs; may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs: dict[tuple[int, int], _Pair] = {}

    def shadow_scored(self, answered: ModelVersion, shadow: ModelVersion, scores: Scores, shadowed: Scores) -> None:
        """Both have scored the same rows."""
        key = answered.version, shadow.version
        with self._lock:
            pair = self._pairs.pop(key, None) or _Pair()
            self._pairs[key] = pair
            if len(self._pairs) > MOST_PAIRS:
                del self._pairs[next(iter(self._pairs))]
            pair.add(answered.model.classes, shadow.model.classes, scores, shadowed)

    def read(self, loaded: Collection[int]) -> list[Comparison]:
        """All pairs whose versions are loaded, by their numbers; the others are forgotten."""
        with self._lock:
            self._pairs = {key: pair for key, pair in self._pairs.items() if set(key) <= set(loaded)}
            return [self._pairs[key].describe(*key) for key in sorted(self._pairs)]


class _Pair:
    """Counts of one pair; whoever owns it holds a lock."""

    def __init__(self) -> None:
        self._count = self._labelled = self._agreed = 0
        self._differences = _Differences()
        self._latest = np.empty((2, RANKED_ROWS))
        self._ranked = 0

    def add(
        self,
        classes: tuple[str, ...] | None,
        shadow_classes: tuple[str, ...] | None,
        scores: Scores,
        shadowed: Scores,
    ) -> None:
        self._count += len(scores)
        if classes is None and shadow_classes is None:
            self._differences.add(scores, shadowed)
            latest = np.stack([scores[-RANKED_ROWS:], shadowed[-RANKED_ROWS:]])
            self._latest[:, (self._ranked + np.arange(latest.shape[1])) % RANKED_ROWS] = latest
            self._ranked += latest.shape[1]
        elif classes is not None and shadow_classes is not None:
            rows = np.arange(len(scores))
            chosen, other = scores.argmax(axis=1), shadowed.argmax(axis=1)
            names, other_names = np.array(classes), np.array(shadow_classes)
            self._labelled += len(scores)
            self._agreed += int((names[chosen] == other_names[other]).sum())
            if classes == shadow_classes:
                self._differences.add(scores[rows, chosen], shadowed[rows, chosen])

    def describe(self, version: int, shadow: int) -> Comparison:
        latest = self._latest[:, : min(self._ranked, RANKED_ROWS)]
        return Comparison(
            version,
            shadow,
            self._count,
            self._differences.mean,
            self._differences.quantiles(),
            self._agreed / self._labelled if self._labelled else None,
            correlate_ranks(latest[0], latest[1]),
            self._differences.overflowed,
        )


class _Differences:
    """Mean and quantiles of differences of either sign: a sketch knows values above zero only."""

    def __init__(self) -> None:
        self._below, self._above = (QuantileSketch(SMALLEST_DIFFERENCE, LARGEST_DIFFERENCE) for _ in range(2))
        self._zeros = self.overflowed = 0
        self._scaled_total = 0.0

    @property
    def mean(self) -> float | None:
        count = self._below.count + self._zeros + self._above.count
        return self._scaled_total / count / _SCALE if count else None

    def add(self, scores: Doubles, shadowed: Doubles) -> None:
        with np.errstate(over="ignore"):  # counted
            differences = shadowed - scores
        values = differences[np.isfinite(differences)]
        self.overflowed += len(differences) - len(values)
        self._scaled_total += float((values * _SCALE).sum())
        self._zeros += int((values == 0).sum())
        # The sketches add up what they are given, which would overflow.
        values = np.clip(values, -LARGEST_DIFFERENCE, LARGEST_DIFFERENCE)
        self._below.add_many(-values[values < 0])
        self._above.add_many(values[values > 0])

    def quantiles(self) -> tuple[float | None, ...]:
        return tuple(map(self._quantile, QUANTILES))

    def _quantile(self, fraction: float) -> float | None:
        """By the nearest rank, as in `QuantileSketch.quantiles`."""
        below, above = self._below.count, self._above.count
        count = below + self._zeros + above
        if not count:
            return None
        rank = max(1, int(np.ceil(round(fraction * count, 6))))
        if rank <= below:
            (found,) = self._below.quantiles([(below - rank + 1) / below])
            return None if found is None else -found
        if rank <= below + self._zeros:
            return 0.0
        return self._above.quantiles([(rank - below - self._zeros) / above])[0]


def correlate_ranks(first: Doubles, second: Doubles) -> float | None:
    """Spearman's rank correlation, ties at their mean rank; None under two rows, and where one of them never varies.

    Args:
        first, second: shape (rows,).
    """
    if len(first) < 2:
        return None
    ranks = [find_ranks(values) for values in (first, second)]
    spread = [float(values.std()) for values in ranks]
    if not all(spread):
        return None
    centred = (ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())
    return float(centred.mean()) / (spread[0] * spread[1])
