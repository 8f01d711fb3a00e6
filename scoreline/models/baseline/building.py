"""Builds a baseline from rows of the training that were settled and scored."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoreline.errors import ConfigError
from scoreline.features import FeatureSet, Matrix
from scoreline.models.baseline.baseline import MOST_BLOCKS, Baseline
from scoreline.models.baseline.blocks import PackedBlocks
from scoreline.models.baseline.choosing import choose_axes
from scoreline.models.baseline.counts import Counts
from scoreline.models.baseline.grid import MOST_BINS, Grid
from scoreline.models.baseline.tally import Tally
from scoreline.models.model import Scores

_SLICE_VALUES = 2**18
_SAMPLE_VALUES = 2**23
_LEAST_SAMPLE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Rows of the training that can be scored; the matrix may lie in a file, and is read in slices.

    Attributes:
        matrix: raw values in which settling finds no problem, at least one row; shape (rows, features).
        scores: all finite; shape (rows,) or (rows, classes).
        times: that order them, in any unit; shape (rows,). None where nobody knows.
    """

    matrix: Matrix
    scores: Scores
    times: npt.NDArray[np.float64] | None = None


def make_baseline(features: FeatureSet, classes: tuple[str, ...] | None, rows: TrainingRows) -> Baseline:
    """Count rows of the training on a grid that is made for them.

    Memory is bounded by features times bins, and by a sample of 64 MiB that quantiles are taken from where the rows are
    more than that (always of 10,000 rows at least).

    With times, rows are counted in up to 512 blocks of equally many consecutive rows too; rows of the same time keep
    their order. What is left over, fewer than a block has, are the earliest.

    Args:
        classes: as `Model.classes`.

    Raises:
        ConfigError: there are so many features and levels that their bins would be no small thing.
    """
    sample, _, scores = _take(features, rows, _choose_sample(len(rows.matrix), len(features)))
    grid = Grid(tuple(choose_axes(features, classes, sample, scores)))
    if grid.size > MOST_BINS:
        raise ConfigError(
            f"a baseline of {len(features)} features would have {grid.size:,} bins, but {MOST_BINS:,} is the most: "
            "publish without it"
        )
    tally = Tally(grid)
    for part in _slice(np.arange(len(rows.matrix)), _slice_rows(features)):
        tally.add(*_take(features, rows, part))
    if rows.times is None:
        return tally.finish()
    return tally.finish(blocks=PackedBlocks.pack(grid, _count_blocks(grid, features, rows, rows.times)))


def _choose_sample(rows: int, columns: int) -> npt.NDArray[np.intp]:
    """Rows by chance, the same ones every time; all where they are not too many."""
    most = max(_LEAST_SAMPLE_ROWS, _SAMPLE_VALUES // columns)
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _count_blocks(
    grid: Grid, features: FeatureSet, rows: TrainingRows, times: npt.NDArray[np.float64]
) -> Iterator[Counts]:
    order = np.argsort(times, kind="stable")
    block_rows = -(-len(order) // MOST_BLOCKS)
    order = order[len(order) % block_rows :]
    for block in order.reshape(-1, block_rows):
        counts = grid.make_empty()
        for part in _slice(np.sort(block), _slice_rows(features)):
            counts.add(grid.count(*_take(features, rows, part)))
        yield counts


def _take(
    features: FeatureSet, rows: TrainingRows, part: npt.NDArray[np.intp]
) -> tuple[Matrix, npt.NDArray[np.int64], Scores]:
    """Some rows, as they are scored: settled, with what was unseen in them, and their scores."""
    matrix = np.array(rows.matrix[part])
    return matrix, features.settle(matrix).unseen, rows.scores[part]


def _slice_rows(features: FeatureSet) -> int:
    return max(1, _SLICE_VALUES // len(features))


def _slice(rows: npt.NDArray[np.intp], size: int) -> Iterator[npt.NDArray[np.intp]]:
    for begin in range(0, len(rows), size):
        yield rows[begin : begin + size]
