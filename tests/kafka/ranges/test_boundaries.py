"""Where moments lie: by the records that a reader is given, whatever the brokers' index says."""

import itertools

import pytest
from confluent_kafka import KafkaError, Message

from scoreline.errors import Refused, StopOverdue, Unavailable
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.ranges.boundaries import LOOK_AHEAD_RECORDS, BoundaryFinder
from scoreline.kafka.ranges.offset_index import EARLIEST, LATEST
from scoreline.records import TopicPartition
from tests.kafka.ranges.logs import TOPIC, LogConsumer

MINUTE = 60_000


class Index:
    """What brokers say of logs: markers have timestamps too, and count as much as records."""

    def __init__(self, logs, *, markers=None, lows=None, ends=None):
        self._entries = {n: {**records, **(markers or {}).get(n, {})} for n, records in logs.items()}
        self._lows = lows or {}
        self.ends = {n: max(entries, default=-1) + 1 for n, entries in self._entries.items()} | (ends or {})

    def find_offsets(self, partitions, moment):
        return {p: self._find(p.partition, moment) for p in partitions}

    def _find(self, number, moment):
        if moment == LATEST:
            return self.ends[number]
        if moment == EARLIEST:
            return self._lows.get(number, 0)
        return min((offset for offset, at in self._entries[number].items() if at >= moment), default=-1)


class Steps:
    """A clock that every look at moves."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.1
        return self.now


def find(logs, from_ms, to_ms, *, should_stop=lambda: False, said=(), consumer=None, **index):
    brokers = Index(logs, **index)
    consumer = consumer or LogConsumer(logs, brokers.ends)
    consumer.said.extend(said)
    finder = BoundaryFinder(
        brokers,
        consumer,
        ClientWatch(None, clock=lambda: 0.0),
        should_stop=should_stop,
        patience_seconds=5.0,
        clock=Steps(),
    )
    found = finder.find_ranges([TopicPartition(TOPIC, n) for n in logs], from_ms, to_ms)
    return {p.partition: (r.begin, r.end) for p, r in found.ranges.items()}, found.remarks


def even(first, count, *, step=1000):
    """One record a second, whose offset is its second."""
    return {n: n * step for n in range(first, first + count)}


def test_the_first_moment_belongs_to_a_range_and_the_second_does_not():
    ranges, remarks = find({0: even(0, 100), 1: even(50, 10)}, 20_000, 55_000)

    assert ranges == {0: (20, 55), 1: (50, 55)}
    assert remarks == []


def test_ranges_that_meet_share_nothing_and_leave_nothing_out_whatever_the_order_of_timestamps():
    timestamps = [5, 3, 900, 4, 7, 8, 2, 400, 12, 11, 500, 10, 950, 1]
    logs = {0: dict(enumerate(timestamps))}
    moments = [0, 4, 8, 12, 450, 901, 2000]

    ranges = [find(logs, a, b)[0][0] for a, b in itertools.pairwise(moments)]

    assert [n for begin, end in ranges for n in range(begin, end)] == list(range(len(timestamps)))


def test_where_no_record_is_late_enough_a_range_ends_with_the_partition_and_without_any_it_is_empty():
    ranges, _ = find({0: even(0, 10), 1: {}}, 5_000, 99_000)

    assert ranges == {0: (5, 10), 1: (0, 0)}
    assert find({0: even(0, 10)}, 50_000, 99_000)[0] == {0: (10, 10)}


def test_markers_that_were_written_long_after_their_records_are_no_boundaries():
    """A topic that was filled with records of older timestamps, in transactions of ten."""
    late = 10**12
    logs = {0: {n: n * 1000 for n in range(50) if n % 10 != 9}}
    markers = {0: {n: late + n for n in range(50) if n % 10 == 9}}

    ranges, remarks = find(logs, 15_000, 35_000, markers=markers)

    assert ranges == {0: (15, 35)}
    assert remarks == []


def test_what_an_open_transaction_hides_belongs_to_none():
    ranges, _ = find({0: even(0, 100)}, 5_000, 99_000, ends={0: 40})

    assert ranges == {0: (5, 40)}


def test_timestamps_far_out_of_order_are_told_with_an_example():
    logs = {0: even(0, 300) | {30: 10**12}}

    ranges, remarks = find(logs, 10_000, 280_000)

    assert ranges == {0: (10, 30)}
    (remark,) = remarks
    assert remark.startswith("features[0]: timestamps are out of order around --to (offset 31 ")


def test_neighbours_that_are_a_little_out_of_order_are_not():
    logs = {0: {n: (n + 5 * (-1) ** n) * 1000 for n in range(300)}}

    assert find(logs, 10_000, 280_000)[1] == []


def test_only_a_part_of_what_follows_a_boundary_is_looked_at():
    logs = {0: even(0, 5000)}
    consumer = LogConsumer(logs)

    find(logs, 500_000, 4_500_000, consumer=consumer)

    assert len(consumer.handed) < 4 * (LOOK_AHEAD_RECORDS + 500)


def test_records_that_retention_may_have_taken_are_told():
    _, remarks = find({0: even(40, 60), 1: even(0, 60)}, 20_000, 50_000, lows={0: 40})

    assert remarks == [
        "features[0]: what was before offset 40 has been deleted; records of the range may have been among it"
    ]
    assert find({0: even(40, 60)}, 45_000, 50_000, lows={0: 40})[1] == []


def test_a_partition_that_retention_has_emptied_is_told():
    ranges, (remark,) = find({0: {}}, 20_000, 50_000, lows={0: 40}, ends={0: 40})

    assert ranges == {0: (40, 40)}
    assert "before offset 40 has been deleted" in remark


def test_a_stop_ends_the_search():
    with pytest.raises(StopOverdue):
        find({0: even(0, 10)}, 5_000, 9_000, should_stop=lambda: True)


def test_a_broker_that_gives_nothing_is_not_waited_for_without_end():
    with pytest.raises(Unavailable, match=r"could not read features\[0\] for 5 s"):
        find({0: even(0, 10)}, 5_000, 9_000, consumer=LogConsumer({}))


def test_a_refusal_is_told():
    refusal = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)

    with pytest.raises(Refused, match="grant this user READ"):
        find({0: even(0, 10)}, 5_000, 9_000, said=[Message(topic=TOPIC, partition=0, error=refusal)])
