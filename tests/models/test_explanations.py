import threading
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scoreline.errors import ModelRejected, NotExplainable
from scoreline.features import Feature, FeatureSet
from scoreline.models.booster import LightGBMModel
from scoreline.models.explanations import Contribution, Explanation, find_contributions, select_largest
from scoreline.testing.fakes import WeightedSum
from tests.models.builders import ROWS, SHAPES, TINY, Trained, train

LINEAR = ("linear_tree", "linear_multiclass")
EXPLAINABLE = sorted(set(SHAPES) - set(LINEAR))


def load(trained: Trained) -> LightGBMModel:
    return LightGBMModel(trained.text.decode(), trained.plain_features, trained.classes)


def explain_with_lightgbm(trained: Trained, matrix: np.ndarray) -> np.ndarray:
    """The oracle, of the predicted class: shape (rows, features + 1)."""
    booster = lightgbm.Booster(model_str=trained.text.decode())
    found = np.asarray(booster.predict(matrix, pred_contrib=True, num_threads=1))
    found = found.reshape(len(matrix), -1, matrix.shape[1] + 1)
    scores = np.asarray(booster.predict(matrix, num_threads=1)).reshape(len(matrix), -1)
    return np.array([row[np.argmax(score)] for row, score in zip(found, scores, strict=True)])


@pytest.mark.parametrize("shape", EXPLAINABLE)
def test_contributions_are_those_of_lightgbm_and_add_up_to_the_raw_score(shape):
    trained = train(shape)
    model, matrix = load(trained), trained.matrix[:40]
    scores = model.predict(matrix)
    contributions = find_contributions(model, matrix, scores)
    assert contributions.tobytes() == explain_with_lightgbm(trained, matrix).tobytes()

    raw = np.asarray(lightgbm.Booster(model_str=trained.text.decode()).predict(matrix, raw_score=True))
    expected = raw if scores.ndim == 1 else raw[np.arange(len(matrix)), np.argmax(scores, axis=1)]
    np.testing.assert_allclose(contributions.sum(axis=1), expected, rtol=1e-12, atol=1e-12)


values = st.one_of(
    st.floats(-4, 4), st.floats(allow_infinity=False), st.integers(0, 6).map(float), st.sampled_from([0.0, -0.0, 1e-36])
)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from(EXPLAINABLE),
    matrix=arrays(np.float64, st.tuples(st.integers(1, 6), st.just(4)), elements=values),
)
def test_any_row_is_explained_as_lightgbm_does(shape, matrix):
    """With nulls, categories never seen, and whatever stands beside it."""
    trained = train(shape)
    model = load(trained)
    contributions = find_contributions(model, matrix, model.predict(matrix))
    assert contributions.tobytes() == explain_with_lightgbm(trained, matrix).tobytes()


def test_the_raw_score_of_a_random_forest_is_the_sum_of_its_trees():
    """Its prediction is their mean: so LightGBM has it, and so it is documented."""
    trained = train("random_forest")
    model, matrix = load(trained), trained.matrix[:5]
    scores = model.predict(matrix)
    total = find_contributions(model, matrix, scores).sum(axis=1)
    np.testing.assert_allclose(total / trained.facts.trees, scores, rtol=1e-12)


@pytest.mark.parametrize("shape", LINEAR)
def test_linear_trees_are_refused_without_a_word_on_standard_output(shape, capfd):
    """Where LightGBM is asked, it prints the reason, and a log of JSON lines is none any more."""
    trained = train(shape)
    model, matrix = load(trained), trained.matrix[:1]
    with pytest.raises(NotExplainable, match="trees are linear"):
        find_contributions(model, matrix, model.predict(matrix))
    assert capfd.readouterr() == ("", "")


def test_no_rows_have_no_contributions():
    model = load(train("binary"))
    nothing = np.empty((0, 4))
    assert find_contributions(model, nothing, model.predict(nothing)).shape == (0, 5)


class Silent:
    """A model of some other kind, which tells nothing but scores."""

    engine = "tensors"
    importances = None
    classes = None
    features = FeatureSet((Feature("a"),))

    def predict(self, features):
        return features[:, 0]


def test_a_model_that_does_not_tell_is_refused_by_its_engine():
    with pytest.raises(NotExplainable, match="engine 'tensors' does not tell"):
        find_contributions(Silent(), np.ones((1, 1)), np.ones(1))


