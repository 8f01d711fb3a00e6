"""What every transactional publisher has to do, and what its broker does with offsets in transactions."""

import time

import pytest

from scoreline.errors import DeliveryError, FatalClientError, RecordTooLarge
from scoreline.records import DeadLetter, Outputs, Reason, TopicPartition
from scoreline.transport.record import StoredRecord
from tests.contracts.worlds import PATIENCE_SECONDS, Recorder, poll_until

# Where members only read and publish, one world of each kind is enough.
one_of_each = pytest.mark.parametrize(
    "world", ["memory-cooperative", pytest.param("kafka-classic", marks=pytest.mark.kafka)], indirect=True
)
# The others wait with a new generation until this member has given up what it has to.
moves_on_at_once = pytest.mark.parametrize(
    "world",
    [
        "memory-cooperative",
        pytest.param("kafka-cooperative", marks=pytest.mark.kafka),
    ],
    indirect=True,
)


def answers(*keys):
    records = [StoredRecord("features", 0, n, key) for n, key in enumerate(keys)]
    return Outputs(records, [b"out-" + key for key in keys], "model", 1)


def ask(call):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not call(0.5):
        assert time.monotonic() < deadline


class Scene:
    """A member that has read ten records, and its transactional publisher."""

    def __init__(self, world, group, partitions=1):
        self.world, self.group = world, group
        self.topic = world.make_topic(partitions=partitions)
        self.outputs, self.dead_letters = world.make_topic(max_record_bytes=5000), world.make_topic()
        self.first = TopicPartition(self.topic, 0)
        for partition in range(partitions):
            world.append(self.topic, [b"%d" % n for n in range(10)], partition=partition)
        self.recorder = Recorder()
        self.source = world.open_source(self.topic, group, recorder=self.recorder)
        self.taken = poll_until(self.source, lambda taken: len(taken) == 10 * partitions)
        self.metadata = self.source.group_metadata()
        self.publisher = self.open_publisher()

    def open_publisher(self):
        return self.world.open_transactions(
            self.outputs, self.dead_letters, self.group, transactional_id=f"{self.group}-one"
        )

    def begin(self, *keys, dead_letters=()):
        self.publisher.begin()
        self.publisher.publish(answers(*keys), dead_letters, lambda: True)

    def send(self, next_offset, metadata=None):
        offsets = {self.first: next_offset}
        ask(lambda seconds: self.publisher.send_offsets(offsets, metadata or self.metadata, seconds))

    def end(self):
        ask(self.publisher.flush)
        ask(self.publisher.commit)

    def values(self, at_least=0):
        return [r.value() for r in self.world.read(self.outputs, at_least=at_least)]

    def committed(self):
        return self.world.committed(self.group, self.first)


@pytest.fixture
def scene(world, group):
    return Scene(world, group)


@one_of_each
def test_a_commit_makes_outputs_dead_letters_and_offsets_visible_together(scene):
    letter = DeadLetter(StoredRecord("features", 0, 3, b"bad", b"?"), Reason.UNDECODABLE, "cut")
    scene.begin(b"a", b"b", dead_letters=[letter])
    scene.send(7)
    ask(scene.publisher.flush)
    assert (scene.values(), scene.world.read(scene.dead_letters, at_least=0)) == ([], [])
    ask(scene.publisher.commit)
    assert scene.values(at_least=2) == [b"out-a", b"out-b"]
    assert [r.key() for r in scene.world.read(scene.dead_letters, at_least=1)] == [b"bad"]
    assert scene.committed() == 7


@one_of_each
def test_an_abort_leaves_nothing_and_the_next_transaction_works(scene):
    scene.begin(b"a")
    scene.send(7)
    ask(scene.publisher.flush)
    ask(scene.publisher.abort)
    assert (scene.values(), scene.committed()) == ([], 0)
    scene.begin(b"b")
    scene.send(8)
    scene.end()
    assert (scene.values(at_least=1), scene.committed()) == ([b"out-b"], 8)


@one_of_each
def test_offsets_alone_and_nothing_at_all_can_be_committed(scene):
    scene.publisher.begin()
    scene.send(4)
    ask(scene.publisher.commit)
    assert scene.committed() == 4
    scene.publisher.begin()
    ask(scene.publisher.commit)


@one_of_each
def test_a_record_that_is_too_large_fails_the_transaction_by_its_name(scene):
    scene.publisher.begin()
    large = StoredRecord("features", 0, 0, b"k")
    scene.publisher.publish(Outputs([large], [b"%x" % 7**9000], "model", 1), [], lambda: True)
    with pytest.raises(RecordTooLarge):
        ask(scene.publisher.flush)
    with pytest.raises(DeliveryError):
        ask(scene.publisher.commit)
    ask(scene.publisher.abort)
    scene.begin(b"a")
    scene.end()
    assert scene.values(at_least=1) == [b"out-a"]


