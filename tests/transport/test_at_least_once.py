"""At-least-once delivery against the in-memory broker and every fault that it plays."""

from dataclasses import dataclass, field

import pytest

from scoreline.errors import DeliveryError
from scoreline.records import DeadLetter, Outputs, Reason, TopicPartition, find_last_records, find_next_offsets
from scoreline.transport.at_least_once import AtLeastOnce
from scoreline.transport.memory import GroupProtocol, MemoryBroker, MemoryPublisher, MemorySource
from scoreline.transport.patience import Patience
from tests.contracts.worlds import MANY_BYTES, Recorder

GROUP = "group"
FIRST = TopicPartition("features", 0)


@dataclass
class Scene:
    """One member, its delivery, and a clock that stands still unless it is moved."""

    partitions: int = 1
    interval_seconds: float = 0.1
    protocol: GroupProtocol = GroupProtocol.COOPERATIVE
    now: float = 1000.0
    given_up: bool = False
    capacity: int = 1000
    beats: int = 0
    acknowledge_at_beat: int = 0
    recorder: Recorder = field(default_factory=Recorder)

    def __post_init__(self):
        self.broker = MemoryBroker(protocol=self.protocol)
        self.broker.create_topic("features", self.partitions)
        self.broker.create_topic("predictions", 1)
        self.broker.create_topic("dead-letters", 1)
        self.group = self.broker.group(GROUP)
        self.source = MemorySource(self.broker, GROUP, ["features"], member="a", observer=self.recorder)
        self.publisher = MemoryPublisher(
            self.broker, output_topic="predictions", dead_letter_topic="dead-letters", capacity=self.capacity
        )
        self.delivery = AtLeastOnce(
            self.publisher,
            self.source,
            commit_interval_seconds=self.interval_seconds,
            clock=lambda: self.now,
            patience=Patience(
                self.source, clock=lambda: self.now, should_give_up=lambda: self.given_up, heartbeat=self.beat
            ),
        )

    def beat(self):
        self.beats += 1
        self.publisher.acknowledging = self.publisher.acknowledging or self.beats == self.acknowledge_at_beat

    def append(self, count, partition=0):
        for _ in range(count):
            self.broker.append("features", b"v", partition=partition)

    def poll(self, max_records=100):
        return self.source.poll(max_records, MANY_BYTES, 0.0)

    def finish(self, records, dead_letters=()):
        return self.delivery.finish(
            Outputs(records, [b"p"] * len(records), "model", 1),
            dead_letters,
            find_next_offsets(find_last_records(records)),
        )

    @property
    def published(self):
        return len(self.broker.read("predictions"))


@pytest.fixture
def scene():
    return Scene()


def test_a_finished_batch_is_published_and_committed(scene):
    scene.append(3)
    spent = scene.finish(scene.poll())
    assert scene.published == 3
    assert scene.group.committed == {FIRST: 3}
    assert set(spent) == {"publish", "commit"}


def test_dead_letters_are_delivered_with_the_batch(scene):
    scene.append(1)
    records = scene.poll()
    letter = DeadLetter(records[0], Reason.INVALID_VALUE, "inf")
    scene.delivery.finish(Outputs([], [], "model", 1), [letter], find_next_offsets(find_last_records(records)))
    assert len(scene.broker.read("dead-letters")) == 1
    assert scene.group.committed == {FIRST: 1}


def test_a_batch_of_which_nothing_comes_out_is_committed_too(scene):
    scene.append(2)
    scene.delivery.finish(Outputs([], [], "model", 1), [], find_next_offsets(find_last_records(scene.poll())))
    assert scene.group.committed == {FIRST: 2}


def test_nothing_is_committed_while_an_acknowledgement_is_missing(scene):
    scene.append(3)
    records = scene.poll()
    scene.publisher.lose_acknowledgements = 1
    scene.given_up = True
    with pytest.raises(DeliveryError, match="stop"):
        scene.finish(records)
    scene.delivery.tick()
    scene.delivery.close()
    assert scene.group.committed == {FIRST: 0}


def test_a_late_acknowledgement_is_waited_for_with_a_sign_of_life():
    scene = Scene(acknowledge_at_beat=3)
    scene.append(1)
    scene.publisher.acknowledging = False
    scene.finish(scene.poll())
    assert scene.beats == 3
    assert scene.group.committed == {FIRST: 1}