class Wrapped(Silent):
    """An engine of its own around a model, which it has explain."""

    def __init__(self, model):
        self.explain = model.explain


def test_an_engine_may_pass_on_what_it_is_asked():
    matrix = np.array([[3.0]])
    model = Wrapped(WeightedSum([Feature("a")], [2.0]))
    assert find_contributions(model, matrix, np.array([6.0])).tolist() == [[6.0, 0.0]]


class Short(Silent):
    """Forgets the base."""

    def explain(self, features, outputs):
        return features


def test_contributions_of_another_shape_are_rejected():
    with pytest.raises(ModelRejected, match=r"shape \(1, 1\) instead of \(1, 2\)"):
        find_contributions(Short(), np.ones((1, 1)), np.ones(1))


@pytest.mark.parametrize(("scores", "best"), [([1.0, 2.0, 3.0], 2), ([3.0, 1.0, 3.0], 0), ([0.0, 0.0, 0.0], 0)])
def test_the_predicted_class_is_explained_the_lowest_of_equals(scores, best):
    model = WeightedSum([Feature("a")], [1.0], classes=("x", "y", "z"))
    assert find_contributions(model, np.ones((1, 1)), np.array([scores])).tolist() == [[best + 1.0, 0.0]]


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, [("b", -5.0)]),
        (3, [("b", -5.0), ("c", 5.0), ("d", 1.0)]),
        (4, [("b", -5.0), ("c", 5.0), ("d", 1.0), ("a", 0.0)]),
        (99, [("b", -5.0), ("c", 5.0), ("d", 1.0), ("a", 0.0)]),
    ],
)
def test_the_weightiest_are_told_first_and_equal_ones_in_the_models_order(count, told):
    explained = select_largest(("a", "b", "c", "d"), np.array([[0.0, -5.0, 5.0, 1.0, 0.25]]), count)
    assert explained == [Explanation(0.25, [Contribution(*one) for one in told])]


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(1, 6)), elements=finite), st.integers(1, 8))
def test_nothing_that_is_left_out_weighs_more_than_what_is_told(contributions, count):
    names = [str(i) for i in range(contributions.shape[1] - 1)]
    for explained, row in zip(select_largest(names, contributions, count), contributions, strict=True):
        told = {one.feature: one.contribution for one in explained.features}
        assert explained.base == row[-1]
        assert len(told) == len(explained.features) == min(count, len(names))
        assert all(row[int(name)] == value for name, value in told.items())
        weights = [abs(one.contribution) for one in explained.features]
        assert weights == sorted(weights, reverse=True)
        assert all(abs(row[int(name)]) <= weights[-1] for name in set(names) - set(told))


def train_deep() -> Trained:
    """Trees that are as deep as they have leaves, where a depth that is read too low has room for too few."""
    matrix = np.arange(ROWS, dtype=np.float64).reshape(-1, 1) * [1.0, 0.5, 0.0, 0.0]
    options = {**TINY, "num_leaves": 31, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0, "learning_rate": 0.5}
    data = lightgbm.Dataset(matrix, 1.5 ** np.arange(ROWS), feature_name=["x", "y", "category", "constant"])
    return Trained(lightgbm.train({**options, "objective": "regression"}, data, 20), matrix)


def test_threads_that_explain_and_predict_at_once_do_not_disturb_each_other():
    """On models that nobody has asked before: that is when LightGBM measures their trees."""
    trained = train_deep()
    matrix = trained.matrix[::8].copy()
    expected = explain_with_lightgbm(trained, matrix).tobytes()
    outputs = np.zeros(len(matrix), dtype=np.intp)
    for _ in range(4):
        model = load(trained)
        scores = load(trained).predict(matrix).tobytes()
        together = threading.Barrier(4)

        def explain(model=model, together=together) -> bool:
            together.wait(5)
            return model.explain(matrix, outputs).tobytes() == expected

        def predict(model=model, together=together, scores=scores) -> bool:
            together.wait(5)
            return all(model.predict(matrix).tobytes() == scores for _ in range(20))

        with ThreadPoolExecutor(4) as pool:
            assert all(asked.result() for asked in [pool.submit(f) for f in (explain, explain, predict, predict)])
