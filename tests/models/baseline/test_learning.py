import tracemalloc

import numpy as np
import pytest

from scoreline.features import Feature, FeatureSet
from scoreline.models.baseline import learning
from scoreline.models.baseline.baseline import Origin
from scoreline.models.baseline.building import TrainingRows, make_baseline
from scoreline.models.baseline.learning import BaselineLearner
from tests.models.baseline.grids import FEATURES, NOTHING_UNSEEN, make_rows


def test_after_four_windows_there_is_a_baseline_of_all_of_their_rows():
    learner = BaselineLearner(FEATURES, None)
    matrix, scores = make_rows(2000)
    learned = []
    for i, part in enumerate(np.array_split(np.arange(2000), 8)):
        learner.add(matrix[part], NOTHING_UNSEEN, scores[part])
        if i % 2:
            learned.append(learner.end_window(1_700_000_000_000 + i))
    *earlier, baseline = learned
    assert earlier == [None] * 3
    assert baseline is not None
    assert (baseline.origin, baseline.learned_at_ms, baseline.blocks) == (Origin.LEARNED, 1_700_000_000_007, None)
    assert baseline.total.rows == 2000
    assert baseline.means[:2] == pytest.approx(np.nanmean(matrix[:, :2], axis=0), rel=1e-12)
    assert baseline.deviations[-1] == pytest.approx(scores.std(), rel=1e-12)


def test_the_bins_are_made_for_the_rows_of_the_first_window():
    learner = BaselineLearner(FEATURES, None, windows=2)
    matrix, scores = make_rows(500)
    learner.add(matrix, NOTHING_UNSEEN, scores)
    learner.end_window(1)
    learner.add(matrix + 1000, NOTHING_UNSEEN, scores)
    baseline = learner.end_window(2)
    assert baseline is not None
    assert baseline.grid == make_baseline(FEATURES, None, TrainingRows(matrix, scores)).grid


def test_no_more_rows_are_buffered_than_the_bins_need():
    learner = BaselineLearner(FEATURES, None, windows=1, most_buffered_rows=100)
    for seed in range(4):
        learner.add(*_with_unseen(make_rows(60, seed=seed)))
    baseline = learner.end_window(1)
    assert baseline is not None
    first = [make_rows(60, seed=seed) for seed in range(2)]
    rows = TrainingRows(*(np.concatenate(each) for each in zip(*first, strict=True)))
    assert baseline.grid == make_baseline(FEATURES, None, rows).grid
    assert baseline.total.rows == 240


def test_no_more_bytes_are_buffered_than_is_said_and_the_rest_is_counted_in_slices():
    """A model with thousands of features; measured by what Python and numpy have taken at once."""
    features = FeatureSet(tuple(Feature(f"x{i}") for i in range(2000)))
    learner = BaselineLearner(features, None, windows=1, most_buffered_bytes=4 * 2**20)
    rows = np.random.default_rng(0).random((64, 2000))
    tracemalloc.start()
    try:
        for _ in range(12):
            learner.add(rows.copy(), np.zeros(2000, dtype=np.int64), rows[:, 0])
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    baseline = learner.end_window(1)
    assert baseline is not None
    assert baseline.total.rows == 12 * 64
    assert most < 40 * 2**20


def _with_unseen(rows):
    matrix, scores = rows
    return matrix, NOTHING_UNSEEN, scores


def test_unseen_levels_are_learned_too():
    learner = BaselineLearner(FEATURES, None, windows=1)
    learner.add(np.full((3, 4), np.nan), np.array([0, 0, 1, 0]), np.zeros(3))
    learner.add(np.full((3, 4), np.nan), np.array([0, 0, 2, 0]), np.zeros(3))
    baseline = learner.end_window(1)
    assert baseline is not None
    assert baseline.total.bins[baseline.grid.slice_of(2)].tolist() == [0, 0, 0, 3, 3]


def test_a_window_without_rows_is_none_and_nothing_is_learned_after_the_last():
    learner = BaselineLearner(FEATURES, None, windows=1)
    learner.add(np.empty((0, 4)), NOTHING_UNSEEN, np.empty(0))
    assert learner.end_window(1) is None
    learner.add(*_with_unseen(make_rows(10)))
    assert learner.end_window(2) is not None
    learner.add(*_with_unseen(make_rows(10)))
    assert learner.end_window(3) is None


def test_nothing_is_learned_where_there_would_be_far_too_many_bins(monkeypatch):
    monkeypatch.setattr(learning, "MOST_BINS", 10)
    learner = BaselineLearner(FEATURES, None, windows=1)
    learner.add(*_with_unseen(make_rows(10)))
    assert learner.end_window(1) is None
    assert learner.is_too_wide
    learner.add(*_with_unseen(make_rows(10)))
    assert learner.end_window(2) is None