def test_a_refused_record_fails_the_batch_and_commits_nothing_of_it(scene):
    scene.append(2)
    scene.publisher.refusals.extend([None, "MSG_SIZE_TOO_LARGE"])
    records = scene.poll()
    with pytest.raises(DeliveryError, match="MSG_SIZE_TOO_LARGE"):
        scene.finish(records)
    scene.now += 1
    scene.delivery.tick()
    assert scene.group.committed == {FIRST: 0}
    scene.source.rewind({FIRST: 0})
    scene.finish(scene.poll())
    assert scene.group.committed == {FIRST: 2}


def test_a_failed_batch_leaves_the_ones_before_it_to_be_committed(scene):
    scene.append(2)
    scene.finish(scene.poll(1))
    scene.poll(0)
    scene.finish(scene.poll(1))
    scene.append(1)
    scene.publisher.refusals.append("broken")
    with pytest.raises(DeliveryError):
        scene.finish(scene.poll())
    scene.delivery.close()
    assert scene.group.committed == {FIRST: 2}


def test_a_full_queue_that_stays_full_is_given_up_at_the_deadline():
    scene = Scene(capacity=2, given_up=True)
    scene.publisher.acknowledging = False
    scene.append(5)
    with pytest.raises(DeliveryError, match="full"):
        scene.finish(scene.poll())
    assert scene.publisher.flush(0.0), "what was queued is discarded"
    assert scene.published == 0


def test_commits_are_at_least_an_interval_apart(scene):
    scene.append(10)
    for _ in range(10):
        scene.finish(scene.poll(1))
        scene.now += 0.04
    asked = [offsets[FIRST] for offsets, _ in scene.recorder.commits]
    assert asked == [1, 4, 7]
    scene.poll()
    scene.delivery.tick()
    scene.poll()
    assert scene.group.committed == {FIRST: 10}


def test_one_commit_at_a_time_is_under_way(scene):
    scene.append(3)
    scene.group.hold_answers = True
    for _ in range(3):
        scene.finish(scene.poll(1))
        scene.now += 1
    assert scene.group.committed == {FIRST: 1}
    scene.group.hold_answers = False
    scene.poll()
    scene.delivery.tick()
    assert scene.group.committed == {FIRST: 3}


def test_a_refused_commit_is_covered_by_the_next_and_rewinds_nothing(scene):
    scene.append(2)
    scene.group.refusals.append("REBALANCE_IN_PROGRESS")
    scene.finish(scene.poll(1))
    scene.now += 1
    second = scene.poll(1)
    assert [r.offset() for r in second] == [1]
    scene.finish(second)
    assert scene.group.committed == {FIRST: 2}
    assert scene.recorder.commits[0] == ({FIRST: 1}, "REBALANCE_IN_PROGRESS")


def test_a_refused_commit_is_made_again_when_nothing_more_comes(scene):
    scene.append(1)
    scene.group.refusals.append("STALE_MEMBER_EPOCH")
    scene.finish(scene.poll())
    scene.poll()
    scene.now += 1
    scene.delivery.tick()
    assert scene.group.committed == {FIRST: 1}


def test_an_older_refused_offset_never_overwrites_a_newer_one(scene):
    scene.append(2)
    scene.group.refusals.append("STALE_MEMBER_EPOCH")
    scene.finish(scene.poll(1))
    scene.finish(scene.poll(1))
    scene.now += 1
    scene.delivery.tick()
    assert scene.group.committed == {FIRST: 2}


def test_nothing_is_committed_twice_while_idle(scene):
    scene.append(1)
    scene.finish(scene.poll())
    for _ in range(5):
        scene.now += 1
        scene.poll()
        scene.delivery.tick()
    assert len(scene.recorder.commits) == 1


@pytest.mark.parametrize("protocol", GroupProtocol)
def test_what_is_acknowledged_is_committed_while_its_partition_is_revoked(protocol):
    scene = Scene(partitions=2, protocol=protocol, interval_seconds=1e9)
    scene.append(3, partition=0)
    scene.append(4, partition=1)
    scene.finish(scene.poll(1))
    scene.finish(scene.poll())
    assert sum(scene.group.committed.values()) == 1
    other = MemorySource(scene.broker, GROUP, ["features"], member="b")
    for _ in range(3):
        assert scene.poll() == []
        assert other.poll(10, MANY_BYTES, 0.0) == []
    given = other.assignment()
    assert len(given) == 1
    assert {p: scene.group.committed[p] for p in given} == {p: 3 if p.partition == 0 else 4 for p in given}


