"""What each Avro type becomes, by rows and by columns alike."""

import math
import struct
import uuid

import pytest

from scoreline.features import UNSEEN, Feature, FeatureSet, Kind
from tests.schemas.payloads import One, decode_both_ways, decode_values, encode, levelled, numeric, record_of

NAN = math.nan
UPPER_CASE_UUID = "ABCDEF00-0000-0000-0000-000000000001"
COLOURS = {"type": "enum", "name": "Colour", "symbols": ["red", "green", "blue"]}
INT64 = (-(2**63), -(2**53) - 1, -(2**31), -129, -65, -64, -1, 0, 1, 63, 64, 8191, 8192, 2**31, 2**53 + 1, 2**63 - 1)


def same(found: list[list[float]], expected: list[float]) -> bool:
    return struct.pack(f"{len(found)}d", *[v for (v,) in found]) == struct.pack(f"{len(expected)}d", *expected)


@pytest.mark.parametrize(
    ("avro_type", "stored", "expected"),
    [
        ("boolean", [True, False], [1.0, 0.0]),
        ("int", [0, -1, 2**31 - 1, -(2**31)], [0.0, -1.0, 2147483647.0, -2147483648.0]),
        ("long", INT64, [float(v) for v in INT64]),
        ("float", [0.1, -0.0, 3.4028234663852886e38], [0.10000000149011612, -0.0, 3.4028234663852886e38]),
        ("double", [0.1, -0.0, 5e-324, 1.7976931348623157e308], [0.1, -0.0, 5e-324, 1.7976931348623157e308]),
        ("double", [math.inf, -math.inf], [math.inf, -math.inf]),
        ("float", [math.inf, -math.inf], [math.inf, -math.inf]),
        ("double", [NAN], [NAN]),
        ("null", [None], [NAN]),
        (["null", "double"], [None, 1.5], [NAN, 1.5]),
        (["double", "null"], [None, 1.5], [NAN, 1.5]),
        (["null", "float"], [None, 1.5], [NAN, 1.5]),
        (["null", "int"], [None, 300, 3, -70000], [NAN, 300.0, 3.0, -70000.0]),
        (["long", "null"], [None, 2**40, 3], [NAN, 1099511627776.0, 3.0]),
        (["null", "boolean"], [None, True, False], [NAN, 1.0, 0.0]),
        (["double"], [2.5], [2.5]),
        (["null", "boolean", "long", "double"], [None, True, 7, 2.5], [NAN, 1.0, 7.0, 2.5]),
        ({"type": "int", "logicalType": "date"}, [0, -719162, 2932896], [0.0, -719162.0, 2932896.0]),
        ({"type": "int", "logicalType": "time-millis"}, [1, 86399999], [1.0, 86399999.0]),
        ({"type": "long", "logicalType": "time-micros"}, [86399999999], [86399999999.0]),
        ({"type": "long", "logicalType": "timestamp-millis"}, [-1, 1388534400123], [-1.0, 1388534400123.0]),
        ({"type": "long", "logicalType": "timestamp-micros"}, [1388534400123456], [1388534400123456.0]),
        ({"type": "long", "logicalType": "timestamp-nanos"}, [2**63 - 1], [float(2**63)]),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, [1388534400123], [1388534400123.0]),
        ({"type": "long", "logicalType": "local-timestamp-micros"}, [1388534400123456], [1388534400123456.0]),
        (["null", {"type": "long", "logicalType": "timestamp-millis"}], [None, 5], [NAN, 5.0]),
    ],
)
def test_a_number_becomes_the_double_that_it_is(avro_type, stored, expected):
    found = decode_values(record_of(avro_type), [{"f0": value} for value in stored], numeric("f0"))
    assert same(found, expected)


@pytest.mark.parametrize("size", [None, 2, 7, 8, 9, 16, 40])
def test_a_decimal_becomes_the_nearest_double(size):
    """Division of whole numbers rounds once; a decimal of more digits than its precision is not cut first."""
    kind = {"logicalType": "decimal", "precision": 4, "scale": 2}
    kind |= {"type": "bytes"} if size is None else {"type": "fixed", "name": "Money", "size": size}
    width = size or 5
    unscaled = [0, 1, -1, 127, -128, 2 ** (8 * width - 1) - 1, -(2 ** (8 * width - 1)), 10 ** (2 * width)]
    stored = [n.to_bytes(width, "big", signed=True) for n in unscaled]

    found = decode_values(record_of(kind), [{"f0": value} for value in stored], numeric("f0"))

    assert same(found, [n / 100 for n in unscaled])


def test_a_decimal_of_no_bytes_is_zero():
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
    assert decode_values(record_of(kind), [{"f0": b""}], numeric("f0")) == [[0.0]]


def test_a_decimal_beyond_all_doubles_is_infinite():
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
    huge = (2**4000).to_bytes(600, "big"), (-(2**4000)).to_bytes(600, "big", signed=True)
    assert decode_values(record_of(kind), [{"f0": v} for v in huge], numeric("f0")) == [[math.inf], [-math.inf]]


