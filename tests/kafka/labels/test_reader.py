"""Where reading begins, and what becomes of it, on a consumer that does what a test says."""

import threading
from types import SimpleNamespace

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message

from scoreline.errors import Unavailable
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.labels.reader import LOOK_AGAIN_SECONDS, KafkaLabelReader
from tests.kafka.jobs.scenes import await_that
from tests.observability.batches import Ticking

ANSWER_SECONDS = 10.0


class FakeConsumer:
    """A topic with so many partitions, each with 7 records; hands out what it is given."""

    def __init__(self, world):
        self.world = world
        self.assigned = []
        self.closed = False

    def list_topics(self, topic, timeout):
        found = self.world.found
        if isinstance(found, KafkaError):
            raise KafkaException(found)
        error = None if found else KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
        return SimpleNamespace(topics={topic: SimpleNamespace(error=error, partitions=dict.fromkeys(range(found)))})

    def get_watermark_offsets(self, partition, timeout):
        return 0, 7

    def incremental_assign(self, partitions):
        self.assigned += [(p.partition, p.offset) for p in partitions]

    def consume(self, most, timeout):
        return self.world.hand_out()

    def close(self):
        self.closed = True


class World:
    """A reader, its consumers and its reading; every turn waits until the test has seen the last one."""

    def __init__(self, *, found=2):
        self.found = found
        self.clock = Ticking()
        self.watch = ClientWatch(None, clock=self.clock)
        self.consumers = []
        self.taken = []
        self.batches = []
        self.trouble = None
        self.is_stuck = False
        self.turns = threading.Semaphore(0)
        self.seen = threading.Semaphore(0)
        self.reader = KafkaLabelReader(
            self._connect, "labels", self, watch=self.watch, clock=self.clock, retry_seconds=0.01
        )

    def _connect(self):
        self.consumers.append(FakeConsumer(self))
        return self.consumers[-1]

    def hand_out(self):
        return self.batches.pop(0) if self.batches else []

    def take(self, records):
        self.taken += [record.value() for record in records]

    def join(self):
        self.seen.release()
        assert self.turns.acquire(timeout=ANSWER_SECONDS)
        if self.trouble is not None:
            raise self.trouble

    def turn(self, times=1):
        """Let it go on until it has come round so many times."""
        for _ in range(times):
            self.turns.release()
            assert self.seen.acquire(timeout=ANSWER_SECONDS)


@pytest.fixture
def open_world():
    worlds = []

    def make(**options):
        world = World(**options)
        worlds.append(world)
        world.reader.start()
        assert world.seen.acquire(timeout=ANSWER_SECONDS)
        return world

    yield make
    for world in worlds:
        world.turns.release(100)
        world.reader.close(ANSWER_SECONDS)
        assert all(threading.current_thread() is t or t.name != "labels" for t in threading.enumerate())


def message(partition, offset, value=b"v"):
    return Message(topic="labels", partition=partition, offset=offset, value=value)


def failure(code, **options):
    return Message(topic="labels", partition=0, error=KafkaError(code, "trouble", **options))


def test_partitions_are_read_from_their_ends_and_later_ones_from_their_beginnings(open_world):
    world = open_world()
    assert world.consumers[0].assigned == [(0, 7), (1, 7)]
    assert world.reader.describe() == "reads 2 partitions of labels"
    world.found = 3
    world.turn()
    assert len(world.consumers[0].assigned) == 2
    world.clock.now += LOOK_AGAIN_SECONDS
    world.turn()

    assert world.consumers[0].assigned[2:] == [(2, OFFSET_BEGINNING)]


def test_values_are_taken_with_tombstones_and_without_what_tells_of_errors(open_world):
    world = open_world()
    world.batches = [[message(0, 7), failure(KafkaError._ALL_BROKERS_DOWN), message(1, 7, None)]]
    world.turn()

    assert world.taken == [b"v", None]
    assert "trouble" in world.reader.describe()
    world.batches = [[failure(KafkaError._PARTITION_EOF)]]
    world.turn()
    assert world.reader.describe() == "reads 2 partitions of labels"


def test_a_topic_that_is_not_there_is_told_and_waited_for(open_world):
    world = open_world(found=0)
    assert "could not look at the topic labels" in world.reader.describe()
    world.found = 1
    world.clock.now += 1.0
    world.turn()

    assert world.reader.describe() == "reads 1 partitions of labels"


def test_a_broker_that_is_away_at_the_start_is_waited_for(open_world):
    world = open_world(found=KafkaError(KafkaError._TRANSPORT, "broker down"))
    assert "broker down" in world.reader.describe()
    world.found = 2
    world.clock.now += 1.0
    world.turn()

    assert world.consumers[0].assigned == [(0, 7), (1, 7)]


def test_nothing_more_is_read_while_labels_wait_for_something_remote(open_world):
    world = open_world()
    world.trouble, world.is_stuck = Unavailable("the registry is away"), True
    world.batches = [[message(0, 7)]]
    world.turn()
    assert (world.reader.describe(), world.taken) == ("the registry is away", [])
    world.trouble, world.is_stuck = None, False
    world.turn(2)

    assert world.reader.describe() == "reads 2 partitions of labels"
    assert world.taken == [b"v"]


def test_a_client_that_has_ended_for_good_is_replaced_where_it_was(open_world):
    world = open_world()
    world.batches = [[message(0, 9)], [failure(KafkaError._FATAL, fatal=True)]]
    world.turn(3)

    assert len(world.consumers) == 2
    assert sorted(world.consumers[1].assigned) == [(0, 10), (1, 7)]


def test_a_defect_ends_the_thread_and_says_so(caplog):
    world = World()
    world.trouble = RuntimeError("a defect")
    world.reader.start()
    world.turns.release()
    await_that(lambda: not world.reader.is_alive)

    assert "has ended" in world.reader.describe()
    assert "label_reader_crashed" in [vars(record)["event"] for record in caplog.records]
