"""The loop over the in-memory broker: what it finishes, what it rolls back, what it tells."""

import io
import random
import struct
from dataclasses import dataclass, field

import fastavro
import pytest

from scoreline.dead_letters import REASON_HEADER
from scoreline.errors import FatalClientError, SchemaNotFound, Unavailable
from scoreline.features import Feature
from scoreline.records import PIN_HEADER, UNREADABLE_HEADERS, TopicPartition, find_header
from scoreline.schemas.decoder import PayloadDecoder
from scoreline.schemas.fixed import PREDICTION_ID, prediction_schema
from scoreline.schemas.framing import Framing, prefix_for
from scoreline.schemas.predictions import PredictionEncoder
from scoreline.scoring import ScoringPath, Tombstones
from scoreline.stream.backoff import Backoff
from scoreline.stream.loop import BatchLimits, StreamLoop, find_first_offsets
from scoreline.testing.fakes import FixedVersions, WeightedSum
from scoreline.transport.delivery import AtLeastOnce
from scoreline.transport.memory import MemoryBroker, MemoryPublisher, MemorySource
from scoreline.transport.record import StoredRecord

SCHEMA = fastavro.parse_schema(
    {"type": "record", "name": "Row", "fields": [{"name": "x", "type": "double"}, {"name": "y", "type": "double"}]}
)
GROUP = "group"


