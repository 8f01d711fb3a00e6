import lightgbm
import numpy as np
import pytest

from scoreline.models.compiled import obstacles
from scoreline.models.compiled.obstacles import find_obstacle
from tests.models.builders import ROWS, TINY, make_matrix, train
from tests.models.compiled.native_models import COMPILED


@pytest.mark.parametrize("shape", COMPILED)
def test_nothing_stands_against_a_model_that_compiles_right(shape):
    assert find_obstacle(train(shape).text) is None


@pytest.mark.parametrize(
    ("shape", "reason"),
    [("linear_tree", "linear_tree"), ("linear_multiclass", "linear_tree"), ("multiclassova", "multiclassova")],
)
def test_what_lleaves_gets_wrong_is_refused_with_the_reason(shape, reason):
    assert reason in find_obstacle(train(shape).text)


def train_on(matrix, target, **parameters):
    data = lightgbm.Dataset(matrix, target, categorical_feature=parameters.pop("categorical", []))
    return lightgbm.train({**TINY, **parameters}, data, 3).model_to_string()


def test_an_objective_that_loses_digits_is_refused():
    text = train_on(make_matrix(), np.linspace(0, 1, ROWS), objective="cross_entropy_lambda")
    assert "cross_entropy_lambda" in find_obstacle(text.encode())


def test_averages_of_several_classes_are_refused():
    forest = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    text = train_on(make_matrix(), np.arange(ROWS) % 3, objective="multiclass", num_class=3, **forest)
    assert "random forest of several classes" in find_obstacle(text.encode())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("feature_infos=[", "feature_infos=none ["),  # the infos shift by one, so numbers stand where codes were
    ],
)
def test_a_split_that_contradicts_the_infos_is_refused(before, after):
    text = train("binary").text.decode()
    line = next(line for line in text.splitlines() if line.startswith("feature_infos="))
    changed = line.replace(before, after).rpartition(" ")[0]
    assert "otherwise than its feature_infos tell" in find_obstacle(text.replace(line, changed).encode())


def test_a_split_at_exactly_zero_is_refused():
    """LightGBM writes none itself; lleaves takes it for a threshold that is missing."""
    text = train_on(make_matrix()[:, :1], make_matrix()[:, 0], objective="regression", num_leaves=2)
    line = next(line for line in text.splitlines() if line.startswith("threshold="))
    zero = "threshold=0"
    edited = text.replace(line, zero + " " * (len(line) - len(zero)), 1)
    assert "exactly 0" in find_obstacle(edited.encode())


def test_sets_of_categories_that_would_be_slow_are_refused(monkeypatch):
    monkeypatch.setattr(obstacles, "MOST_CODE", 2)
    assert "codes over 2" in find_obstacle(train("regression").text)
