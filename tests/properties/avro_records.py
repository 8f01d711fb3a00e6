"""Hypothesis strategies: writers' schemas with records that fit them, and what a model should get from each field."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any

from hypothesis import strategies as st

from scoreline.features import UNSEEN, Feature, Kind
from scoreline.schemas.logical import BOUNDS

_TIMES = {
    "date": "int",
    "time-millis": "int",
    "time-micros": "long",
    "timestamp-millis": "long",
    "timestamp-micros": "long",
    "local-timestamp-micros": "long",
}
_INT32 = st.integers(-(2**31), 2**31 - 1)
_INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-300, 300)
_TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.sampled_from(["a", "b", "c" * 9, "ü" * 8])
_UUIDS = st.uuids().map(str) | st.uuids().map(lambda found: found.hex.upper())
_USES = ("plain", "nullable", "array", "map")


@dataclass(frozen=True)
class Typed:
    """An Avro type, values that can be written with it, and how a value reads as a number or a text.

    Attributes:
        kind: `number`, `text`, or `other` for what no feature can be.
        read: stored value → number or text; not called for null.
    """

    avro: Any
    values: st.SearchStrategy[Any]
    kind: str
    read: Callable[[Any], Any] = lambda value: value


def _as_double(scale: int) -> Callable[[bytes], float]:
    def read(stored: bytes) -> float:
        exact = Fraction(int.from_bytes(stored, "big", signed=True), 10**scale)
        return exact.numerator / exact.denominator

    return read


@st.composite
def _named(draw: st.DrawFn, names: "count[int]") -> Typed:
    name = f"T{next(names)}"
    which = draw(st.sampled_from(["enum", "fixed", "decimal"]))
    if which == "enum":
        symbols = [f"S{i}" for i in range(draw(st.sampled_from([1, 3, 70])))]
        return Typed({"type": "enum", "name": name, "symbols": symbols}, st.sampled_from(symbols), "text")
    size = draw(st.integers(0 if which == "fixed" else 3, 20))
    fixed: dict[str, Any] = {"type": "fixed", "name": name, "size": size}
    contents = st.binary(min_size=size, max_size=size)
    if which == "fixed":
        return Typed(fixed, contents, "other")
    return Typed(fixed | {"logicalType": "decimal", "precision": 5, "scale": 2}, contents, "number", _as_double(2))


def _simple() -> st.SearchStrategy[Typed]:
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 3}
    return st.sampled_from(
        [
            Typed("boolean", st.booleans(), "number", float),
            Typed("int", _INT32, "number"),
            Typed("long", _INT64, "number"),
            Typed("float", st.floats(width=32), "number"),
            Typed("double", st.floats(), "number"),
            Typed("string", _TEXTS, "text"),
            Typed("bytes", st.binary(max_size=20), "other"),
            Typed("null", st.none(), "number"),
            Typed(decimal, st.binary(max_size=20), "number", _as_double(3)),
            Typed({"type": "string", "logicalType": "uuid"}, _UUIDS, "text"),
            *_times(),
        ]
    )


def _times() -> list[Typed]:
    return [
        Typed({"type": base, "logicalType": name}, st.integers(*BOUNDS[name]), "number")
        for name, base in _TIMES.items()
    ]


@st.composite
def _union(draw: st.DrawFn, names: "count[int]") -> Typed:
    inner = draw((_simple() | _named(names)).filter(lambda typed: typed.avro != "null"))
    branches = ["null", inner.avro] if draw(st.booleans()) else [inner.avro, "null"]
    return Typed(branches, st.none() | inner.values, inner.kind, inner.read)


@st.composite
def _wide_union(draw: st.DrawFn) -> Typed:
    """Branches whose Python values tell them apart for the writer."""
    texts = draw(st.booleans())
    branches: list[Any] = ["null", "string", "bytes"] if texts else ["null", "boolean", "double", "bytes"]
    values = st.none() | st.binary(max_size=9) | (_TEXTS if texts else st.booleans() | st.floats())
    order = draw(st.permutations(branches))
    return Typed(order, values, "other")


@st.composite
def _blocks(draw: st.DrawFn) -> Typed:
    # Items of no bytes are left out: by a broken count of them fastavro, the oracle, fills the memory.
    item = draw(_simple().filter(lambda typed: typed.kind != "other" and typed.avro != "null"))
    if draw(st.booleans()):
        return Typed({"type": "array", "items": item.avro}, st.lists(item.values, max_size=4), "other")
    values = st.dictionaries(_TEXTS, item.values, max_size=3)
    return Typed({"type": "map", "values": item.avro}, values, "other")


@dataclass(frozen=True)
class Drawn:
    """A schema, records of it, and the fields by path."""

    schema: dict[str, Any]
    records: list[dict[str, Any]]
    fields: dict[str, Typed]


@st.composite
def schemas_with_records(draw: st.DrawFn, *, with_blocks: bool = False) -> Drawn:
    """A record's schema of up to ten fields, some of them of one named record, and up to five records."""
    names = count()
    kinds = _simple() | _union(names) | _named(names) | _wide_union()
    if with_blocks:
        kinds |= _blocks()
    fields = {f"f{i}": typed for i, typed in enumerate(draw(st.lists(kinds, min_size=1, max_size=7)))}
    inner = draw(st.lists(kinds, max_size=4))
    uses = draw(st.lists(st.sampled_from(_USES if with_blocks else _USES[:2]), min_size=1, max_size=3))
    if {"array", "map"} & {*uses}:
        # Not without bytes, as in _blocks; and what fastavro has to check in an item as well as at a path.
        inner.append(draw(st.sampled_from(_times())))
    paths = {f"g{i}": typed for i, typed in enumerate(inner)}
    values = {name: typed.values for name, typed in fields.items()}
    avro = _avro_fields(fields)
    found = dict(fields)
    record: Any = {"type": "record", "name": "Inner", "fields": _avro_fields(paths)}
    for i, use in enumerate(uses):
        used = _use_record(use, record, st.fixed_dictionaries({n: t.values for n, t in paths.items()}))
        record = "Inner"
        values[f"in{i}"] = used.values
        avro.append({"name": f"in{i}", "type": used.avro})
        if use in ("plain", "nullable"):
            found |= {f"in{i}.{name}": typed for name, typed in paths.items()}
    records = draw(st.lists(st.fixed_dictionaries(values), min_size=1, max_size=5))
    return Drawn({"type": "record", "name": "Outer", "fields": avro}, records, found)