@one_of_each
def test_after_an_abort_the_next_flush_tells_what_was_refused(scene):
    scene.publisher.begin()
    large = StoredRecord("features", 0, 0, b"k")
    scene.publisher.publish(Outputs([large], [b"%x" % 7**9000], "model", 1), [], lambda: True)
    with pytest.raises(DeliveryError):
        ask(scene.publisher.commit)
    ask(scene.publisher.abort)
    with pytest.raises(RecordTooLarge):
        ask(scene.publisher.flush)
    scene.begin(b"a")
    scene.end()
    assert scene.values(at_least=1) == [b"out-a"]


@one_of_each
def test_another_producer_under_the_same_id_ends_what_was_open_and_fences_the_first(scene):
    scene.begin(b"zombie")
    scene.send(7)
    ask(scene.publisher.flush)
    zombie, scene.publisher = scene.publisher, scene.open_publisher()
    scene.begin(b"a")
    scene.send(5)
    scene.end()
    with pytest.raises(FatalClientError):
        ask(zombie.commit)
    with pytest.raises(FatalClientError):
        zombie.begin()
    assert (scene.values(at_least=1), scene.committed()) == ([b"out-a"], 5)


def test_offsets_with_metadata_of_before_a_rebalance_are_refused(world, group):
    scene = Scene(world, group, partitions=2)
    other = world.open_source(scene.topic, group, member="b")
    members = [scene.source, other]
    poll_until(members, lambda _: len(scene.source.assignment()) == len(other.assignment()) == 1)
    scene.begin(b"a")
    with pytest.raises(DeliveryError):
        scene.send(10)
    ask(scene.publisher.abort)
    assert scene.values() == []
    assert scene.committed() in (0, None)
    scene.begin(b"b")
    scene.send(10, scene.source.group_metadata())
    scene.end()
    assert scene.values(at_least=1) == [b"out-b"]


def test_stale_offsets_with_fresh_metadata_are_accepted(world, group):
    """The broker asks who is speaking, not whose the partition is: that is why the metadata is taken early."""
    scene = Scene(world, group, partitions=2)
    other = world.open_source(scene.topic, group, member="b")
    members = [scene.source, other]
    poll_until(members, lambda _: len(scene.source.assignment()) == len(other.assignment()) == 1)
    [gone] = other.assignment()
    fresh = scene.source.group_metadata()
    scene.publisher.begin()
    ask(lambda seconds: scene.publisher.send_offsets({gone: 10}, fresh, seconds))
    ask(scene.publisher.commit)
    assert world.committed(group, gone) == 10


@moves_on_at_once
def test_a_rebalance_between_poll_and_offsets_aborts_although_nothing_was_polled_meanwhile(world, group):
    scene = Scene(world, group, partitions=2)
    other = world.open_source(scene.topic, group, member="b")
    poll_until(other, lambda _: scene.source.group_metadata() != scene.metadata)
    scene.begin(b"a")
    with pytest.raises(DeliveryError):
        scene.send(10)
    ask(scene.publisher.abort)
    scene.begin(b"b")
    scene.send(10, scene.source.group_metadata())
    scene.end()
    assert (scene.values(at_least=1), scene.committed()) == ([b"out-b"], 10)


def test_offsets_in_an_open_transaction_hold_up_the_next_owner(scene):
    scene.begin(b"a")
    scene.send(7)
    ask(scene.publisher.flush)
    scene.source.close()
    other = scene.world.open_source(scene.topic, scene.group, member="b")
    poll_until(other, lambda _: scene.first in other.assignment())
    assert [r for _ in range(10) for r in other.poll(10, 1 << 20, 0.1)] == []
    ask(scene.publisher.commit)
    assert [r.offset() for r in poll_until(other, lambda taken: len(taken) >= 3)] == [7, 8, 9]


@one_of_each
def test_records_behind_an_open_transaction_wait_for_its_end(scene):
    """A reader of committed records gets no further than the first record of a transaction that is open."""
    reader = scene.world.open_source(scene.outputs, f"{scene.group}-reader")
    scene.begin(b"a")
    ask(scene.publisher.flush)
    scene.world.append(scene.outputs, [b"plain"])
    poll_until(reader, lambda _: bool(reader.assignment()))
    assert [r for _ in range(10) for r in reader.poll(10, 1 << 20, 0.1)] == []
    ask(scene.publisher.abort)
    assert [r.value() for r in poll_until(reader, lambda taken: len(taken) >= 1)] == [b"plain"]
