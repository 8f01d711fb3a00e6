"""From batches and labels to the quality of each version."""

import dataclasses
import logging

import msgspec
import numpy as np
import pytest

from scoreline.errors import ModelNotFound, Unavailable
from scoreline.models.inspection import Output
from scoreline.observability.labels.joining import LONGEST_WAIT_SECONDS, LabelJoin
from scoreline.observability.labels.notes import PredictionNotes
from scoreline.observability.labels.quality import MOST_VERSIONS, LabelOutcome, LiveQuality
from scoreline.observability.labels.report import QualityReport
from scoreline.observability.labels.version import WINDOW_LABELS
from scoreline.schemas.labels import Label
from scoreline.scoring import Scored
from scoreline.transport.record import StoredRecord
from tests.observability.batches import Ticking, make_batch

OUTCOMES = ("joined", "invalid", "unmatched", "repeated", "empty", "unreadable")


class Counting:
    """Remembers what became of labels."""

    def __init__(self):
        self.settled = {}

    def labels_settled(self, outcome, labels):
        self.settled[outcome.value] = self.settled.get(outcome.value, 0) + labels


class Scene:
    """A join with all that it needs; time stands still until it is set."""

    def __init__(self, *, most=1000, seconds=3600.0, loaded=(1, 2, 3), output=Output.PROBABILITY):
        self.clock = Ticking()
        self.observer = Counting()
        self.loaded = list(loaded)
        self.output = output
        self.quality = LiveQuality(self.observer, seconds=seconds, list_loaded=lambda: self.loaded, clock=self.clock)
        self.notes = PredictionNotes(most, self.clock)
        self.join = LabelJoin(
            self.notes,
            self.quality,
            most_predictions=most,
            seconds=seconds,
            find_output=self._find_output,
            clock=self.clock,
        )

    def _find_output(self, version):
        if isinstance(self.output, Exception):
            raise self.output
        return self.output

    def predict(self, scores, *, version=3, ids=None, infinite=()):
        """One batch; ids are those of the records' keys unless they are given."""
        records = [StoredRecord("features", 0, i, key) for i, key in enumerate(scores)]
        batch = make_batch(records, positions={version: range(len(records))})
        part = dataclasses.replace(batch.parts[0], ids=ids)
        scored = Scored(np.array(list(scores.values()), dtype=np.float64), np.array(infinite, dtype=np.intp))
        self.notes.batch_scored(dataclasses.replace(batch, parts=[part], scored=[scored]))

    def label(self, values):
        self.join.turn([Label(record_id, value, None) for record_id, value in values.items()])

    def read(self):
        report = self.quality.read()
        assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(report)), QualityReport) == report
        assert {name: n for name, n in self.observer.settled.items() if n} == {
            o: report[o] for o in OUTCOMES if report[o]
        }
        return report


def test_labels_are_joined_to_their_predictions_and_measured():
    scene = Scene()
    scene.predict({b"a": 0.9, b"b": 0.2, b"c": 0.7, b"d": 0.4})
    scene.label({b"a": 1.0, b"b": 0.0, b"c": 0.0, b"d": 1.0})

    report = scene.read()
    assert (report["joined"], report["remembered"]) == (4, 4)
    version = report["versions"]["3"]
    assert (version["kind"], version["labels"], version["auc"], version["error"]) == ("binary", 4, 0.75, 0.5)
    assert version["since_start"]["auc"] == 0.75


def test_each_version_is_measured_by_its_own_labels():
    scene = Scene()
    scene.predict({b"a": 0.9, b"b": 0.2}, version=1)
    scene.predict({b"c": 0.9, b"d": 0.2}, version=2)
    scene.label({b"a": 1.0, b"b": 0.0, b"c": 0.0, b"d": 1.0})

    assert {n: v["auc"] for n, v in scene.read()["versions"].items()} == {"1": 1.0, "2": 0.0}


