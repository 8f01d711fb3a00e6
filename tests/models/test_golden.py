import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import ConfigError, ModelRejected
from scoreline.features import Feature, FeatureSet, Kind
from scoreline.models.feature_rules import find_features
from scoreline.models.golden import Golden, decode_golden, encode_golden, make_rows, to_matrix
from scoreline.models.golden_rows import find_expected, to_rows
from tests.models.builders import LEVELS, SHAPES, statements_for, train, train_with_levels

numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=40)
@given(
    scores=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5),
    values=st.lists(numbers, min_size=5, max_size=5),
)
def test_golden_rows_come_back_bit_for_bit(scores, values):
    rows = [[value, "Zürich, HB"] for value in values[: len(scores)]]
    golden = Golden(rows, np.array(scores), synthetic=True)
    back = decode_golden(encode_golden(golden), features=2, outputs=2, classes=True)
    assert back.scores.tobytes() == golden.scores.tobytes()
    assert back.rows == rows
    assert back.synthetic


@pytest.mark.parametrize("shape", SHAPES)
def test_made_up_rows_are_the_same_every_time_and_fit_the_features(shape):
    trained = train(shape)
    features = find_features(trained.facts, statements_for(trained))
    rows = make_rows(trained.facts, features)
    assert rows == make_rows(trained.facts, features)
    assert len(rows) == 32
    assert not features.settle(to_matrix(features, rows)).problems


def test_made_up_rows_reach_most_leaves():
    trained = train("regression")
    features = find_features(trained.facts)
    leaves = trained.booster.predict(to_matrix(features, make_rows(trained.facts, features)), pred_leaf=True)
    reached = sum(len(set(column)) for column in leaves.T)
    assert reached >= 0.8 * sum(trained.booster.dump_model()["tree_info"][i]["num_leaves"] for i in range(4))


def test_made_up_rows_hold_levels_as_they_are_and_the_last_one_first():
    trained = train_with_levels()
    rows = make_rows(trained.facts, find_features(trained.facts))
    assert rows[0][0] == LEVELS[-1]
    assert {row[0] for row in rows} == {*LEVELS, None}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged"),
        (b'{"synthetic": true, "rows": [[1]], "scores": [["x"]]}', "damaged"),
        (b'{"synthetic": true, "rows": [[1]], "scores": [["0x1p+5000"]]}', "damaged"),
        (b'{"rows": ' + b"[" * 100_000, "damaged"),
        (b'{"synthetic": true, "rows": [[1, 2]], "scores": [["0x1p+0"]]}', "do not fit"),
        (b'{"synthetic": true, "rows": [[1]], "scores": []}', "do not fit"),
        (b'{"synthetic": true, "rows": [[1]], "scores": [["0x1p+0", "0x1p+0"]]}', "do not fit"),
    ],
)
def test_golden_rows_that_are_none_are_rejected(data, message):
    with pytest.raises(ModelRejected, match=message):
        decode_golden(data, features=1, outputs=1, classes=False)


FEATURES = FeatureSet(
    (
        Feature("x", field="readings.x"),
        Feature("flag", Kind.BOOLEAN),
        Feature("size", Kind.CATEGORICAL, levels=(3, 5)),
        Feature("place", Kind.CATEGORICAL, levels=("a", "b")),
    )
)


def test_cells_of_text_are_read_as_their_feature_wants_them():
    given_rows = [{"readings.x": "1.5", "flag": "True", "size": "5", "place": "b"}, {"readings.x": None}]
    assert to_rows(FEATURES, given_rows) == [[1.5, True, 5, "b"], [None, None, None, None]]


def test_values_are_taken_as_they_are():
    given_rows = [{"x": 2, "flag": False, "size": 3.0, "place": "a"}, {"x": float("nan")}]
    assert to_rows(FEATURES, given_rows) == [[2, False, 3, "a"], [None, None, None, None]]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"x": 1}, "no column for flag, size, place"),
        ({"x": "one", "flag": 1, "size": 3, "place": "a"}, "golden row 0: feature 'x' has to be a number"),
        ({"x": 1, "flag": 1, "size": 4, "place": "a"}, "has no level 4"),
        ({"x": [1], "flag": 1, "size": 3, "place": "a"}, "cannot be"),
        ({"x": 1, "flag": 1, "size": [3], "place": "a"}, r"golden row 0: feature 'size' has no level \[3\]"),
        ({"x": 1, "flag": 1, "size": 3, "place": {"a": 1}}, "feature 'place' has no level {'a': 1}"),
        ({"x": 10**400, "flag": 1, "size": 3, "place": "a"}, "golden row 0"),
    ],
)
def test_rows_that_do_not_fit_are_refused(row, message):
    with pytest.raises(ConfigError, match=message):
        to_rows(FEATURES, [row])


def test_expected_scores_are_found_where_the_rows_say_them():
    assert find_expected(FEATURES, [{"prediction": "0.5"}, {"prediction": 1}], outputs=1) == pytest.approx([0.5, 1.0])
    classes = find_expected(FEATURES, [{"prediction": "[0.25, 0.75]"}], outputs=2)
    assert classes is not None
    assert classes.tolist() == [[0.25, 0.75]]
    assert find_expected(FEATURES, [{"x": 1}], outputs=1) is None


@pytest.mark.parametrize("cell", ["high", None, [0.5, 0.5], {}])
def test_expected_scores_that_are_none_are_refused(cell):
    with pytest.raises(ConfigError, match="prediction"):
        find_expected(FEATURES, [{"prediction": cell}], outputs=1)