@pytest.mark.parametrize("avro_type", ["string", ["null", "string"], ["string", "null"]])
def test_a_string_becomes_the_code_of_its_level(avro_type):
    levels = (
        "",
        "a",
        "ab",
        "abcdefgh",
        "abcdefghi",
        "abcdefghijklmnop",
        "abcdefghijklmnoq",
        "größer",
        "日本語",
        "\x00",
    )
    schema = record_of(avro_type)
    values = [*levels, "b", "abcdefgi", "abcdefghijklmnor", "groesser", "\x00\x00", "a" * 500, "é" * 99]
    expected = [*map(float, range(len(levels))), *[UNSEEN] * 7]

    assert same(decode_values(schema, [{"f0": v} for v in values], levelled("f0", *levels)), expected)


def test_a_null_of_a_levelled_feature_stays_null():
    found = decode_values(record_of(["null", "string"]), [{"f0": None}, {"f0": "a"}], levelled("f0", "a"))
    assert same(found, [NAN, 0.0])


@pytest.mark.parametrize("avro_type", [COLOURS, ["null", COLOURS]])
def test_an_enum_becomes_the_code_of_its_symbol(avro_type):
    """Codes are those of the levels, in the levels' order, whatever order the enum has."""
    records = [{"f0": symbol} for symbol in COLOURS["symbols"]]
    assert same(decode_values(record_of(avro_type), records, levelled("f0", "blue", "red")), [1.0, UNSEEN, 0.0])


def test_an_enum_of_many_symbols_takes_two_bytes():
    symbols = [f"S{n}" for n in range(200)]
    schema = record_of({"type": "enum", "name": "Many", "symbols": symbols})
    found = decode_values(schema, [{"f0": s} for s in symbols], levelled("f0", *symbols))
    assert same(found, list(map(float, range(200))))


@pytest.mark.parametrize("avro_type", ["int", "long", ["null", "long"]])
def test_a_whole_number_finds_its_level_by_equality(avro_type):
    levels = (3, 5.0, 2**53 + 1, -7, 0.5, "3")
    values = [3, 5, 2**31 - 1 if avro_type == "int" else 2**53, 0, -7]
    found = decode_values(record_of(avro_type), [{"f0": v} for v in values], levelled("f0", *levels))
    assert same(found, [0.0, 1.0, UNSEEN, UNSEEN, 3.0])


@pytest.mark.parametrize("avro_type", ["double", ["null", "double"]])
def test_a_double_finds_its_level_by_equality(avro_type):
    """Null for NaN, and an infinite number stays one, so that it is refused later as it is everywhere."""
    values = [3.0, 0.5, -0.0, 0.25, NAN, math.inf]
    found = decode_values(record_of(avro_type), [{"f0": v} for v in values], levelled("f0", 3, 0.5, 0, 10**400))
    assert same(found, [0.0, 1.0, 2.0, UNSEEN, NAN, math.inf])


def test_a_boolean_finds_its_level_by_equality():
    records = [{"f0": True}, {"f0": False}]
    assert same(decode_values(record_of("boolean"), records, levelled("f0", False, True)), [1.0, 0.0])
    assert same(decode_values(record_of("boolean"), records, levelled("f0", 1)), [0.0, UNSEEN])


def test_a_union_of_texts_and_numbers_finds_levels_of_both():
    schema = record_of(["null", "int", "string"])
    records = [{"f0": v} for v in (3, "3", None, "x", 4)]
    assert same(decode_values(schema, records, levelled("f0", "3", 3)), [1.0, 0.0, NAN, UNSEEN, UNSEEN])


def test_one_type_of_a_union_that_can_be_a_level_is_enough():
    schema = record_of(["null", "int", "string"])
    records = [{"f0": v} for v in (3, "3", None)]
    assert same(decode_values(schema, records, levelled("f0", "3")), [UNSEEN, 0.0, NAN])
    assert same(decode_values(schema, records, levelled("f0", 3)), [0.0, UNSEEN, NAN])


def test_a_categorical_feature_without_levels_takes_the_number():
    features = FeatureSet((Feature("f0", Kind.CATEGORICAL),))
    assert decode_values(record_of("int"), [{"f0": 12}], features) == [[12.0]]


def test_thousands_of_levels_are_told_apart():
    levels = [f"customer-{n:07}" for n in range(3000)]
    records = [{"f0": v} for v in [*levels[::37], "customer-9999999"]]
    found = decode_values(record_of("string"), records, levelled("f0", *levels))
    assert same(found, [*map(float, range(3000)[::37]), UNSEEN])


def test_fields_that_the_model_does_not_know_are_passed_over():
    inner = {
        "type": "record",
        "name": "Inner",
        "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": "int"}],
    }
    schema = record_of(
        f0="string",
        f1=["null", "string"],
        f2="bytes",
        f3={"type": "fixed", "name": "Five", "size": 5},
        f4=COLOURS,
        f5=inner,
        f6=["null", "Inner"],
        f7="boolean",
        f8="null",
        f9={"type": "string", "logicalType": "uuid"},
        x="double",
    )
    record = {
        "f0": "é" * 70,
        "f1": None,
        "f2": b"\xff\xfe",
        "f3": b"12345",
        "f4": "blue",
        "f5": {"a": "x", "b": 1},
        "f6": {"a": "yy", "b": 70000},
        "f7": True,
        "f8": None,
        "f9": str(uuid.UUID(int=1)),
        "x": 2.5,
    }
    others = [record | {"f6": None}, record | {"f0": "", "f1": "z" * 300}]
    assert decode_values(schema, [record, *others], numeric("x")) == [[2.5]] * 3


