import json

import lightgbm
import numpy as np
import pytest

from scoreline.errors import ConfigError
from scoreline.features import Kind
from scoreline.models.feature_rules import FeatureStatement, find_features, read_statements
from scoreline.models.inspection import inspect_model
from tests.models.builders import LEVELS, train, train_with_levels, train_with_lists


def features_of(shape, *statements):
    return {feature.name: feature for feature in find_features(train(shape).facts, statements)}


def inspect_trained(columns, target, categorical, lists):
    matrix = np.column_stack(list(columns.values())).astype(np.float64)
    booster = train_with_lists(matrix, target, list(columns), categorical, lists)
    return inspect_model(booster.model_to_string().encode())


def test_a_numeric_feature_is_nullable_only_if_its_splits_learned_what_a_null_means():
    features = features_of("regression")
    assert {name: feature.nullable for name, feature in features.items()} == {
        "x": False,
        "y": True,
        "category": True,
        "constant": True,
    }


def test_lightgbm_scores_a_null_of_a_feature_without_nulls_as_zero():
    """Why such a feature may not be null: the answer would be wrong without a word."""
    booster = lightgbm.Booster(model_str=train("regression").text.decode())
    assert booster.predict(np.array([[np.nan, 1, 3, 0]])) == booster.predict(np.array([[0.0, 1, 3, 0]]))


def test_linear_trees_follow_the_same_rule():
    features = features_of("linear_tree")
    assert (features["x"].nullable, features["y"].nullable) == (False, True)


def test_with_zero_as_missing_a_null_is_what_zero_is():
    """Its splits know both as missing, so a null may come, and scores like a zero."""
    assert all(feature.nullable for feature in features_of("zero_as_missing").values())
    booster = lightgbm.Booster(model_str=train("zero_as_missing").text.decode())
    assert booster.predict(np.array([[np.nan, 1, 3, 0]])) == booster.predict(np.array([[0.0, 1, 3, 0]]))


def test_use_missing_false_asks_for_the_nullability_of_every_split_feature():
    with pytest.raises(ConfigError) as caught:
        features_of("use_missing_false")
    assert len(caught.value.problems) == 2
    assert '--features ({"name": "x", "nullable": …})' in caught.value.problems[0]


def test_use_missing_false_is_published_once_nullability_is_said():
    said = [FeatureStatement("x", nullable=False), FeatureStatement("y", nullable=True)]
    features = features_of("use_missing_false", *said)
    assert (features["x"].nullable, features["y"].nullable) == (False, True)


def test_level_lists_of_pandas_go_to_their_columns():
    place, x, size, flag = find_features(train_with_levels().facts)
    assert (place.levels, size.levels) == (LEVELS, (3, 5, 9))
    assert (x.levels, flag.levels) == (None, None)
    assert place.kind is size.kind is Kind.CATEGORICAL


def test_a_category_column_that_never_varies_keeps_its_list_by_the_training_parameter():
    """feature_infos says `none` of it, but the parameter categorical_feature names its position."""
    random = np.random.default_rng(0)
    columns = {"fixed": np.zeros(200), "place": random.integers(0, 4, 200)}
    lists = [["only", "other"], list(LEVELS)]
    features = find_features(inspect_trained(columns, columns["place"] == 1, ["fixed", "place"], lists))
    assert [feature.levels for feature in features] == [("only", "other"), LEVELS]


def test_level_lists_that_cannot_be_assigned_are_asked_for():
    """An ordered category has a list too, but LightGBM takes its codes as numbers."""
    random = np.random.default_rng(0)
    columns = {"size": random.integers(0, 3, 200), "place": random.integers(0, 4, 200)}
    target = (columns["place"] == 1) + columns["size"]
    facts = inspect_trained(columns, target, ["place"], [["s", "m", "l"], list(LEVELS)])
    with pytest.raises(ConfigError, match="2 level lists without names for 1 categorical features"):
        find_features(facts)
    size, place = find_features(
        facts, [FeatureStatement("place", levels=LEVELS), FeatureStatement("size", levels=("s", "m", "l"))]
    )
    assert (size.kind, place.levels) == (Kind.CATEGORICAL, LEVELS)


def test_what_is_said_wins_over_what_was_found():
    said = FeatureStatement("x", field="readings.x", kind=Kind.INTEGER, nullable=True, optional=True)
    feature = features_of("regression", said)["x"]
    assert (feature.field, feature.kind, feature.nullable, feature.optional) == ("readings.x", Kind.INTEGER, True, True)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (FeatureStatement("z"), "no feature 'z'"),
        (FeatureStatement("category", kind=Kind.NUMERIC), "is categorical in the model"),
        (FeatureStatement("category", levels=("a",)), "has 1 levels, but the model uses code 3"),
        (FeatureStatement("category", levels=("a", "b", "c", "d", "a")), "repeats a level"),
        (FeatureStatement("category", levels=(1, True, 2, 3)), "repeats a level"),
        (FeatureStatement("category", levels=()), "is empty"),
        (FeatureStatement("x", kind=Kind.NUMERIC, levels=("a",)), "has levels"),
    ],
)
def test_what_contradicts_the_model_is_refused(statement, problem):
    with pytest.raises(ConfigError, match=problem):
        features_of("regression", statement)


@pytest.mark.parametrize(
    ("levels", "problem"),
    [
        (LEVELS[1:] + LEVELS[:1], "the code 0, but the model's own pandas_categorical 1"),
        ((*LEVELS, "new"), "has 5 levels, but the model's own pandas_categorical 4"),
    ],
)
def test_levels_of_an_older_training_are_refused(levels, problem):
    """They would be scored as other levels, without a word."""
    with pytest.raises(ConfigError, match=problem):
        features_of("pandas", FeatureStatement("place", levels=levels))


def test_levels_may_be_given_other_words_or_none():
    assert features_of("pandas", FeatureStatement("place", levels=("a", "b", "c", "d")))["place"].levels == tuple(
        "abcd"
    )
    assert features_of("pandas", FeatureStatement("place", levels=None))["place"].levels is None


def test_every_problem_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        features_of("regression", FeatureStatement("z"), FeatureStatement("category", levels=()))
    assert len(caught.value.problems) == 2


def test_a_feature_that_is_named_twice_is_refused():
    with pytest.raises(ConfigError, match="names 'x' twice"):
        features_of("regression", FeatureStatement("x"), FeatureStatement("x"))


def test_a_features_file_is_read():
    content = [{"name": "x", "nullable": False, "levels": ["a", 1, 2.5, True]}, {"name": "y"}]
    x, y = read_statements(json.dumps(content).encode())
    assert (x.nullable, x.levels) == (False, ("a", 1, 2.5, True))
    assert y == FeatureStatement("y")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'[{"nam": "x"}]', b'[{"name": "x", "kind": "float"}]', b"[1]", b'[{"name": "\x80"}]', b"[" * 100_000],
)
def test_a_features_file_that_is_none_is_refused(content):
    with pytest.raises(ConfigError, match="features file"):
        read_statements(content)
