"""A source that ends: what it hands out, what it never does, and when it is finished."""

import pytest
from confluent_kafka import KafkaError, Message

from scoreline.errors import FatalClientError, Refused
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.commits import CommitLedger
from scoreline.kafka.ranges.range_source import KafkaRangeSource
from scoreline.records import TopicPartition
from scoreline.transport.pacing import Pacer
from scoreline.transport.ranges import OffsetRange
from tests.contracts.worlds import Recorder
from tests.kafka.ranges.logs import TOPIC, LogConsumer

MANY_BYTES = 1 << 20


def plain(first, end):
    """A log without gaps."""
    return dict.fromkeys(range(first, end), 1)


class Scene:
    """A source over logs, begun at its ranges or where it is told, and a clock that only pauses move."""

    def __init__(self, logs, ranges, *, ends=None, stored=None, per_second=None):
        self.now, self.recorder = 100.0, Recorder()
        self.consumer = LogConsumer(logs, ends)
        self.ranges = {TopicPartition(TOPIC, n): OffsetRange(*r) for n, r in ranges.items()}
        self.consumer.stored = {n: begin for n, (begin, _) in ranges.items()} | (stored or {})
        self.watch = ClientWatch(self.recorder, clock=lambda: self.now)
        self.source = KafkaRangeSource(
            self.consumer,
            self.ranges,
            notes={p: f"note {p.partition}" for p in self.ranges},
            commits=CommitLedger(self.recorder),
            watch=self.watch,
            pacer=Pacer(per_second, lambda: self.now),
            pause=self.pause,
            clock=lambda: self.now,
        )
        self.source.add_listener(self.recorder)

    def pause(self, seconds):
        self.now += seconds

    def poll(self, max_records=100, max_bytes=MANY_BYTES):
        return [(r.partition(), r.offset()) for r in self.source.poll(max_records, max_bytes, 0.1)]

    def drain(self, max_records=100, max_bytes=MANY_BYTES):
        """All that it hands out until everything is."""
        taken = []
        for _ in range(200):
            taken += self.poll(max_records, max_bytes)
            if self.source.lags() and not any(self.source.lags().values()):
                return taken
        raise AssertionError(f"it does not end: {self.source.lags()}")

    def commit_ends(self):
        self.source.commit({p: r.end for p, r in self.ranges.items()}, wait=True)


def at(number):
    return TopicPartition(TOPIC, number)


@pytest.mark.parametrize("max_records", [1, 3, 7, 100])
@pytest.mark.parametrize("max_bytes", [1, 2, MANY_BYTES])
def test_of_each_range_everything_is_handed_out_once_in_order_and_nothing_else(max_records, max_bytes):
    scene = Scene({0: plain(0, 50), 1: plain(5, 30), 2: plain(0, 9)}, {0: (10, 20), 1: (5, 30), 2: (4, 4)})

    taken = scene.drain(max_records, max_bytes)

    assert sorted(taken) == [(0, n) for n in range(10, 20)] + [(1, n) for n in range(5, 30)]
    for number in (0, 1):
        offsets = [offset for n, offset in taken if n == number]
        assert offsets == sorted(offsets)


def test_it_goes_on_where_its_group_has_committed():
    scene = Scene({0: plain(0, 50), 1: plain(0, 50)}, {0: (10, 20), 1: (10, 20)}, stored={0: 17, 1: 20})

    assert scene.drain() == [(0, 17), (0, 18), (0, 19)]


def test_an_end_that_no_record_has_is_passed_with_the_next_record_or_with_the_end_of_the_partition():
    compacted = {0: {0: 1, 1: 1, 9: 1}, 1: {0: 1}}
    scene = Scene(compacted, {0: (0, 5), 1: (0, 8)}, ends={1: 8})

    assert scene.drain() == [(0, 0), (0, 1), (1, 0)]
    assert scene.source.progress() == {at(0): 5, at(1): 8}


def test_a_partition_that_has_not_got_so_far_is_waited_for():
    """Records of an open transaction may be among it."""
    scene = Scene({0: plain(0, 3)}, {0: (0, 5)}, ends={0: 3})
    assert scene.poll() == [(0, 0), (0, 1), (0, 2)]

    assert scene.poll() == []
    assert scene.source.lags() == {at(0): 2}
    assert scene.source.progress() == {}


def test_it_is_finished_only_when_the_ends_are_committed_and_a_poll_has_found_that_out():
    scene = Scene({0: plain(0, 5)}, {0: (0, 5)})
    scene.drain()
    assert not scene.source.is_finished
    assert scene.poll() == []
    assert not scene.source.is_finished

    scene.commit_ends()
    assert not scene.source.is_finished
    assert scene.poll() == []
    assert scene.source.is_finished


