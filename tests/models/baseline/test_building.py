import numpy as np
import pytest

from scoreline.errors import ConfigError
from scoreline.features import UNSEEN
from scoreline.models.baseline.axes import NumericAxis
from scoreline.models.baseline.baseline import MOST_BLOCKS, Origin
from scoreline.models.baseline.building import TrainingRows, make_baseline
from tests.models.baseline.grids import FEATURES, make_rows


def add_up(blocks):
    total = blocks[0]
    for block in blocks[1:]:
        total.add(block)
    return total


def test_all_rows_are_counted_with_their_exact_means_and_deviations():
    matrix, scores = make_rows(3000)
    baseline = make_baseline(FEATURES, None, TrainingRows(matrix, scores))
    assert (baseline.origin, baseline.blocks, baseline.total.rows) == (Origin.PUBLISHED, None, 3000)
    speed, rain = np.nanmean(matrix[:, :2], axis=0)
    assert baseline.means == pytest.approx([speed, rain, 0, 0, scores.mean()], rel=1e-12)
    assert baseline.deviations == pytest.approx([*np.nanstd(matrix[:, :2], axis=0), 0, 0, scores.std()], rel=1e-12)
    assert baseline.grid.names == (*FEATURES.names, "output:prediction")


def test_unseen_levels_of_the_training_are_counted_as_such():
    matrix, scores = make_rows(100)
    matrix[:30, 2] = UNSEEN
    baseline = make_baseline(FEATURES, None, TrainingRows(matrix, scores))
    bins = baseline.total.bins[baseline.grid.slice_of(2)]
    assert (bins[-2], bins[-1]) == (30, np.isnan(matrix[:, 2]).sum())
    assert (matrix[:30, 2] == UNSEEN).all()


def test_rows_in_an_order_of_time_are_counted_in_blocks_of_it():
    """Whatever order they come in; rows of the same time keep theirs."""
    matrix, scores = make_rows(1024)
    times = np.repeat(np.arange(256.0), 4)
    ordered = make_baseline(FEATURES, None, TrainingRows(matrix, scores, times))
    order = np.random.default_rng(3).permutation(256)
    mixed = (np.arange(1024).reshape(256, 4)[order]).ravel()
    shuffled = make_baseline(FEATURES, None, TrainingRows(matrix[mixed], scores[mixed], times[mixed]))
    assert ordered.blocks is not None
    assert shuffled.blocks is not None
    assert len(ordered.blocks) == MOST_BLOCKS
    for one, other, begin in zip(ordered.blocks, shuffled.blocks, range(0, 1024, 2), strict=True):
        expected = ordered.grid.count(matrix[begin : begin + 2], np.zeros(4, dtype=np.int64), scores[begin : begin + 2])
        assert one.bins.tolist() == expected.bins.tolist() == other.bins.tolist()
        assert one.rows == 2


@pytest.mark.parametrize(("rows", "blocks", "left_over"), [(1, 1, 0), (512, 512, 0), (513, 256, 1), (1535, 511, 2)])
def test_blocks_have_equally_many_rows_and_what_is_left_over_is_the_earliest(rows, blocks, left_over):
    matrix, scores = make_rows(rows)
    matrix[:, 0] = np.arange(rows)
    baseline = make_baseline(FEATURES, None, TrainingRows(matrix, scores, np.arange(rows, dtype=np.float64)))
    assert baseline.blocks is not None
    assert len(baseline.blocks) == blocks
    assert {block.rows for block in baseline.blocks} == {rows // blocks}
    assert add_up(baseline.blocks).sums[0] == matrix[left_over:, 0].sum()


def test_a_sample_chooses_the_bins_of_very_many_rows_and_all_of_them_are_counted(monkeypatch):
    monkeypatch.setattr("scoreline.models.baseline.building._SAMPLE_VALUES", 1)
    matrix, scores = make_rows(12_000)
    baseline = make_baseline(FEATURES, None, TrainingRows(matrix, scores))
    axis = baseline.grid.axes[0]
    assert isinstance(axis, NumericAxis)
    assert axis.lowest == pytest.approx(np.nanquantile(matrix[:, 0], 0.001), abs=1.0)
    assert baseline.total.bins[baseline.grid.slice_of(0)].sum() == 12_000


def test_far_too_many_bins_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr("scoreline.models.baseline.building.MOST_BINS", 300)
    with pytest.raises(ConfigError, match=r"a baseline of 4 features would have 405 bins, .*publish without it"):
        make_baseline(FEATURES, None, TrainingRows(*make_rows(40)))
