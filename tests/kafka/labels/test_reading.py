"""From values of records to joined labels, with a registry and a store that come and go."""

import io
import logging

import fastavro
import pytest

from scoreline.errors import Unavailable
from scoreline.kafka.labels.reading import LabelReading
from scoreline.observability.labels.quality import LabelOutcome
from scoreline.schemas.fixed import LABEL_ID, load_fixed
from scoreline.schemas.framing import Framing
from scoreline.schemas.labels import LabelDecoder
from scoreline.transport.record import StoredRecord
from tests.observability.batches import Ticking

NONSENSE = StoredRecord("labels", 1, 8, None, b"secret")
HEAD = b"\x00" + LABEL_ID.to_bytes(4, "big")


class Catalog:
    """Has the schema of labels, unless it is away."""

    away = False

    def find_writer(self, schema_id):
        if self.away:
            raise Unavailable("the registry is away")
        return load_fixed(schema_id)


class Join:
    """Writes down what it is given, unless it is told to fail."""

    def __init__(self):
        self.turns = []
        self.error = None

    def turn(self, labels):
        if self.error is not None:
            raise self.error
        self.turns.append([label.id for label in labels])


class Settled(list):
    def settle(self, outcome, labels):
        self.append((outcome, labels))


class Scene:
    def __init__(self):
        self.catalog, self.joined, self.settled, self.clock = Catalog(), Join(), Settled(), Ticking()
        decoder = LabelDecoder(self.catalog, Framing.CONFLUENT)
        self.reading = LabelReading(decoder, self.joined, self.settled, clock=self.clock)


def encode(record_id):
    out = io.BytesIO(HEAD)
    out.seek(len(HEAD))
    fastavro.schemaless_writer(out, load_fixed(LABEL_ID), {"id": record_id, "label": 1.0})
    return StoredRecord("labels", 0, 7, None, out.getvalue())


def test_what_was_taken_is_joined_once():
    scene = Scene()
    scene.reading.take([encode("a"), encode("b")])
    scene.reading.join()
    scene.reading.join()

    assert scene.joined.turns == [[b"a", b"b"], []]


def test_while_the_registry_is_away_labels_wait_and_predictions_are_remembered_all_the_same():
    scene = Scene()
    scene.catalog.away = True
    scene.reading.take([NONSENSE, encode("a")])
    with pytest.raises(Unavailable, match="registry"):
        scene.reading.join()
    assert (scene.reading.is_stuck, scene.joined.turns) == (True, [[]])
    scene.catalog.away = False
    scene.reading.join()

    assert (scene.reading.is_stuck, scene.joined.turns) == (False, [[], [b"a"]])
    assert scene.settled == [(LabelOutcome.UNREADABLE, 1)]


def test_while_the_store_is_away_labels_wait():
    scene = Scene()
    scene.joined.error = Unavailable("the store is away")
    scene.reading.take([encode("a")])
    with pytest.raises(Unavailable, match="store"):
        scene.reading.join()
    assert scene.reading.is_stuck
    scene.joined.error = None
    scene.reading.join()

    assert scene.joined.turns == [[b"a"]]


def test_labels_that_cannot_be_read_are_counted_and_told_by_reason_now_and_then(caplog):
    scene = Scene()
    for _ in range(3):
        scene.reading.take([NONSENSE])
        scene.reading.join()
    scene.clock.now += 10.0
    scene.reading.join()

    assert len(scene.settled) == 3
    told = [(vars(r)["event"], vars(r)["reason"], vars(r)["count"]) for r in caplog.records]
    assert told == [("labels_unreadable", "undecodable", 1), ("labels_unreadable", "undecodable", 2)]


def test_what_exactly_is_wrong_with_a_label_is_for_who_debugs(caplog):
    caplog.set_level(logging.DEBUG)
    scene = Scene()
    scene.reading.take([NONSENSE])
    scene.reading.join()

    (detail,) = [vars(r) for r in caplog.records if r.levelno == logging.DEBUG]
    assert (detail["topic"], detail["partition"], detail["offset"]) == ("labels", 1, 8)
    assert "begins with the bytes" in detail["message"]