def test_a_broker_that_does_not_tell_what_is_committed_is_asked_again():
    scene = Scene({0: plain(0, 5)}, {0: (0, 5)})
    scene.consumer.failures.extend([KafkaError._TIMED_OUT, KafkaError._TIMED_OUT])
    assert scene.poll() == []
    assert scene.poll() == []
    assert len(scene.poll()) == 5

    scene.commit_ends()
    scene.consumer.failures.append(KafkaError._TIMED_OUT)
    scene.poll()
    assert not scene.source.is_finished
    scene.poll()
    assert scene.source.is_finished


def test_every_commit_carries_its_note():
    scene = Scene({0: plain(0, 5), 1: plain(0, 5)}, {0: (0, 5), 1: (0, 5)})

    scene.source.commit({at(0): 3}, wait=True)
    scene.source.commit({at(1): 2}, wait=False)

    assert scene.consumer.stored == {0: 3, 1: 2}
    assert scene.consumer.notes == {0: "note 0", 1: "note 1"}


@pytest.mark.parametrize("max_bytes", [2, MANY_BYTES])
def test_what_was_rewound_comes_again_and_nothing_of_the_others_is_lost_or_repeated(max_bytes):
    scene = Scene({0: plain(0, 9), 1: plain(0, 50)}, {0: (0, 6), 1: (0, 12)})
    taken = []
    while (0, 5) not in taken:
        taken += scene.poll(4, max_bytes)
    before = [record for record in taken if record[0] == 1]

    scene.source.rewind({at(0): 2})
    assert at(0) not in scene.source.progress()
    again = scene.drain(4, max_bytes)

    assert [offset for n, offset in again if n == 0] == [2, 3, 4, 5]
    assert [*before, *(record for record in again if record[0] == 1)] == [(1, n) for n in range(12)]


def test_a_rewind_after_everything_was_handed_out_opens_the_range_again():
    scene = Scene({0: plain(0, 50)}, {0: (0, 5)})
    scene.drain()

    scene.source.rewind({at(0): 4})

    assert scene.drain() == [(0, 4)]


def test_while_it_is_kept_alive_what_comes_is_held_back_and_handed_out_later():
    scene = Scene({0: plain(0, 9)}, {0: (0, 6)})
    assert scene.poll(2) == [(0, 0), (0, 1)]

    scene.consumer.said.append(Message(topic=TOPIC, partition=0, offset=2, value=b"v", timestamp=(1, 1)))
    scene.consumer._positions[0] = 3
    scene.source.keep_alive()
    scene.source.keep_alive()

    assert scene.consumer.paused == {0}
    assert scene.drain() == [(0, n) for n in range(2, 6)]


def test_the_rate_bounds_what_is_handed_out_over_time():
    scene = Scene({0: plain(0, 100)}, {0: (0, 60)}, per_second=20)
    began = scene.now

    assert len(scene.drain()) == 60
    assert 2.9 <= scene.now - began <= 3.2


def test_records_that_are_gone_end_it():
    scene = Scene({0: plain(0, 9)}, {0: (0, 6)})
    gone = KafkaError(KafkaError._AUTO_OFFSET_RESET, "fetch failed")
    scene.consumer.said.append(Message(topic=TOPIC, partition=0, offset=0, error=gone))

    with pytest.raises(Refused, match=r"features\[0\]: offset 0 is not there any more"):
        scene.poll()


def test_commits_that_are_gone_end_it():
    scene = Scene({0: plain(0, 9)}, {0: (0, 6)})
    scene.consumer.stored.clear()

    with pytest.raises(Refused, match=r"no commit of features\[0\].*another --id"):
        scene.poll()


def test_a_client_that_cannot_go_on_ends_it():
    scene = Scene({0: plain(0, 9)}, {0: (0, 6)})
    scene.poll(1)
    scene.watch.note(KafkaError(KafkaError._FATAL, "over", fatal=True))

    with pytest.raises(FatalClientError, match="over"):
        scene.poll()


def test_listeners_hear_of_the_assignment_once_and_of_its_end():
    scene = Scene({0: plain(0, 9)}, {0: (0, 6)})
    assert scene.recorder.events == []
    scene.poll()
    scene.poll()
    scene.source.close()

    assert scene.recorder.events == [("assigned", frozenset({at(0)})), ("revoked", frozenset({at(0)}))]
    assert scene.consumer.closed
