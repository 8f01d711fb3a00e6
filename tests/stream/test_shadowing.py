"""What the stream has answered goes to the shadows, and their predictions beside the topic of the answers."""

from dataclasses import replace

import pytest

from scoreline.models.routes import Route
from scoreline.observability.events import BatchScored
from scoreline.records import find_last_records
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.framing import Framing
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring.shadows import ShadowScorer
from scoreline.stream.shadowing import StreamShadows
from scoreline.testing.fakes import FixedVersions, WeightedSum
from tests.shadow_recorder import SECONDS, Compared, ShadowRecorder
from tests.test_scoring import (
    ORIGIN,
    PREFIX,
    UNLUCKY,
    Brittle,
    Catalog,
    X,
    Y,
    make_path,
    make_record,
    make_value,
    read_prediction,
)


class Scene:
    """Version 1 answers, 2 has its features, 3 has others; their outputs are kept."""

    def __init__(self, route, **fields):
        first = Brittle([X, Y], [1.0, 10.0])
        second = Brittle([X, Y], [2.0, 20.0])
        second.features = first.features
        third = WeightedSum([ORIGIN, Y], [1000.0, 1.0])
        self.path = make_path(FixedVersions({1: first, 2: second, 3: third}, {"production": route}), **fields)
        self.recorder, self.published = ShadowRecorder(), []
        self.scorer = ShadowScorer(self.recorder)
        decoder = PayloadDecoder(Catalog(), framing=Framing.CONFLUENT, **fields)
        encoder = PredictionEncoder(PREFIX)
        self.shadows = StreamShadows(self.scorer, decoder, encoder, self.published.append, wall_clock=lambda: 2.5)

    def score(self, records):
        """One batch through the path, and to its shadows; returns once they are done."""
        batch = self.path.decode(records)
        scored = self.path.predict(batch)
        _, dead_letters = self.path.encode(batch, scored)
        self.shadows.batch_scored(
            BatchScored(records, find_last_records(records), batch.parts, scored, dead_letters, 0, {}, 0)
        )
        return scored

    def finish(self, **expected):
        """What was compared and put out, once so much has come of it."""
        self.recorder.await_told(**expected)
        self.scorer.close(SECONDS)
        return [
            (
                outputs.versions,
                [record.offset() for record in outputs.records],
                list(map(read_prediction, outputs.values)),
            )
            for outputs in self.published
        ]


def test_predictions_of_a_shadow_name_it_and_are_those_of_the_records_that_were_answered():
    scene = Scene(Route.of({1: 1}, (2,)), id_field="ride", event_time_field="at")
    records = [make_record(i, make_value(float(i), 1.0, ride=f"ride-{i}", at=1000 + i)) for i in range(3)]
    scene.score(records)
    ((version, offsets, predictions),) = scene.finish(compared=1)
    assert (version, offsets) == (2, [0, 1, 2])
    assert scene.recorder.compared == [Compared(1, 2, [10.0, 11.0, 12.0], [20.0, 22.0, 24.0])]
    for i, prediction in enumerate(predictions):
        assert (prediction["model"], prediction["version"], prediction["prediction"]) == ("model", 2, 20.0 + 2 * i)
        assert (prediction["id"], prediction["source_offset"]) == (f"ride-{i}", i)
        assert prediction["event_time"].timestamp() == pytest.approx((1000 + i) / 1000)
        assert prediction["scored_at"].timestamp() == 2.5


def test_a_shadow_with_other_features_reads_the_records_again():
    """Those that the version cannot score are not asked of the shadow; those that the shadow cannot are dropped."""
    scene = Scene(Route.of({1: 1}, (3,)))
    values = [make_value(1.0, 2.0, "LGA"), make_value(None), make_value(2.0, 5.0, "JFK"), b"\x00\x00\x00\x00\x07"]
    scene.score([make_record(i, value) for i, value in enumerate(values)])
    ((version, offsets, predictions),) = scene.finish(compared=1)
    assert (version, offsets) == (3, [0, 2])
    assert [each["prediction"] for each in predictions] == [1002.0, 5.0]
    assert scene.recorder.compared == [Compared(1, 3, [21.0, 52.0], [1002.0, 5.0])]
    assert scene.recorder.dropped == 0


def test_rows_whose_answer_is_not_finite_have_no_answer_to_compare_with():
    scene = Scene(Route.of({1: 1}, (2,)))
    assert UNLUCKY == 3.0 + 10.0
    (scored,) = scene.score([make_record(0, make_value(3.0, 1.0)), make_record(1, make_value(4.0, 1.0))])
    assert scored.infinite.tolist() == [0]
    ((_, offsets, predictions),) = scene.finish(compared=1)
    assert (offsets, [each["prediction"] for each in predictions]) == ([1], [28.0])


def test_rows_that_the_shadow_cannot_give_a_finite_score_are_not_put_out():
    scene = Scene(Route.of({1: 1}, (2,)))
    scene.score(
        [make_record(0, make_value(1.0, 2.0)), make_record(1, make_value(-3.5, 1.0)), make_record(2, make_value())]
    )
    ((_, offsets, _),) = scene.finish(compared=1, dropped=1)
    assert UNLUCKY == 2 * -3.5 + 20
    assert offsets == [0, 2]


def test_each_part_of_a_shared_batch_is_compared_with_the_version_that_answered_it():
    scene = Scene(Route.of({1: 1, 3: 1}, (2,)))
    records = [make_record(i, make_value(100.0 + i, 1.0)) for i in range(40)]
    scene.score(records)
    published = scene.finish(compared=2)
    assert sorted(offset for _, offsets, _ in published for offset in offsets) == list(range(40))
    assert {version for version, _, _ in published} == {2}
    assert sorted(each.version for each in scene.recorder.compared) == [1, 3]
    for each in scene.recorder.compared:
        assert len(each.scores) == len(each.shadowed) > 5
    found = {p["source_offset"]: p["prediction"] for _, _, predictions in published for p in predictions}
    assert found == {i: 2.0 * (100 + i) + 20 for i in range(40)}


def test_a_batch_without_shadows_is_nobodys_business():
    scene = Scene(Route.of({1: 1}))
    scene.score([make_record(0, make_value())])
    scene.score([make_record(0, make_value(None))])
    assert scene.finish() == []
    assert scene.recorder.compared == []
    assert scene.scorer._thread is None


@pytest.mark.parametrize("field", ["key_", "value_", "headers_"])
def test_what_waits_counts_with_all_that_its_records_keep_in_memory(field):
    large = {"key_": b"k" * 50_000, "value_": make_value(9.0, 1.0, "x" * 50_000), "headers_": [("h", b"v" * 50_000)]}
    scene, offered = Scene(Route.of({1: 1}, (2,))), []
    scene.scorer.offer = offered.append
    record = make_record(0, make_value(9.0, 1.0))
    scene.score([record])
    scene.score([replace(record, **{field: large[field]})])
    small, whole = (answered.size for answered in offered)
    assert small < 1_000
    assert 50_000 <= whole < 51_000