def test_a_label_that_comes_first_waits_for_its_prediction():
    scene = Scene()
    scene.label({b"a": 1.0, b"b": 0.0})
    assert (scene.read()["waiting"], scene.read()["joined"]) == (2, 0)
    scene.predict({b"a": 0.9})
    scene.label({})

    assert (scene.read()["waiting"], scene.read()["joined"]) == (1, 1)


def test_a_label_without_a_prediction_is_unmatched_when_it_has_waited_long_enough():
    scene = Scene(seconds=10 * LONGEST_WAIT_SECONDS)
    scene.label({b"a": 1.0})
    scene.clock.now += LONGEST_WAIT_SECONDS + 1
    scene.label({})

    report = scene.read()
    assert (report["unmatched"], report["waiting"], report["versions"]) == (1, 0, {})


def test_a_label_that_is_too_late_is_not_joined():
    scene = Scene(seconds=100.0)
    scene.predict({b"a": 0.9})
    scene.clock.now += 101
    scene.label({b"a": 1.0})

    assert (scene.read()["joined"], scene.read()["waiting"]) == (0, 1)


def test_a_second_label_is_ignored_and_counted_whenever_it_comes():
    scene = Scene()
    scene.predict({b"a": 0.9, b"b": 0.1})
    scene.join.turn([Label(b"a", 1.0, None), Label(b"a", 0.0, None)])
    scene.label({b"a": 0.0, b"b": 0.0})

    report = scene.read()
    assert (report["joined"], report["repeated"], report["versions"]["3"]["auc"]) == (2, 2, 1.0)


def test_the_last_prediction_of_an_id_is_the_one_that_is_measured():
    scene = Scene()
    scene.predict({b"a": 0.9}, version=1)
    scene.predict({b"a": 0.1}, version=2)
    scene.label({b"a": 0.0})

    assert {n: v["error"] for n, v in scene.read()["versions"].items()} == {"2": 0.0}


def test_labels_that_are_null_or_make_no_sense_are_counted_and_measure_nothing():
    scene = Scene()
    scene.predict({b"a": 0.9, b"b": 0.1})
    scene.label({b"a": None, b"b": "perhaps"})

    report = scene.read()
    assert (report["empty"], report["invalid"], report["joined"], report["versions"]) == (1, 1, 0, {})


def test_ids_of_their_own_win_over_keys_and_rows_without_a_finite_score_were_never_predicted():
    scene = Scene()
    scene.predict({b"k": 0.9, b"l": np.inf, b"m": 0.1}, ids=[b"a", b"b", None], infinite=[1])
    scene.label({b"a": 1.0, b"b": 1.0, b"m": 0.0, b"k": 0.0})

    assert (scene.read()["joined"], scene.read()["waiting"]) == (2, 2)


def test_classes_are_measured_by_name_and_by_index():
    scene = Scene(output=Output.PROBABILITIES)
    records = [StoredRecord("features", 0, i, b"%d" % i) for i in range(2)]
    batch = make_batch(records)
    model = batch.parts[0].version.model
    model.classes = ("early", "late")
    scores = Scored(np.array([[0.8, 0.2], [0.3, 0.7]]), np.empty(0, dtype=np.intp))
    scene.notes.batch_scored(dataclasses.replace(batch, scored=[scores]))
    scene.label({b"0": "early", b"1": 0.0})

    version = scene.read()["versions"]["3"]
    assert (version["kind"], version["error"], version["log_loss"]) == (
        "classes",
        0.5,
        pytest.approx(-(np.log(0.8) + np.log(0.3)) / 2),
    )


def test_times_tell_how_late_labels_are():
    scene = Scene()
    scene.predict({b"a": 0.9, b"b": 0.1})
    scene.clock.now += 30
    scene.join.turn([Label(b"a", 1.0, 5_000), Label(b"b", 0.0, 4_000)])

    version = scene.read()["versions"]["3"]
    assert (version["delay_seconds"], version["latest_known_at_ms"]) == (30.0, 5_000)


