import math

import numpy as np
import pytest

from scoreline.features import UNSEEN, Feature, FeatureSet, Kind
from scoreline.models.baseline.cells import CellReader

NUMBER = Feature("x", field="deep.x")
FLAG = Feature("flag", Kind.BOOLEAN)
PLACE = Feature("place", Kind.CATEGORICAL, levels=("a", "b"))
SIZE = Feature("size", Kind.CATEGORICAL, levels=(9, 3, 2.5))


def read(feature, cells):
    found = CellReader(FeatureSet((feature,))).read([{feature.name: cell} for cell in cells])
    return found.matrix[:, 0].tolist(), dict(found.problems)


@pytest.mark.parametrize(
    ("feature", "cells", "expected"),
    [
        (NUMBER, [1, 2.5, "3e2", True, None], [1.0, 2.5, 300.0, 1.0, math.nan]),
        (NUMBER, [np.float64(1.5), float("nan"), "nan"], [1.5, math.nan, math.nan]),
        (FLAG, ["true", "False", "1", 0, None], [1.0, 0.0, 1.0, 0.0, math.nan]),
        (PLACE, ["b", "a", None, float("nan"), "c", 3], [1.0, 0.0, math.nan, math.nan, UNSEEN, UNSEEN]),
        (SIZE, [3, 9.0, "3", "2.5", 2.5, "10", None], [1.0, 0.0, 1.0, 2.0, 2.0, UNSEEN, math.nan]),
    ],
)
def test_cells_of_text_and_of_values_become_what_a_decoder_would_give(feature, cells, expected):
    values, problems = read(feature, cells)
    assert values == pytest.approx(expected, nan_ok=True)
    assert not problems


@pytest.mark.parametrize(
    ("feature", "cell", "problem"),
    [
        (NUMBER, "ten", "feature 'x' has to be a number, but is 'ten'"),
        (NUMBER, [1], "feature 'x' cannot be [1] of type list"),
        (NUMBER, 10**400, "feature 'x': int too large to convert to float"),
        (PLACE, ["a"], "feature 'place' has no level ['a']"),
    ],
)
def test_a_cell_that_is_no_value_spoils_its_row_alone(feature, cell, problem):
    good = "b" if feature is PLACE else 1
    values, problems = read(feature, [good, cell, good])
    assert values == pytest.approx([1.0, math.nan, 1.0], nan_ok=True)
    assert problems == {1: problem}


def test_a_feature_stands_under_its_name_or_else_under_its_field():
    reader = CellReader(FeatureSet((NUMBER, PLACE)))
    found = reader.read([{"deep.x": 1}, {"x": 2, "deep.x": 3}, {}])
    assert found.matrix[:, 0].tolist() == pytest.approx([1, 2, math.nan], nan_ok=True)
    assert found.columns == {"x"}