def _use_record(use: str, avro: Any, values: st.SearchStrategy[Any]) -> Typed:
    """A field of a record, which is defined where it is first used."""
    if use == "nullable":
        return Typed(["null", avro], st.none() | values, "other")
    if use == "array":
        return Typed({"type": "array", "items": avro}, st.lists(values, max_size=3), "other")
    if use == "map":
        return Typed({"type": "map", "values": avro}, st.dictionaries(_TEXTS, values, max_size=2), "other")
    return Typed(avro, values, "other")


@st.composite
def features_of(draw: st.DrawFn, drawn: Drawn) -> list[Feature]:
    """A feature for most fields that can be one, in any order; levels partly from what is there."""
    features = []
    for path, typed in drawn.fields.items():
        if typed.kind == "other":
            continue
        seen = [typed.read(v) for v in (value_at(r, path) for r in drawn.records) if v is not None]
        finite = [v for v in seen if not isinstance(v, float) or math.isfinite(v)]
        spare: Any = "spare" if typed.kind == "text" else 12345
        levels = tuple(dict.fromkeys([*finite[: draw(st.integers(0, 4))], spare]))
        if typed.kind == "text" or draw(st.booleans()):
            features.append(Feature(path, Kind.CATEGORICAL, levels=levels))
        else:
            features.append(Feature(path))
    return list(draw(st.permutations(features)))


def value_at(record: dict[str, Any], path: str) -> Any:
    """The value at a dotted path; None where a record on the way is null."""
    value: Any = record
    for name in path.split("."):
        value = None if value is None else value[name]
    return value


def expected_value(record: dict[str, Any], feature: Feature, drawn: Drawn) -> float:
    """What the contract says that a feature becomes, worked out from the record as it was before it was written."""
    stored = value_at(record, feature.field)
    if stored is None:
        return math.nan
    value = drawn.fields[feature.field].read(stored)
    if feature.levels is None or (isinstance(value, float) and not math.isfinite(value)):
        return float(value)
    return float(feature.codes.get(value, UNSEEN))


def _avro_fields(fields: dict[str, Typed]) -> list[dict[str, Any]]:
    return [{"name": name, "type": typed.avro} for name, typed in fields.items()]
