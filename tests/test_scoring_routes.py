"""Batches for which the key chooses the version."""

import pytest

from scoreline.models.live_route import LiveRoute
from scoreline.models.model import ModelVersion
from scoreline.models.routes import Route
from scoreline.records import Reason
from scoreline.scoring import Tombstones
from scoreline.testing.fakes import FixedVersions, WeightedSum
from scoreline.transport.record import StoredRecord
from tests.test_scoring import ORIGIN, X, Y, make_path, make_record, make_value, read_prediction, run

HALVES = Route.of({1: 50, 2: 50})


class SharedFeatures(WeightedSum):
    """A model with the features of another one, as loaders give equal features."""

    def __init__(self, other: WeightedSum, weights: list[float]) -> None:
        super().__init__(other.features.features, weights)
        self.features = other.features


def make_alike() -> dict[int, WeightedSum]:
    first = WeightedSum([X, Y], [1.0, 10.0])
    return {1: first, 2: SharedFeatures(first, [-1.0, 0.0]), 3: WeightedSum([ORIGIN, Y, X], [0.0, 0.0, 1000.0])}


def choose(key: bytes, route: Route = HALVES) -> int:
    """By the one rule, for the model that `FixedVersions` names."""
    loaded = [ModelVersion("model", number, "", WeightedSum([], [])) for number in route.versions]
    return LiveRoute.load(route, loaded).choose(key).version


@pytest.mark.parametrize("route", [HALVES, Route.of({1: 1, 3: 1}), Route.of({1: 8, 2: 1, 3: 1})])
def test_each_record_is_scored_by_the_version_that_its_key_chooses(route):
    """Whether or not the versions have the same features, the order is that of the input."""
    path = make_path(FixedVersions(make_alike(), {"production": route}))
    records = [make_record(i, make_value(float(i), 1.0)) for i in range(100)]
    outputs, dead_letters = run(path, records)
    assert dead_letters == []
    assert [r.offset() for r in outputs.records] == list(range(100))
    found = [read_prediction(value) for value in outputs.values]
    scores = {1: lambda i: i + 10.0, 2: lambda i: -float(i), 3: lambda i: 1000.0 * i}
    for i, prediction in enumerate(found):
        version = choose(b"key-%d" % i, route)
        assert (prediction["version"], prediction["prediction"]) == (version, scores[version](i))
        assert (prediction["id"], prediction["source_offset"]) == (f"key-{i}", i)
    assert {prediction["version"] for prediction in found} == set(route.answering)
    assert list(outputs.versions) == [prediction["version"] for prediction in found]


def test_bad_rows_of_a_shared_batch_name_the_version_that_they_were_for():
    path = make_path(FixedVersions(make_alike(), {"production": HALVES}))
    records = [make_record(i, b"\x00\x00\x00\x00\x07" if i % 3 == 0 else make_value(None)) for i in range(40)]
    outputs, dead_letters = run(path, records)
    assert len(outputs) == 0
    assert [letter.record.offset() for letter in dead_letters] == list(range(40))
    assert [letter.version for letter in dead_letters] == [choose(b"key-%d" % i) for i in range(40)]
    assert {letter.reason for letter in dead_letters[1::3]} == {Reason.MISSING_FEATURE}


def test_what_has_no_key_is_chosen_by_the_id_of_its_prediction():
    versions = FixedVersions(make_alike(), {"production": HALVES})
    values = [make_value(1.0, ride=f"ride-{i}" if i % 2 else None) for i in range(60)]
    records = [StoredRecord("features", 0, i, None, value, [], timestamp_ms=1) for i, value in enumerate(values)]
    for id_field, ids in (
        ("ride", [f"ride-{i}" if i % 2 else f"features-0-{i}" for i in range(60)]),
        (None, [f"features-0-{i}" for i in range(60)]),
    ):
        outputs, _ = run(make_path(versions, id_field=id_field), records)
        found = [read_prediction(value) for value in outputs.values]
        assert [prediction["id"] for prediction in found] == ids
        assert [prediction["version"] for prediction in found] == [choose(each.encode()) for each in ids]


def test_a_key_that_is_no_text_chooses_by_its_bytes():
    key = b"\xff\x00\xfe"
    path = make_path(FixedVersions(make_alike(), {"production": HALVES}))
    (value,) = run(path, [StoredRecord("features", 0, 0, key, make_value(), [], timestamp_ms=1)])[0].values
    assert read_prediction(value)["version"] == choose(key)


def test_a_pin_goes_before_the_route_and_may_name_one():
    path = make_path(FixedVersions(make_alike(), {"production": 3, "canary": HALVES}))
    records = [make_record(i, make_value(1.0), (b"2", b"canary", None)[i % 3]) for i in range(30)]
    outputs, _ = run(path, records)
    expected = [(2, choose(b"key-%d" % i), 3)[i % 3] for i in range(30)]
    assert list(outputs.versions) == expected


def test_shadows_go_with_the_records_of_their_route_alone():
    watched = Route.of({1: 1}, (3,))
    path = make_path(FixedVersions(make_alike(), {"production": watched}))
    batch = path.decode([make_record(0, make_value()), make_record(1, make_value(), b"1")])
    assert [(p.positions.tolist(), [s.version for s in p.shadows]) for p in batch.parts] == [([0], [3]), ([1], [])]
    outputs, _ = path.encode(batch, path.predict(batch))
    assert [read_prediction(value)["version"] for value in outputs.values] == [1, 1]


def test_forwarded_tombstones_and_dead_letters_keep_their_place_on_a_route():
    path = make_path(FixedVersions(make_alike(), {"production": HALVES}), tombstones=Tombstones.FORWARD)
    records = [make_record(i, None if i % 4 == 0 else make_value(None if i % 4 == 1 else 1.0)) for i in range(40)]
    outputs, dead_letters = run(path, records)
    assert [r.offset() for r in outputs.records] == [i for i in range(40) if i % 4 != 1]
    assert [value is None for value in outputs.values] == [i % 4 == 0 for i in range(40) if i % 4 != 1]
    assert [letter.record.offset() for letter in dead_letters] == [i for i in range(40) if i % 4 == 1]
