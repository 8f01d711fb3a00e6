"""JSON rows against the contract, read value by value with the standard library's parser."""

import json
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoreline.errors import InvalidInstances, MalformedRequest, ModelRejected, RequestTooLarge
from scoreline.features import UNSEEN, Feature, FeatureSet, Kind
from scoreline.schemas.json_problems import DETAIL, DETAILED_INSTANCES, PROBLEMS_PER_INSTANCE, TOLD_INSTANCES
from scoreline.schemas.json_rows import JsonRows

MANY = 1000

FEATURES = (
    Feature("numeric"),
    Feature("numeric!", nullable=False),
    Feature("integer", Kind.INTEGER),
    Feature("boolean", Kind.BOOLEAN),
    Feature("code", Kind.CATEGORICAL),
    Feature("color", Kind.CATEGORICAL, levels=("red", "grün", "")),
    Feature("size", Kind.CATEGORICAL, levels=(1, 2, 2**53 + 1, 2.5)),
    Feature("flag", Kind.CATEGORICAL, levels=(False, True)),
    Feature("must", Kind.CATEGORICAL, levels=("x",), nullable=False),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**31 - 1, 2**31, 2**53, 2**53 + 1, 10**30, -(10**400), 1.0, 2.5, 0.5, -0.0, 1e308, 5e-324]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["red", "grün", "x", "", "1", "1.5", "true", "null", "NaN", '"{\\'])
    | st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=3),
    st.just([]),
    st.just({"a": 1}),
)
ROWS = st.dictionaries(st.sampled_from([f.name for f in FEATURES] + ["unknown"]), VALUES)


def judge(feature: Feature, value: object) -> float | None:
    """The contract's word on one value: what stands in the matrix, or None where the value is refused."""
    if value is None:
        return math.nan if feature.nullable else None
    if feature.levels is not None:
        kinds = {str if isinstance(x, str) else bool if isinstance(x, bool) else float for x in feature.levels}
        kind = str if isinstance(value, str) else bool if isinstance(value, bool) else float
        if kind not in kinds or isinstance(value, list | dict):
            return None
        return next(
            (float(i) for i, x in enumerate(feature.levels) if (x == value and type(x) is not bool) or x is value),
            UNSEEN,
        )
    if feature.kind is Kind.BOOLEAN:
        return float(value) if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    whole = number == math.floor(number)
    if feature.kind is Kind.INTEGER:
        return number if whole else None
    if feature.kind is Kind.CATEGORICAL:
        return number if whole and 0 <= number <= 2**31 - 1 else None
    return number


def judge_row(features: FeatureSet, row: dict[str, object]) -> tuple[list[float | None], set[str]]:
    values = [judge(f, row.get(f.name)) for f in features]
    bad = {f.name for f, value in zip(features, values, strict=True) if value is None}
    return values, bad | (set(row) - set(features.names))


def encode(rows: object) -> bytes:
    return json.dumps({"instances": rows}, ensure_ascii=False).encode()


def find_bad(
    decoder: JsonRows, features: FeatureSet, body: bytes
) -> tuple[np.ndarray | None, set[tuple[int, str | None]]]:
    """What decoding and settling make of a body: the matrix, or where it is bad."""
    try:
        matrix = decoder.decode(body, max_instances=MANY)
    except InvalidInstances as error:
        return None, {(p.instance, p.feature) for p in error.problems}
    raw = matrix.copy()
    settled = features.settle(matrix, DETAIL)
    return raw, {(p.row, p.feature.name) for p in settled.problems}


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_rows_are_decoded_or_refused_as_the_contract_says(rows):
    """Every bad value of every row is named, and no good one; good rows give the same doubles to the bit."""
    features = FeatureSet(FEATURES)
    matrix, bad = find_bad(JsonRows(features), features, encode(rows))
    judged = [judge_row(features, row) for row in rows]
    assert bad == {(i, name) for i, (_, names) in enumerate(judged) for name in names}
    if not bad:
        expected = np.array([values for values, _ in judged], dtype=np.float64)
        assert matrix.tobytes() == expected.tobytes()


@settings(max_examples=50)
@given(st.lists(ROWS, min_size=1, max_size=3))
def test_unknown_features_are_skipped_on_request(rows):
    """Then a row is judged as if they were not there."""
    features = FeatureSet(FEATURES)
    known = [{k: v for k, v in row.items() if k != "unknown"} for row in rows]
    lenient, bad = find_bad(JsonRows(features, ignore_unknown=True), features, encode(rows))
    strict, expected = find_bad(JsonRows(features), features, encode(known))
    assert bad == expected
    if strict is not None:
        assert lenient.tobytes() == strict.tobytes()


