import numpy as np
import pytest

from scoreline.features import MAX_CODE
from scoreline.models.compiled.forest import ZERO_WITHIN
from scoreline.models.compiled.parity import PARITY_ROWS, find_difference, make_rows
from tests.models.builders import train


def test_rows_are_the_same_for_the_same_model():
    facts = train("binary").facts
    assert make_rows(facts).tobytes() == make_rows(facts).tobytes()


def test_rows_reach_thresholds_and_what_lies_around_them_extremes_and_nulls():
    facts = train("binary").facts
    rows = make_rows(facts)
    x, category = rows[:, 0], rows[:, 2]
    thresholds = facts.features[0].thresholds
    assert rows.shape == (PARITY_ROWS, 4)
    assert rows.flags.c_contiguous
    assert set(thresholds) <= set(x)
    assert set(np.nextafter(thresholds, np.inf)) <= set(x)
    assert {1e300, -1e300, 5e-324, ZERO_WITHIN, -ZERO_WITHIN} <= set(x)
    assert np.isnan(rows).any(axis=0).all()
    assert {*range(6), float(MAX_CODE)} <= set(category)
    assert not np.isinf(rows).any()


def test_codes_are_what_settling_lets_pass():
    category = make_rows(train("binary").facts)[:, 2]
    codes = category[~np.isnan(category)]
    assert ((codes >= 0) & (codes <= MAX_CODE) & (codes == np.floor(codes))).all()


@pytest.mark.parametrize("shape", ["single_leaf", "custom_multiclass", "pandas"])
def test_features_without_splits_have_rows_too(shape):
    assert not np.isnan(make_rows(train(shape).facts)).all(axis=0).any()


def test_a_relative_difference_of_a_billionth_is_told_with_both_scores():
    expected = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert find_difference(expected, expected * (1 + 5e-10)) is None
    told = find_difference(expected, np.array([[1.0, 2.0], [3.0, 4.5]]))
    assert told == "1 of 2 rows get other scores than LightGBM gives; one gets 4.5 instead of 4.0"


def test_scores_of_another_shape_differ():
    assert "shape (2,)" in find_difference(np.zeros((2, 3)), np.zeros(2))