def encode(x, y=0.0):
    """A framed row."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMA, {"x": x, "y": y})
    return struct.pack(">bI", 0, 1) + out.getvalue()


def decode(record):
    """A prediction as a dictionary."""
    return fastavro.schemaless_reader(io.BytesIO(record.value()[5:]), prediction_schema(), None)


class OneSchema:
    """A catalog with the schema 1, which may be away."""

    def __init__(self):
        self.away = False

    def find_writer(self, schema_id):
        if self.away:
            raise Unavailable("the registry is away")
        if schema_id != 1:
            raise SchemaNotFound(f"there is no schema {schema_id}")
        return SCHEMA


class StopAfterWaits:
    """A stop signal that never really waits, and remembers for how long it was asked to."""

    def __init__(self):
        self.requested = False
        self.waits = []

    def is_set(self):
        return self.requested

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return self.requested


@dataclass
class Witness:
    """Learns all that the loop tells."""

    turns: int = 0
    batches: list = field(default_factory=list)
    rolled_back: list = field(default_factory=list)

    def turned(self):
        self.turns += 1

    def batch_scored(self, event):
        self.batches.append(event)

    def batch_rolled_back(self, records, error, retry_seconds):
        self.rolled_back.append((records, type(error), retry_seconds))


class Scene:
    """A member over four partitions, with a weighted sum as its model: 2x + y, and 3x + y as version 2."""

    def __init__(self, *, tombstones=Tombstones.DEAD_LETTER, limits=None):
        self.broker = MemoryBroker()
        for topic in ("features", "predictions", "dead-letters"):
            self.broker.create_topic(topic, 4)
        self.source = MemorySource(self.broker, GROUP, ["features"])
        self.publisher = MemoryPublisher(self.broker, output_topic="predictions", dead_letter_topic="dead-letters")
        self.catalog, self.stop, self.witness, self.now = OneSchema(), StopAfterWaits(), Witness(), 0.0
        features = [Feature("x"), Feature("y")]
        versions = FixedVersions(
            {1: WeightedSum(features, [2, 1]), 2: WeightedSum(features, [3, 1])}, {"production": 1}
        )
        path = ScoringPath(
            versions,
            PayloadDecoder(self.catalog, framing=Framing.CONFLUENT),
            PredictionEncoder(prefix_for(Framing.CONFLUENT, PREDICTION_ID, prediction_schema())),
            wall_clock=lambda: 1_700_000_000.0,
            tombstones=tombstones,
        )
        self.delivery = AtLeastOnce(
            self.publisher,
            self.source,
            commit_interval_seconds=0.0,
            clock=self.tick,
            should_give_up=lambda: False,
            heartbeat=lambda: None,
        )
        self.loop = StreamLoop(
            self.source,
            path,
            self.delivery,
            stop=self.stop,
            clock=self.tick,
            wall_clock=lambda: 1_700_000_001.0,
            observers=[self.witness],
            limits=limits,
            backoff=Backoff(rng=random.Random(7)),
        )

    def tick(self):
        self.now += 0.001
        return self.now

    def turn(self, times=1):
        for _ in range(times):
            self.loop.turn()

    def committed(self):
        return dict(self.broker.group(GROUP).committed)

    def predictions(self):
        return [(r.partition(), decode(r)["prediction"]) for r in self.broker.read("predictions")]


def test_records_come_out_scored_on_the_partition_and_in_the_order_they_went_in():
    scene = Scene()
    for n in range(20):
        scene.broker.append("features", encode(n), partition=n % 4, key=b"%d" % n)
    scene.turn(3)
    for partition in range(4):
        found = [value for p, value in scene.predictions() if p == partition]
        assert found == [2.0 * n for n in range(20) if n % 4 == partition]


def test_what_is_finished_is_committed_up_to_the_next_record():
    scene = Scene()
    for n in range(5):
        scene.broker.append("features", encode(n), partition=1)
    scene.turn(3)
    assert scene.committed() == {TopicPartition("features", 1): 5}


def test_a_broken_record_is_a_dead_letter_and_its_neighbours_are_scored():
    scene = Scene()
    for value in (encode(1), b"nonsense", encode(2), None, encode(float("inf"))):
        scene.broker.append("features", value)
    scene.turn(2)
    assert [value for _, value in scene.predictions()] == [2.0, 4.0]
    reasons = [find_header(r, REASON_HEADER).decode() for r in scene.broker.read("dead-letters")]
    assert reasons == ["undecodable", "tombstone", "invalid_value"]
    (event,) = scene.witness.batches
    assert len(event.dead_letters) == 3
    assert event.predictions == {1: 2}


def test_a_batch_with_pins_is_scored_by_several_versions_and_keeps_its_order():
    scene = Scene()
    for n in range(9):
        pin = {0: None, 1: [(PIN_HEADER, b"2")], 2: [(PIN_HEADER, b"9")]}[n % 3]
        scene.broker.append("features", encode(n), headers=pin)
    scene.turn(2)
    found = [decode(r) for r in scene.broker.read("predictions")]
    assert [p["source_offset"] for p in found] == [0, 1, 3, 4, 6, 7]
    assert [p["version"] for p in found] == [1, 2, 1, 2, 1, 2]
    assert [p["prediction"] for p in found] == [0.0, 3.0, 6.0, 12.0, 12.0, 21.0]
    letters = scene.broker.read("dead-letters")
    assert {find_header(r, REASON_HEADER) for r in letters} == {b"unknown_version"}


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_refused_output_rolls_the_batch_back_until_it_is_delivered_and_commits_nothing_before(refusals):
    scene = Scene()
    for n in range(3):
        scene.broker.append("features", encode(n))
    scene.turn()
    scene.publisher.refusals.extend(["NOT_ENOUGH_REPLICAS"] * refusals)
    while len(scene.witness.rolled_back) < refusals and not scene.witness.batches:
        scene.turn()
        assert scene.committed() == {} or scene.witness.batches
    scene.turn(4)
    assert {value for _, value in scene.predictions()} == {0.0, 2.0, 4.0}
    assert scene.committed() == {TopicPartition("features", 0): 3}


def test_a_registry_that_is_away_holds_the_batch_without_a_dead_letter_and_waits_longer_each_time():
    scene = Scene()
    scene.broker.append("features", encode(4))
    scene.catalog.away = True
    while len(scene.stop.waits) < 6:
        scene.turn()
    assert scene.committed() == {}
    assert scene.broker.read("dead-letters") == scene.broker.read("predictions") == []
    assert [kind for _, kind, _ in scene.witness.rolled_back] == [Unavailable] * 6
    assert scene.stop.waits[-1] > scene.stop.waits[0]
    scene.catalog.away = False
    scene.turn(2)
    assert [value for _, value in scene.predictions()] == [8.0]


def test_a_batch_that_succeeds_makes_the_next_wait_short_again():
    scene = Scene()
    scene.broker.append("features", encode(1))
    scene.catalog.away = True
    while len(scene.stop.waits) < 8:
        scene.turn()
    scene.catalog.away = False
    scene.turn(2)
    scene.broker.append("features", b"\x00\x00\x00\x00\x05\x00")
    scene.catalog.away = True
    while len(scene.stop.waits) < 9:
        scene.turn()
    assert scene.stop.waits[-1] <= 0.2


def test_a_batch_never_holds_more_records_than_allowed():
    scene = Scene(limits=BatchLimits(max_records=7))
    for n in range(30):
        scene.broker.append("features", encode(n))
    scene.turn(8)
    assert [len(e.records) for e in scene.witness.batches] == [7, 7, 7, 7, 2]


def test_tombstones_are_skipped_or_forwarded_on_request():
    for policy, forwarded in ((Tombstones.SKIP, []), (Tombstones.FORWARD, [(b"k", None)])):
        scene = Scene(tombstones=policy)
        scene.broker.append("features", None, key=b"k", partition=2)
        scene.turn(2)
        assert [(r.key(), r.value()) for r in scene.broker.read("predictions")] == forwarded
        assert scene.broker.read("dead-letters") == []
        assert scene.committed() == {TopicPartition("features", 2): 1}
        (event,) = scene.witness.batches
        assert event.skipped == (1 if policy is Tombstones.SKIP else 0)


def test_observers_get_every_stage_of_a_finished_batch_and_the_moment_it_was_finished():
    scene = Scene()
    scene.broker.append("features", encode(1), timestamp_ms=1_700_000_000_000)
    scene.turn(2)
    (event,) = scene.witness.batches
    assert set(event.stage_seconds) == {"poll", "decode", "predict", "encode", "publish", "commit"}
    assert all(seconds > 0 for seconds in event.stage_seconds.values())
    assert event.finished_at_ms == 1_700_000_001_000


def test_a_stop_ends_the_loop_between_two_batches():
    scene = Scene()
    scene.broker.append("features", encode(1))

    class StopWhenScored(Witness):
        def batch_scored(self, event):
            scene.stop.requested = True

    scene.loop._batch_observers = (StopWhenScored(),)
    scene.loop.run()
    scene.delivery.close()
    assert [value for _, value in scene.predictions()] == [2.0]
    assert scene.committed() == {TopicPartition("features", 0): 1}
    assert scene.witness.turns >= 1


def test_a_fatal_client_error_ends_the_loop():
    scene = Scene()
    scene.broker.append("features", encode(1))

    def die(*_):
        raise FatalClientError("fenced")

    scene.publisher.publish = die
    with pytest.raises(FatalClientError, match="fenced"):
        scene.turn(2)
    assert scene.committed() == {}


def test_the_first_offset_of_each_partition_is_where_a_batch_has_to_be_read_again():
    records = [StoredRecord("a", 0, 5), StoredRecord("a", 1, 9), StoredRecord("a", 0, 6), StoredRecord("b", 0, 1)]
    assert find_first_offsets(records) == {
        TopicPartition("a", 0): 5,
        TopicPartition("a", 1): 9,
        TopicPartition("b", 0): 1,
    }


def test_a_stop_does_not_wait_for_a_slow_registry_to_answer_for_every_schema():
    scene = Scene()
    for schema_id in range(2, 50):
        scene.broker.append("features", struct.pack(">bI", 0, schema_id) + b"\x00")
    asked = []

    def go_on():
        asked.append(1)
        if len(asked) > 5:
            raise Unavailable("stopping")

    scene.loop._path._decoder._before_lookup = go_on
    while not scene.witness.rolled_back:
        scene.turn()
    assert len(asked) == 6
    assert scene.broker.read("dead-letters") == []
    assert scene.committed() == {}


def test_a_record_whose_headers_cannot_be_read_is_a_dead_letter():
    scene = Scene()
    scene.broker.append("features", encode(1))
    scene.broker.append("features", encode(2), headers=[(UNREADABLE_HEADERS, b"")], key=b"k")
    scene.broker.append("features", encode(3))
    scene.turn(2)
    assert [value for _, value in scene.predictions()] == [2.0, 6.0]
    (letter,) = scene.broker.read("dead-letters")
    assert (letter.key(), letter.value()) == (b"k", encode(2))
    assert find_header(letter, REASON_HEADER) == b"undecodable"