OTHERS = frozenset(["unknown", "integer", "must", "never sent"])
STRICT = JsonRows(FeatureSet(FEATURES))
SKIPPING = JsonRows(FeatureSet(FEATURES), also_known=OTHERS)
REFUSING = JsonRows(FeatureSet(FEATURES), also_known=OTHERS - {"unknown"})


@settings(max_examples=40)
@given(st.lists(ROWS, min_size=1, max_size=2))
def test_what_other_versions_know_is_skipped_and_nothing_else(rows):
    """A row is judged as if it were not there; of this version's own features and of the rest nothing changes."""
    features = FeatureSet(FEATURES)
    known = [{k: v for k, v in row.items() if k != "unknown"} for row in rows]
    skipping, bad = find_bad(SKIPPING, features, encode(rows))
    strict, expected = find_bad(STRICT, features, encode(known))
    assert bad == expected
    if strict is not None:
        assert skipping.tobytes() == strict.tobytes()
    _, refused = find_bad(REFUSING, features, encode(rows))
    assert {(i, "unknown") for i, row in enumerate(rows) if "unknown" in row} <= refused


@settings(max_examples=100)
@given(
    st.binary(max_size=60)
    | ROWS.map(lambda row: encode([row])).flatmap(lambda b: st.integers(0, len(b)).map(lambda i: b[:i]))
)
def test_no_bytes_raise_anything_else(body):
    decoder = JsonRows(FeatureSet(FEATURES))
    try:
        decoder.decode(body, max_instances=MANY)
    except (MalformedRequest, InvalidInstances):
        return
    json.loads(body)


def wrap(row: str) -> str:
    return f'{{"instances": [{row}]}}'


def decode(text: str, *features: Feature, max_instances: int = MANY) -> list[list[float]]:
    decoder = JsonRows(FeatureSet(features or (Feature("a"),)))
    return decoder.decode(text.encode(), max_instances=max_instances).tolist()


def problems(text: str, *features: Feature) -> list[tuple[int, str | None, str]]:
    with pytest.raises(InvalidInstances) as caught:
        decode(text, *features)
    return [(p.instance, p.feature, p.detail) for p in caught.value.problems]


def test_a_matrix_is_in_the_order_of_the_features():
    assert decode('{"instances": [{"b": 2, "a": 1}, {"a": 3, "b": 4}]}', Feature("a"), Feature("b")) == [[1, 2], [3, 4]]


def test_a_repeated_key_takes_its_last_value():
    assert decode('{"instances": [{"a": 0, "a": 1, "a": 2}]}') == [[2.0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"instances": [{"a": "x", "a": 1}, {"a": 2}]}', [[1.0], [2.0]]),
        ('{"instances": [{"a": 1e400, "\\u0061": 1}]}', [[1.0]]),
        ('{"instances": [{"a": [], "a": null}]}', [[None]]),
        ('{"instances": 7, "instances": [{"a": 1}]}', [[1.0]]),
        ('{"instances": [{"a": "x"}], "instances": [{"a": 1}]}', [[1.0]]),
    ],
)
def test_an_earlier_value_of_a_repeated_key_may_be_anything(text, expected):
    assert [[None if math.isnan(x) else x for x in row] for row in decode(text)] == expected


def test_a_row_with_a_repeated_key_is_not_settled_yet():
    """A level never seen stays one, as in rows that the first pass takes."""
    feature = Feature("a", Kind.CATEGORICAL, levels=("x",))
    assert decode('{"instances": [{"a": 1, "a": "y"}]}', feature) == [[UNSEEN]]


def test_the_last_value_of_a_repeated_key_is_judged():
    assert problems('{"instances": [{"a": "x", "a": 1, "a": true}]}') == [
        (0, "a", "expected a number or null, got true")
    ]


def test_a_name_may_be_any_string():
    """Also one that is no identifier, a keyword, or written with escapes."""
    names = ["class", "Column 1", "a.b", "ä", "it's", "__init__", "f0", ""]
    features = [Feature(name, field="x") for name in names]
    rows = json.dumps({"instances": [{name: i for i, name in enumerate(names)}]})
    assert decode(rows, *features) == [[float(i) for i in range(len(names))]]


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\x00"])
def test_a_name_that_would_need_escapes_is_refused_with_its_model(name):
    with pytest.raises(ModelRejected, match="cannot be asked for"):
        JsonRows(FeatureSet((Feature(name),)))


@pytest.mark.parametrize("value", ["1", '"x"', "null", "[{}]", '{"deep": [1e400]}'])
def test_a_feature_of_another_version_may_have_any_value_and_costs_no_second_pass(value, monkeypatch):
    decoder = JsonRows(FeatureSet((Feature("a"),)), also_known=frozenset(["b", "c"]))
    monkeypatch.setattr(decoder, "_decode_singly", None)
    rows = wrap(f'{{"b": {value}, "a": 1}}, {{"a": 2, "c": 0, "b": {value}}}, {{"a": 3}}').encode()
    assert decoder.decode(rows, max_instances=MANY).tolist() == [[1.0], [2.0], [3.0]]


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\x00", "ä", ""])
def test_a_feature_of_another_version_may_have_any_name(name):
    decoder = JsonRows(FeatureSet((Feature("a"),)), also_known=frozenset([name]))
    assert decoder.decode(encode([{"a": 1, name: "x"}]), max_instances=MANY).tolist() == [[1.0]]