def test_nothing_changes_while_the_store_cannot_say_what_the_scores_mean():
    scene = Scene(output=Unavailable("the store is away"))
    scene.predict({b"a": 0.9})
    with pytest.raises(Unavailable, match="away"):
        scene.label({b"a": 1.0})
    assert scene.read()["joined"] == 0
    scene.output = Output.PROBABILITY
    scene.label({b"a": 1.0})

    assert scene.read()["joined"] == 1


def test_labels_of_a_version_that_the_store_does_not_have_any_more_say_nothing(caplog):
    scene = Scene(output=ModelNotFound("there is no such version"))
    scene.predict({b"a": 0.9})
    scene.label({b"a": 1.0})
    scene.predict({b"b": 0.9})
    scene.label({})

    assert (scene.read()["invalid"], scene.read()["versions"]) == (1, {})
    assert [vars(r)["event"] for r in caplog.records] == ["quality_unmeasurable"]


def test_a_line_is_logged_each_time_that_a_window_of_labels_is_complete(caplog):
    caplog.set_level(logging.INFO)
    scene = Scene(most=3 * WINDOW_LABELS)
    ids = [b"%d" % i for i in range(2 * WINDOW_LABELS)]
    scene.predict(dict.fromkeys(ids, 0.9))
    for first, last in ((0, WINDOW_LABELS - 1), (WINDOW_LABELS - 1, WINDOW_LABELS), (WINDOW_LABELS, len(ids))):
        scene.label(dict.fromkeys(ids[first:last], 1.0))

    lines = [vars(r) for r in caplog.records]
    assert [(line["event"], line["version"], line["labels"]) for line in lines] == [("quality", 3, WINDOW_LABELS)] * 2
    assert scene.read()["versions"]["3"]["labels"] == WINDOW_LABELS
    assert scene.read()["versions"]["3"]["since_start"]["labels"] == len(ids)


def test_the_window_has_the_latest_labels_only():
    scene = Scene(most=3 * WINDOW_LABELS)
    wrong, right = [b"w%d" % i for i in range(100)], [b"r%d" % i for i in range(WINDOW_LABELS)]
    scene.predict({**dict.fromkeys(wrong, 0.1), **dict.fromkeys(right, 0.9)})
    scene.label(dict.fromkeys(wrong, 1.0))
    scene.label(dict.fromkeys(right, 1.0))

    version = scene.read()["versions"]["3"]
    assert version["error"] == 0.0
    assert version["since_start"]["error"] == pytest.approx(100 / (WINDOW_LABELS + 100))


def test_a_version_that_is_gone_is_shown_as_long_as_its_labels_come():
    scene = Scene(seconds=100.0)
    scene.predict({b"a": 0.9}, version=1)
    scene.label({b"a": 1.0})
    scene.loaded = [2]
    scene.clock.now += 100
    assert list(scene.read()["versions"]) == ["1"]
    scene.clock.now += 1

    assert scene.read()["versions"] == {}


def test_so_many_versions_are_shown_at_the_most():
    scene = Scene(loaded=())
    for version in range(1, MOST_VERSIONS + 3):
        scene.clock.now += 1
        scene.predict({b"%d" % version: 0.9}, version=version)
        scene.label({b"%d" % version: 1.0})

    assert list(scene.read()["versions"]) == [str(n) for n in range(3, MOST_VERSIONS + 3)]


def test_notes_that_nobody_takes_are_bounded():
    scene = Scene(most=10)
    for i in range(20):
        scene.predict({b"%d-%d" % (i, k): 0.5 for k in range(4)})

    assert sum(len(noted.ids) for noted in scene.notes.take()) == 8
    assert scene.notes.take() == []


def test_every_outcome_is_in_the_report():
    assert {outcome.value for outcome in LabelOutcome} == set(OUTCOMES) <= set(QualityReport.__annotations__)