def test_a_revocation_commits_for_what_is_revoked_and_leaves_the_rest_to_its_time():
    scene = Scene(partitions=2, interval_seconds=1e9)
    scene.append(3, partition=0)
    scene.append(3, partition=1)
    scene.finish(scene.poll(1))
    scene.finish(scene.poll())
    other = MemorySource(scene.broker, GROUP, ["features"], member="b")
    scene.poll()
    other.poll(10, MANY_BYTES, 0.0)
    assert [set(offsets) for offsets, _ in scene.recorder.commits] == [{FIRST}, other.assignment()]


def test_a_commit_under_way_is_made_again_with_the_revocation(scene):
    """Its answer may be a refusal, and after the revocation it would be too late."""
    scene.append(1)
    scene.group.hold_answers = True
    scene.group.refusals.append("REBALANCE_IN_PROGRESS")
    scene.finish(scene.poll())
    assert scene.group.committed == {FIRST: 0}
    scene.source.close()
    assert scene.group.committed == {FIRST: 1}


def test_a_revocation_does_not_forget_what_was_refused_of_the_partitions_that_stay():
    scene = Scene(partitions=2)
    scene.append(1, partition=0)
    scene.append(1, partition=1)
    records = scene.poll()
    scene.group.refusals.append("REBALANCE_IN_PROGRESS")
    scene.finish(records)
    other = MemorySource(scene.broker, GROUP, ["features"], member="b")
    scene.poll()
    other.poll(10, MANY_BYTES, 0.0)
    assert scene.source.assignment() == {FIRST}
    scene.now += 1
    scene.delivery.tick()
    assert scene.group.committed == {FIRST: 1, TopicPartition("features", 1): 1}


def test_what_was_refused_with_a_revocation_is_not_committed_when_the_partition_comes_back():
    """Whoever had it in between has committed more than that."""
    scene = Scene(interval_seconds=1e9)
    scene.append(7)
    scene.finish(scene.poll(1))
    scene.finish(scene.poll(1))
    other = MemorySource(scene.broker, GROUP, ["features"], member="0")
    scene.group.refusals.append("REBALANCE_IN_PROGRESS")
    scene.poll()
    other.poll(10, MANY_BYTES, 0.0)
    other.commit({FIRST: 5}, wait=True)
    other.close()
    scene.poll(1)
    assert scene.source.assignment() == {FIRST}
    scene.now += 1e10
    scene.delivery.tick()
    scene.delivery.close()
    assert scene.group.committed == {FIRST: 5}


def test_a_late_refusal_is_not_committed_again_when_the_partition_went_and_came_back(scene):
    scene.append(7)
    scene.group.hold_answers = True
    records = scene.poll(1)
    scene.group.refusals.append("_TIMED_OUT")
    scene.finish(records)
    scene.group.expire("a")
    other = MemorySource(scene.broker, GROUP, ["features"], member="b")
    other.poll(10, MANY_BYTES, 0.0)
    other.commit({FIRST: 5}, wait=True)
    other.close()
    scene.poll(1)
    scene.group.hold_answers = False
    scene.poll(0)
    scene.now += 1
    scene.delivery.tick()
    scene.delivery.close()
    assert scene.group.committed == {FIRST: 5}


def test_what_was_noted_for_a_lost_partition_is_never_committed(scene):
    scene.append(5)
    scene.finish(scene.poll(1))
    scene.finish(scene.poll(2))
    scene.group.expire("a")
    other = MemorySource(scene.broker, GROUP, ["features"], member="b")
    taken = other.poll(10, MANY_BYTES, 0.0)
    assert len(taken) == 4, "the second batch was not committed, so the new owner reads it again"
    other.commit({FIRST: 5}, wait=True)
    scene.poll()
    other.close()
    scene.poll()
    scene.now += 1
    scene.delivery.tick()
    scene.delivery.close()
    assert scene.group.committed == {FIRST: 5}


def test_closing_commits_all_that_is_acknowledged_and_releases_the_publisher(scene):
    scene.append(2)
    scene.finish(scene.poll(1))
    scene.finish(scene.poll(1))
    assert scene.group.committed == {FIRST: 1}
    scene.delivery.close()
    assert scene.group.committed == {FIRST: 2}
    assert scene.publisher.closed
