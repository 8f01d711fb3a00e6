import gc
import re
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scoreline.errors import ModelRejected
from scoreline.features import Feature, FeatureSet
from scoreline.models.booster import SINGLE_ROW_CALLS_UP_TO, SORTED_FROM, LightGBMModel
from tests.models.builders import SHAPES, Trained, score_with_lightgbm, train


def load(trained: Trained) -> LightGBMModel:
    return LightGBMModel(trained.text.decode(), trained.plain_features, trained.classes)


@pytest.mark.parametrize("shape", SHAPES)
def test_predict_gives_the_bits_of_booster_predict(shape):
    """At one row, a few, the borders between the ways of calling LightGBM, and many."""
    trained = train(shape)
    model = load(trained)
    borders = (SINGLE_ROW_CALLS_UP_TO, SINGLE_ROW_CALLS_UP_TO + 1, SORTED_FROM - 1, SORTED_FROM)
    assert len(trained.matrix) > SORTED_FROM
    for rows in (1, 2, *borders, len(trained.matrix)):
        matrix = trained.matrix[:rows]
        expected = score_with_lightgbm(trained, matrix)
        scores = model.predict(matrix)
        assert scores.shape == expected.shape
        assert scores.tobytes() == expected.tobytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_that_are_equal_null_or_infinite_in_any_feature_keep_their_places(shape):
    trained = train(shape)
    model = load(trained)
    count = 3 * SORTED_FROM
    for column in range(trained.matrix.shape[1]):
        matrix = np.resize(trained.matrix, (count, trained.matrix.shape[1]))
        matrix[:, column] = np.resize([np.nan, 1.0, -np.inf, 1.0, np.inf], count)
        assert model.predict(matrix).tobytes() == score_with_lightgbm(trained, matrix).tobytes()


values = st.one_of(
    st.floats(-4, 4), st.floats(allow_infinity=False), st.integers(0, 6).map(float), st.sampled_from([0.0, -0.0, 1e-36])
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from(sorted(SHAPES)),
    matrix=arrays(np.float64, st.tuples(st.integers(1, 20), st.just(4)), elements=values),
)
def test_a_row_scores_the_same_whatever_stands_beside_it(shape, matrix):
    trained = train(shape)
    model = load(trained)
    together = model.predict(matrix)
    assert together.tobytes() == score_with_lightgbm(trained, matrix).tobytes()
    for i, row in enumerate(matrix):
        assert model.predict(row.reshape(1, -1)).tobytes() == together[i : i + 1].tobytes()


@pytest.mark.parametrize(("shape", "expected"), [("binary", (0,)), ("multiclass", (0, 3))])
def test_no_rows_give_no_scores_of_the_right_shape(shape, expected):
    trained = train(shape)
    scores = load(trained).predict(np.empty((0, 4)))
    assert scores.shape == expected
    assert scores.dtype == np.float64


def test_threads_that_score_single_rows_at_once_do_not_disturb_each_other():
    trained = train("multiclass")
    model = load(trained)
    expected = score_with_lightgbm(trained, trained.matrix)

    def score_some(start: int) -> bool:
        rows = range(start, len(trained.matrix), 4)
        return all(model.predict(trained.matrix[i : i + 1]).tobytes() == expected[i].tobytes() for i in rows)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(score_some, range(4)))


def test_a_thread_releases_its_prepared_call_when_it_ends():
    model = load(train("binary"))
    seen = []

    def score() -> None:
        model.predict(np.zeros((1, 4)))
        seen.append(weakref.ref(model._rows.call))
        assert seen[0]() is not None

    thread = threading.Thread(target=score)
    thread.start()
    thread.join()
    gc.collect()
    assert seen[0]() is None


def test_scores_outlive_the_model_that_made_them():
    model = load(train("binary"))
    scores = model.predict(np.zeros((1, 4)))
    before = scores.tobytes()
    del model
    gc.collect()
    assert scores.tobytes() == before


@pytest.mark.parametrize("shape", SHAPES)
def test_importances_are_the_shares_of_the_gain(shape):
    trained = train(shape)
    gains = trained.booster.feature_importance("gain")
    importances = LightGBMModel(trained.text.decode(), trained.plain_features, trained.classes).importances
    if not gains.any():
        assert importances is None
        return
    assert importances == pytest.approx(gains / gains.sum(), rel=1e-6)  # the text holds gains with six digits
    assert sum(importances) == pytest.approx(1.0)


def test_gains_that_add_up_to_nothing_finite_tell_nothing_of_importance():
    trained = train("regression")
    changed = re.sub(r"split_gain=\S+", "split_gain=inf", trained.text.decode())
    changed = re.sub(r"\ntree_sizes=.*", "", changed)
    assert LightGBMModel(changed, trained.plain_features).importances is None


def test_a_matrix_with_another_number_of_columns_is_refused():
    """LightGBM itself would score it, with `predict_disable_shape_check`; that is never set."""
    with pytest.raises(ValueError, match="takes 4 features, but the matrix has 3"):
        load(train("binary")).predict(np.zeros((1, 3)))


def test_rows_that_are_not_contiguous_are_scored_right():
    trained = train("binary")
    matrix = trained.matrix[:10]
    turned = np.asfortranarray(matrix)
    assert load(trained).predict(turned).tobytes() == score_with_lightgbm(trained, matrix).tobytes()


def test_features_in_another_order_are_refused():
    trained = train("binary")
    reversed_ = FeatureSet(tuple(Feature(name) for name in reversed(trained.booster.feature_name())))
    with pytest.raises(ModelRejected, match="features are"):
        LightGBMModel(trained.text.decode(), reversed_)


def test_a_wrong_number_of_classes_is_refused():
    trained = train("multiclass")
    with pytest.raises(ModelRejected, match="3 scores a row, but should give 1"):
        LightGBMModel(trained.text.decode(), trained.plain_features)


def test_what_lightgbm_refuses_is_rejected_with_its_words():
    trained = train("binary")
    text = trained.text.decode().replace("objective=binary", "objective=binaries")
    with pytest.raises(ModelRejected, match="Unknown objective"):
        LightGBMModel(text, trained.plain_features)