@pytest.mark.parametrize(
    "skipped",
    [
        {"type": "array", "items": "string"},
        {"type": "map", "values": {"type": "array", "items": "long"}},
        ["null", {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}],
    ],
)
def test_shapes_that_columns_do_not_take_are_decoded_by_rows(skipped):
    schema = record_of(skipped, "double")
    values = {"array": ["a", "b"], "map": {"k": [1, 2]}}
    value = values[skipped["type"]] if isinstance(skipped, dict) else {"next": {"next": None}}
    assert decode_values(schema, [{"f0": value, "f1": 1.5}], numeric("f1")) == [[1.5]]


def test_a_dotted_path_leads_into_records():
    weather = {
        "type": "record",
        "name": "Weather",
        "fields": [{"name": "temp", "type": ["null", "double"]}, {"name": "sky", "type": "string"}],
    }
    schema = record_of(before=["null", weather], now="Weather")
    features = FeatureSet(
        (
            Feature("then", field="before.temp"),
            Feature("temp", field="now.temp"),
            Feature("sky", Kind.CATEGORICAL, field="now.sky", levels=("clear",)),
        )
    )
    rain, clear = {"temp": None, "sky": "rain"}, {"temp": 20.5, "sky": "clear"}
    records = [{"before": None, "now": clear}, {"before": clear, "now": rain}, {"before": rain, "now": clear}]

    found = decode_values(schema, records, features)

    expected = [NAN, 20.5, 0.0, 20.5, NAN, UNSEEN, NAN, 20.5, 0.0]
    assert same([[value] for row in found for value in row], expected)


def test_two_features_may_come_from_one_field():
    features = FeatureSet((Feature("raw", field="f0"), Feature("code", Kind.CATEGORICAL, field="f0", levels=(30, 40))))
    assert decode_values(record_of("int"), [{"f0": 40}], features) == [[40.0, 1.0]]


@pytest.mark.parametrize(
    ("avro_type", "stored", "expected"),
    [
        ("string", "é-1", "é-1".encode()),
        (["null", "string"], None, None),
        ("int", -5, b"-5"),
        ("long", 2**40, b"1099511627776"),
        ("bytes", b"abc", b"abc"),
        (COLOURS, "blue", b"blue"),
        ({"type": "string", "logicalType": "uuid"}, UPPER_CASE_UUID, UPPER_CASE_UUID.encode()),
        (
            {"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"},
            uuid.UUID(int=7).bytes,
            str(uuid.UUID(int=7)).encode(),
        ),
        (["null", "long", "string"], "x", b"x"),
        (["null", "long", "string"], 5, b"5"),
    ],
)
def test_the_id_is_the_text_of_its_field(avro_type, stored, expected):
    schema = record_of("double", key=avro_type)
    payloads = [encode(schema, {"f0": 1.0, "key": stored})]
    (found,) = decode_both_ways(schema, payloads, numeric("f0"), id_field="key")
    assert found == One([1.0], expected, None)


@pytest.mark.parametrize(
    ("avro_type", "stored", "expected"),
    [
        ("long", 1388534400123, 1388534400123),
        ("int", 77, 77),
        (["null", "long"], None, None),
        ({"type": "long", "logicalType": "timestamp-millis"}, -5, -5),
        ({"type": "long", "logicalType": "timestamp-micros"}, -1, -1),
        ({"type": "long", "logicalType": "timestamp-micros"}, 1999, 1),
        ({"type": "long", "logicalType": "timestamp-nanos"}, 1388534400123456789, 1388534400123),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, 9, 9),
        ({"type": "int", "logicalType": "date"}, 2, 172800000),
        (["null", {"type": "long", "logicalType": "timestamp-micros"}], 5000, 5),
    ],
)
def test_the_event_time_is_in_milliseconds(avro_type, stored, expected):
    schema = record_of("double", at=avro_type)
    payloads = [encode(schema, {"f0": 1.0, "at": stored}), encode(schema, {"f0": 2.0, "at": stored})]
    found = decode_both_ways(schema, payloads, numeric("f0"), event_time_field="at")
    assert found == [One([1.0], None, expected), One([2.0], None, expected)]


def test_ids_and_event_times_that_are_null_stay_null_beside_others():
    schema = record_of("double", key=["null", "string"], at=["null", "long"])
    rows = [("a", 1), (None, 2), ("c", None), (None, None)]
    payloads = [encode(schema, {"f0": 1.0, "key": key, "at": at}) for key, at in rows]
    found = decode_both_ways(schema, payloads, numeric("f0"), id_field="key", event_time_field="at")
    assert found == [One([1.0], None if key is None else key.encode(), at) for key, at in rows]
