"""Every wrong thing in a body is named with instance and feature, in bounded length, and none is read as another."""

import json

import pytest

from scoreline.features import Feature, Kind
from scoreline.http.limits import Limits
from scoreline.testing.fakes import WeightedSum
from tests.http.sidecars import serve

FEATURES = [
    Feature("x"),
    Feature("strict", nullable=False),
    Feature("n", Kind.INTEGER),
    Feature("flag", Kind.BOOLEAN),
    Feature("place", Kind.CATEGORICAL, levels=("Bern", "Zürich")),
]
MODEL = WeightedSum(FEATURES, [1.0, 0.0, 1.0, 1.0, 1.0])


def ask_with(feature: str, value: str) -> bytes:
    """Two rows, the second of which has this as the value of a feature."""
    values = {"strict": "0", feature: value}
    row = ", ".join(f'"{name}": {text}' for name, text in values.items())
    return f'{{"instances": [{{"strict": 1}}, {{{row}}}]}}'.encode()


WRONG = [
    ("x", '"1"', "got a string"),
    ("x", "true", "got true"),
    ("x", "[1]", "got an array"),
    ("x", '{"x": 1}', "got an object"),
    ("x", "1e400", "beyond a double"),
    ("x", "-1e999999", "beyond a double"),
    ("x", "1" + "0" * 400, "beyond a double"),
    ("x", "[" * 500 + "]" * 500, "got an array"),
    ("strict", "null", "may not be"),
    ("n", "1.5", "a whole number"),
    ("n", "5e-324", "a whole number"),
    ("flag", "1", "got the number 1"),
    ("flag", '"true"', "got a string"),
    ("place", "0", "got the number 0"),
    ("place", "true", "got true"),
    ("y", "1", "no feature"),
    ("X", "1", "no feature"),
    ("x ", "1", "no feature"),
    (r"x\u0000", "1", "no feature"),
    (r"\u001b[31m", "1", "no feature"),
    ("", "1", "no feature"),
]


@pytest.mark.parametrize(("feature", "value", "told"), WRONG, ids=range(len(WRONG)))
async def test_what_is_wrong_is_named_with_instance_and_feature(feature, value, told):
    async with serve({1: MODEL}) as running:
        answer = await running.predict_bytes(ask_with(feature, value))
        assert answer.status == 422
        (error,) = answer.json["errors"]
        assert (error["instance"], error["feature"]) == (1, json.loads(f'"{feature}"'))
        assert told in error["detail"]


@pytest.mark.parametrize(
    ("feature", "value", "score"),
    [
        ("x", "1.7976931348623157e308", 1.7976931348623157e308),
        ("x", "1e-400", 0.0),
        ("x", "-0.0", 0.0),
        ("x", "9007199254740993", 9007199254740992.0),
        ("x", "0.1e1", 1.0),
        ("n", "3.0", 3.0),
        ("n", "1e2", 100.0),
        (r"\u0078", "2", 2.0),
        ("flag", "true", 1.0),
        ("place", r'"Z\u00fcrich"', 1.0),
        ("place", r'"\ud83d\ude00"', 0.0),
        ("x", '"1", "x": 4', 4.0),
        ("x", '4, "x": null', 0.0),
    ],
)
async def test_what_is_right_is_read_as_it_is(feature, value, score):
    """A repeated name takes its last value, and a name may be written with escapes."""
    async with serve({1: MODEL}) as running:
        answer = await running.predict_bytes(ask_with(feature, value))
        assert answer.json["predictions"] == [0.0, score]


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x10", "1_0", r'"\x"', r'"\ud800"', "'1'", "1 2"]
)
async def test_what_is_no_json_is_malformed_whatever_other_parsers_take(value):
    async with serve({1: MODEL}) as running:
        assert (await running.predict_bytes(ask_with("x", value))).status == 400


@pytest.mark.parametrize("query", ["", "?ignore_unknown=true"])
@pytest.mark.parametrize(
    "row",
    [
        '{"strict": 1, "größe": 2}'.encode("latin-1"),
        b'{"strict": 1, "y": "\xff"}',
        b'{"strict": 1, "y": ["\xed\xa0\x80"]}',
        b'{"strict": 1, "\xc0\xae": 1}',
    ],
)
async def test_what_is_no_utf_8_is_refused_also_where_it_would_be_skipped(row, query):
    """It may be the name of a feature in another encoding."""
    async with serve({1: MODEL}) as running:
        headers = {"Content-Type": "application/json"}
        answer = await running.ask("POST", f"/predict{query}", data=b'{"instances": [%s]}' % row, headers=headers)
        assert answer.status in ((400,) if query else (400, 422))


@pytest.mark.parametrize("depth", [1_100, 100_000, 500_000])
@pytest.mark.parametrize("query", ["", "?ignore_unknown=true"])
async def test_deep_nesting_is_refused(depth, query):
    async with serve({1: MODEL}) as running:
        body = b'{"instances": [{"strict": 1, "y": %s}]}' % (b"[" * depth + b"]" * depth)
        headers = {"Content-Type": "application/json"}
        assert (await running.ask("POST", f"/predict{query}", data=body, headers=headers)).status == 400


async def test_a_refusal_stays_short_however_much_is_wrong():
    """Three thousand bad rows, each with a long unknown name: all are counted, some are told, names are cut."""
    async with serve({1: MODEL}) as running:
        answer = await running.predict([{"y" * 60: 1}] * 3000)
        assert answer.status == 422
        assert answer.json["detail"].startswith("3000 of the instances")
        assert len(answer.body) < 500_000
        assert max(len(error.get("feature", "")) for error in answer.json["errors"]) <= 41


@pytest.mark.parametrize("query", ["", "?ignore_unknown=true"])
async def test_a_row_of_countless_fields_is_not_looked_at(query):
    """They would be read at one go, and hold up everyone; where they are skipped and nothing is wrong, they are."""
    async with serve({1: MODEL}) as running:
        fields = ", ".join(f'"y{i}": 1' for i in range(10_100))
        headers = {"Content-Type": "application/json"}
        for strict, status in (("true", 422), ("1", 200 if query else 422)):
            body = f'{{"instances": [{{"strict": {strict}, {fields}}}]}}'.encode()
            answer = await running.ask("POST", f"/predict{query}", data=body, headers=headers)
            assert answer.status == status
            if status == 422:
                (error,) = answer.json["errors"]
                assert "too many fields" in error["detail"]


async def test_one_instance_too_many_is_too_large():
    async with serve({1: MODEL}, limits=Limits(max_instances=10_000)) as running:
        assert (await running.predict([{"strict": 1}] * 10_000)).status == 200
        assert (await running.predict([{"strict": 1}] * 10_001)).status == 413


async def test_no_answer_names_what_it_is_made_of():
    """Neither a path of this machine, nor a library, nor a version of one."""
    async with serve({1: MODEL}) as running:
        asked = [b"{", b"\xff", b'{"instances": [1]}', b'{"instances": [{"strict": "1"}]}', b"[" * 100_000]
        answers = [await running.predict_bytes(body) for body in asked]
        answers += [await running.get(path) for path in ("/nowhere", "/models/x", "/predict", "/health?x=1")]
        told = b"".join(answer.body + repr(answer.headers).encode() for answer in answers).lower()
        for word in (b"python", b"aiohttp", b"msgspec", b"traceback", b".py", b"/home", b"/usr", b"site-packages"):
            assert word not in told
