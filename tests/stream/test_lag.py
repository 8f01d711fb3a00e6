"""The lag that a scraper sees."""

from dataclasses import dataclass, field

import pytest

from scoreline.observability.events import BatchScored
from scoreline.records import TopicPartition, find_last_records
from scoreline.stream.lag import INTERVAL_SECONDS, LagObserver
from scoreline.transport.memory import MemoryBroker, MemorySource

FIRST, SECOND = TopicPartition("features", 0), TopicPartition("features", 1)
BEGAN_MS = 1_700_000_000_000


@dataclass
class Scene:
    """A source over two partitions, and a clock that is moved by hand."""

    now: float = 0.0
    told: dict = field(default_factory=dict)

    def __post_init__(self):
        self.broker = MemoryBroker()
        self.broker.create_topic("features", 2)
        self.source = MemorySource(self.broker, "group", ["features"])
        self.observer = LagObserver(self.source, self.tell, lambda: self.now, lambda: BEGAN_MS / 1000 + self.now)

    def tell(self, partition, records, seconds):
        self.told[partition] = (records, seconds)

    def append(self, partition=0, age_seconds=0.0):
        timestamp_ms = int(BEGAN_MS + (self.now - age_seconds) * 1000)
        self.broker.append("features", b"x", partition=partition, timestamp_ms=timestamp_ms)

    def poll(self, max_records=100):
        return self.source.poll(max_records, 1000, 0.0)

    def finish(self, records):
        self.observer.batch_scored(BatchScored(records, find_last_records(records), [], [], [], 0, {}, 0))

    def look(self, after_seconds=INTERVAL_SECONDS):
        self.now += after_seconds
        self.told = {}
        self.observer.turned()
        return self.told


@pytest.fixture
def scene():
    return Scene()


def test_every_second_the_distance_to_the_end_is_told(scene):
    for partition in (0, 0, 0, 1):
        scene.append(partition)
    scene.finish(scene.poll(1))
    assert {p: records for p, (records, _) in scene.look().items()} == {FIRST: 2, SECOND: 1}
    assert scene.look(0.5) == {}
    scene.finish(scene.poll())
    assert scene.look() == {FIRST: (0, 0.0), SECOND: (0, 0.0)}


def test_behind_it_is_as_old_as_what_was_finished_last(scene):
    """What comes next is a little younger: by the distance of two records."""
    for age in (300.0, 299.0, 298.0):
        scene.append(age_seconds=age)
    scene.finish(scene.poll(1))
    assert scene.look(1.0)[FIRST] == (2, 301.0)


def test_a_record_after_an_idle_hour_is_not_an_hour_late(scene):
    """Its partition was seen without a lag since the record before it."""
    scene.append()
    scene.finish(scene.poll())
    assert scene.look()[FIRST] == (0, 0.0)
    assert scene.look(3600.0)[FIRST] == (0, 0.0)
    scene.now += 0.5
    scene.append()
    assert scene.look(0.5)[FIRST] == (1, 1.0)


def test_it_grows_while_nothing_is_finished(scene):
    scene.finish(scene.poll())
    scene.look()
    scene.append()
    assert [scene.look(10.0)[FIRST][1] for _ in range(3)] == [10.0, 20.0, 30.0]


def test_of_a_batch_that_was_rolled_back_the_oldest_record_is_known(scene):
    scene.append(age_seconds=50.0)
    scene.append(age_seconds=10.0)
    records = scene.poll()
    scene.observer.batch_rolled_back(records, OSError(), 1.0)
    scene.source.rewind({FIRST: 0})
    assert scene.look(1.0)[FIRST] == (2, 51.0)
    scene.finish(scene.poll())
    assert scene.look(1.0)[FIRST] == (0, 0.0)


def test_of_a_partition_of_which_nothing_was_seen_only_the_distance_is_told(scene):
    scene.append(1)
    scene.append(1)
    scene.append(0)
    scene.poll(1)
    assert scene.look()[SECOND] == (2, None)


def test_what_another_member_had_in_between_is_forgotten(scene):
    scene.append(age_seconds=100.0)
    scene.finish(scene.poll())
    scene.append()
    scene.append()
    scene.broker.group("group").expire("member")
    scene.poll(1)
    assert scene.look()[FIRST][1] is None