def test_beside_what_another_version_knows_an_unknown_feature_is_named():
    decoder = JsonRows(FeatureSet((Feature("a"),)), also_known=frozenset(["b"]))
    with pytest.raises(InvalidInstances) as caught:
        decoder.decode(encode([{"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}]), max_instances=MANY)
    assert [(p.instance, p.detail) for p in caught.value.problems] == [(1, "the model has no feature 'c'")]


def test_what_is_skipped_has_to_be_json_all_the_same():
    decoder = JsonRows(FeatureSet((Feature("a"),)), also_known=frozenset(["b"]))
    with pytest.raises(MalformedRequest):
        decoder.decode(b'{"instances": [{"a": 1, "b": NaN}]}', max_instances=MANY)


def test_large_integers_keep_their_level():
    """Beyond 2^53 they are looked up as integers, not as the doubles that they would share."""
    levels = (2**53, 2**53 + 1)
    feature = Feature("a", Kind.CATEGORICAL, levels=levels)
    assert decode(json.dumps({"instances": [{"a": n} for n in levels]}), feature) == [[0.0], [1.0]]


@pytest.mark.parametrize("value", ["1e400", "-1e400", "9" * 400, "9" * 5000])
def test_a_number_beyond_a_double_is_refused(value):
    ((instance, feature, detail),) = problems(wrap(f'{{"a": {value}}}'))
    assert (instance, feature) == (0, "a")
    assert detail.startswith("expected a number or null, got ")
    assert detail.endswith("which is beyond a double")
    assert len(detail) < 120


@pytest.mark.parametrize(
    ("value", "feature", "detail"),
    [
        ('"1"', Feature("a"), "expected a number or null, got a string"),
        ("true", Feature("a", nullable=False), "expected a number, got true"),
        ("1", Feature("a", Kind.BOOLEAN), "expected true or false or null, got the number 1"),
        ("1", Feature("a", Kind.CATEGORICAL, levels=("x",)), "expected a string or null, got the number 1"),
        ("[]", Feature("a", Kind.CATEGORICAL, levels=(1, "x")), "expected a string or a number or null, got an array"),
        ("{}", Feature("a", Kind.INTEGER), "expected a whole number or null, got an object"),
        ("false", Feature("a", Kind.CATEGORICAL), "expected a category code or null, got false"),
        ("null", Feature("a", nullable=False), None),
    ],
)
def test_a_problem_says_what_was_expected_and_what_came(value, feature, detail):
    text = wrap(f'{{"a": {value}}}, {{"zz": 1}}')
    first = problems(text, feature)[0]
    assert first == (0, "a", detail or "feature 'a' is null, but may not be")


def test_an_absent_feature_that_may_not_be_null_is_missing():
    assert problems('{"instances": [{}]}', Feature("a", nullable=False)) == [
        (0, "a", "feature 'a' is missing, and may not be null")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nope",
        "[]",
        '{"instances": [], "more": 1}',
        '{"instances": null}',
        '{"instances": []}',
        '{"instances": [{"a": 1},]}',
        '{"instances": [{"a": NaN}]}',
        '{"instances": [{"a": Infinity}]}',
        '{"instances": [{"a": 01}]}',
        '{"instances": [{"a": .5}]}',
        '{"instances": [{"a": "\\ud800"}]}',
        '{"instances": [{"a": 1}]}{}',
        '{"instances": ' + "[" * 50_000,
        '{"instances": [{"a": ' + "[" * 50_000 + "]" * 50_000 + "}]}",
    ],
    ids=range(15),
)
def test_what_is_not_json_in_the_right_shape_is_malformed(text):
    with pytest.raises(MalformedRequest):
        decode(text)


def test_a_malformed_end_wins_over_a_bad_row_before_it():
    """It cannot be known what was meant, so no row is judged."""
    with pytest.raises(MalformedRequest):
        decode('{"instances": [{"a": "x"}, {"a": NaN}]}')


def test_too_many_instances_are_refused_before_they_are_decoded():
    rows = ",".join(["{}"] * 4)
    with pytest.raises(RequestTooLarge, match="more than the 3 instances"):
        decode(wrap(rows), max_instances=3)
    assert len(decode(wrap(rows), max_instances=4)) == 4


@pytest.mark.parametrize("row", ["1", "[[],[]]", "null", '"{"', '{"zz":{}}', '{"a":{"a":1}}'])
@pytest.mark.parametrize("rest", [1, 5000])
def test_too_many_instances_are_refused_whatever_they_are(row, rest):
    with pytest.raises(RequestTooLarge, match="more than the 3 instances"):
        decode(wrap(",".join([row] * (3 + rest))), max_instances=3)
    assert len(problems(wrap(",".join([row] * 3)))) >= 3


def test_counting_instances_takes_no_memory_for_those_that_are_too_many():
    """As a list of rows they would take a hundred times what the body does."""
    body = wrap(",".join(["1"] * 200_000)).encode()
    decoder = JsonRows(FeatureSet((Feature("a"),)))
    with pytest.raises(RequestTooLarge):
        decoder.decode(body, max_instances=100)
    tracemalloc.start()
    try:
        with pytest.raises(RequestTooLarge):
            decoder.decode(body, max_instances=100)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(body)


def test_braces_inside_strings_are_not_counted_as_instances():
    feature = Feature("a", Kind.CATEGORICAL, levels=("{{{{{{",))
    assert decode('{"instances": [{"a": "{{{{{{"}]}', feature, max_instances=1) == [[0.0]]


def test_however_much_is_wrong_the_answer_is_bounded_and_counts_every_bad_row():
    """The first hundred are told with at most 32 problems each, up to a thousand with their first, the rest counted."""
    features = [Feature(f"f{i}", nullable=False) for i in range(PROBLEMS_PER_INSTANCE + 1)]
    with pytest.raises(InvalidInstances) as caught:
        decode(wrap(",".join(["{}"] * (TOLD_INSTANCES + 234))), *features, max_instances=5000)
    found = [p.instance for p in caught.value.problems]
    assert sorted(set(found)) == list(range(TOLD_INSTANCES))
    assert len(found) == DETAILED_INSTANCES * PROBLEMS_PER_INSTANCE + TOLD_INSTANCES - DETAILED_INSTANCES
    assert str(caught.value) == "1234 of the instances cannot be scored; the first 1000 of them are told"
    flood = json.dumps({"instances": [{f"u{i}": 1 for i in range(5000)}]})
    assert len(problems(flood, Feature("a"))) == PROBLEMS_PER_INSTANCE


def test_the_first_bad_rows_are_told_whichever_pass_finds_them():
    """Rows whose values are well-formed, but may not be null, between rows that are no objects."""
    rows = ['{"a": null, "b": null}', "7"] * (DETAILED_INSTANCES + 1)
    found = problems(wrap(",".join(rows)), Feature("a", nullable=False), Feature("b", nullable=False))
    told = [(i, name) for i in range(0, len(rows), 2) for name in ("a", "b")] + [
        (i, None) for i in range(1, len(rows), 2)
    ]
    expected = [place for place in told if place[0] < DETAILED_INSTANCES or place[1] != "b"]
    assert [(i, name) for i, name, _ in found] == sorted(expected, key=lambda place: place[0])


@pytest.mark.parametrize(("value", "count"), [(None, 3000), ("null", 400)])
def test_rows_beyond_those_told_in_full_cost_no_more_than_their_first_problem(value, count):
    """Else rows times features of a short body would take seconds and gigabytes; a row of none is among them."""
    features = FeatureSet(tuple(Feature(f"f{i}", nullable=False) for i in range(300)))
    row = "" if value is None else ",".join(f'"{name}":{value}' for name in features.names)
    body = wrap(",".join(["7", *["{" + row + "}"] * count])).encode()
    decoder = JsonRows(features)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInstances):
            decoder.decode(body, max_instances=3001)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_levels_that_are_not_unicode_are_malformed_also_beside_a_bad_row():
    feature = Feature("a", Kind.CATEGORICAL, levels=("x",))
    with pytest.raises(MalformedRequest):
        JsonRows(FeatureSet((feature,))).decode(b'{"instances": [7, {"a": "\xff"}]}', max_instances=9)


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": [{"a": "\xff", "a": 1}]}',
        b'{"instances": [{"a": ["\xff"], "a": 1}]}',
        b'{"instances": [{"a": {"\xff": 1}, "a": 1}]}',
        b'{"instances": "\xff", "instances": [{"a": 1}]}',
        b'{"instances": [{"a": "\xff"}], "instances": [{"a": 1}]}',
    ],
)
def test_what_is_no_utf_8_is_malformed_also_in_an_earlier_value_of_a_repeated_key(body):
    with pytest.raises(MalformedRequest, match="not UTF-8"):
        JsonRows(FeatureSet((Feature("a"),))).decode(body, max_instances=9)


def test_a_long_unknown_name_is_shown_in_part():
    ((_, feature, detail),) = problems(json.dumps({"instances": [{"u" * 10_000: 1}]}))
    assert len(feature) < 50
    assert len(detail) < 100
