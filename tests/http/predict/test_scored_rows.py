import tracemalloc

import numpy as np
import pytest

from scoreline.errors import InvalidInstances
from scoreline.features import Feature
from scoreline.http.predict.scored_rows import score_rows
from scoreline.models.model import ModelVersion
from scoreline.testing.fakes import WeightedSum


def test_rows_of_nothing_but_nulls_are_refused_in_bounded_memory():
    """Each is counted, and a thousand are told, however many features may not be null."""
    model = WeightedSum([Feature(f"f{i}", nullable=False) for i in range(300)], [1.0] * 300)
    matrix = np.full((1500, 300), np.nan)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInstances) as caught:
            score_rows(ModelVersion("model", 1, "", model), matrix)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(caught.value).startswith("1500 of the instances cannot be scored")
    assert len(caught.value.problems) == 100 * 32 + 900
    assert peak < 3 * matrix.nbytes
