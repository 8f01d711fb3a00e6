"""Compiled trees against LightGBM itself."""

from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scoreline.models.compiled import forest, parity
from scoreline.models.compiled.native import ENTRY, NativeCode, compile_object
from scoreline.models.golden import agree
from scoreline.models.model_text import split_model_text
from tests.models.builders import TINY, score_with_lightgbm, train
from tests.models.compiled.native_models import COMPILED, compile_here

numbers = st.one_of(
    st.floats(-4, 4),
    st.floats(allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, 1e-36, forest.ZERO_WITHIN, -forest.ZERO_WITHIN, 1e300, -1e300]),
)
codes = st.one_of(st.integers(0, 8), st.integers(0, 2**31 - 1)).map(float) | st.just(np.nan)


@pytest.mark.slow
@pytest.mark.parametrize("shape", COMPILED)
def test_compiled_trees_give_the_bits_of_lightgbm(shape):
    """On the rows of the training and on those that decide whether a model may serve."""
    trained = train(shape)
    model = compile_here(shape)
    for matrix in (trained.matrix, parity.make_rows(trained.facts), trained.matrix[:1], trained.matrix[:0]):
        expected = model.plain.predict(matrix)
        scores = model.predict(matrix)
        assert scores.shape == expected.shape
        assert scores.tobytes() == expected.tobytes()
    assert model.importances == model.plain.importances


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    shape=st.sampled_from([shape for shape in COMPILED if shape != "pandas"]),
    rows=st.integers(1, 12).flatmap(
        lambda n: st.tuples(arrays(np.float64, (n, 4), elements=numbers), arrays(np.float64, n, elements=codes))
    ),
)
def test_any_settled_row_scores_as_lightgbm_scores_it(shape, rows):
    matrix, category = rows
    matrix[:, 2] = category
    assert compile_here(shape).predict(matrix).tobytes() == score_with_lightgbm(train(shape), matrix).tobytes()


@pytest.mark.slow
def test_sums_are_those_of_lightgbm_where_trees_are_cut_into_blocks_and_cancel_out(monkeypatch, tmp_path):
    """A relative 1e-9 of a score near zero is less than what another order of the same additions changes."""
    random = np.random.default_rng(5)
    matrix = random.normal(size=(500, 3))
    target = 1e6 * np.sin(3 * matrix[:, 0])
    booster = lightgbm.train({**TINY, "objective": "regression"}, lightgbm.Dataset(matrix, target), 40)
    monkeypatch.setattr(forest, "LEAVES_A_BLOCK", 30)
    modules = list(forest.write_forest(split_model_text(booster.model_to_string().encode()), tmp_path))
    code = NativeCode([compile_object(module) for module in modules])
    scores = np.empty(len(matrix))
    code.call(matrix.ctypes.data, scores.ctypes.data, len(matrix))
    assert len(modules) > 5
    assert scores.tobytes() == booster.predict(matrix, num_threads=1).tobytes()


def test_a_tree_larger_than_a_block_is_a_block_of_its_own(monkeypatch):
    monkeypatch.setattr(forest, "LEAVES_A_BLOCK", 10)
    assert list(forest._cut("abcdef", [4, 5, 30, 2, 8, 1])) == [["a", "b"], ["c"], ["d", "e"], ["f"]]


@pytest.mark.slow
def test_threads_that_score_at_once_do_not_disturb_each_other():
    trained, model = train("multiclass"), compile_here("multiclass")
    expected = score_with_lightgbm(trained, trained.matrix)

    def score_some(start: int) -> bool:
        rows = range(start, len(trained.matrix), 4)
        return all(model.predict(trained.matrix[i : i + 1]).tobytes() == expected[i].tobytes() for i in rows)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(score_some, range(4)))


@pytest.mark.slow
def test_rows_that_are_not_contiguous_are_scored_right():
    matrix = train("binary").matrix
    assert agree(
        score_with_lightgbm(train("binary"), matrix), compile_here("binary").predict(np.asfortranarray(matrix))
    )


@pytest.mark.slow
def test_a_matrix_with_another_number_of_columns_is_refused():
    with pytest.raises(ValueError, match="takes 4 features, but the matrix has 3"):
        compile_here("binary").predict(np.zeros((1, 3)))


@pytest.mark.slow
def test_a_compiled_model_shares_features_and_classes_with_the_plain_one():
    model = compile_here("multiclass")
    assert model.engine == "compiled"
    assert model.features is model.plain.features
    assert model.classes == model.plain.classes == train("multiclass").classes


def test_object_files_without_the_function_are_rejected():
    from scoreline.errors import ModelRejected

    with pytest.raises(ModelRejected, match=ENTRY):
        NativeCode([])
