"""What every source has to do, whatever carries its records."""

import time

import pytest

from scoreline.records import UNREADABLE_HEADERS, TopicPartition, find_last_records, find_next_offsets
from tests.contracts.worlds import MANY_BYTES, PATIENCE_SECONDS, Recorder, poll_until
from tests.integration.raw_producer import produce_raw_header


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % n for n in range(start, start + count)]


def has(count: int):
    return lambda taken: len(taken) >= count


def test_every_record_comes_once_and_in_offset_order_within_its_partition(world, group):
    topic = world.make_topic(partitions=3)
    for partition in range(3):
        world.append(topic, numbered(200), partition=partition)
    taken = poll_until(world.open_source(topic, group), has(600), max_records=70)
    for partition in range(3):
        assert [r.value() for r in taken if r.partition() == partition] == numbered(200)
        assert [r.offset() for r in taken if r.partition() == partition] == list(range(200))


def test_a_record_comes_with_all_that_was_produced(world, group):
    topic = world.make_topic()
    headers = [("trace", b"1"), ("trace", b"2"), ("empty", None)]
    world.append(topic, [b"payload"], key=b"key", headers=headers)
    world.append(topic, [None], key=b"gone")
    whole, tombstone = poll_until(world.open_source(topic, group), has(2))
    assert (whole.topic(), whole.partition(), whole.offset()) == (topic, 0, 0)
    assert (whole.key(), whole.value(), list(whole.headers())) == (b"key", b"payload", headers)
    assert (tombstone.key(), tombstone.value(), tombstone.headers()) == (b"gone", None, None)


@pytest.mark.kafka
@pytest.mark.parametrize("world", ["kafka-classic", "kafka-consumer"], indirect=True)
def test_headers_whose_names_are_no_text_cost_neither_their_record_nor_its_neighbours(world, group, kafka):
    """Only bytes on a wire can have such names, so there is no such thing in memory."""
    topic = world.make_topic()
    headers = [("trace", b"1")]
    world.append(topic, [b"before"], headers=headers)
    produce_raw_header(kafka.bootstrap_servers, topic, b"raw", b"payload", b"\xff\xfe")
    world.append(topic, [b"after"], headers=headers)
    before, raw, after = poll_until(world.open_source(topic, group), has(3))
    assert (raw.key(), raw.value(), raw.headers()) == (b"raw", b"payload", [(UNREADABLE_HEADERS, b"")])
    assert list(before.headers()) == list(after.headers()) == headers


def test_a_batch_stays_within_its_bytes_and_the_rest_comes_next(world, group):
    topic = world.make_topic()
    world.append(topic, [b"v" * 90] * 30, key=b"k" * 10)
    source = world.open_source(topic, group)
    first = poll_until(source, has(1), max_records=1)
    sizes = []
    while sum(sizes) < 29:
        batch = source.poll(100, 1000, 1.0)
        assert sum(len(r.key()) + len(r.value()) for r in batch) <= 1000
        sizes.append(len(batch))
    assert max(sizes) == 10
    assert first[0].offset() == 0
    assert source.poll(100, 1000, 0.0) == []


def test_a_record_over_the_bytes_comes_alone(world, group):
    topic = world.make_topic()
    world.append(topic, [b"s", b"L" * 5000, b"s"])
    source = world.open_source(topic, group)
    taken = poll_until(source, has(1), max_records=1)
    batches = []
    while sum(map(len, batches)) < 2:
        batches.append([r.value()[:1] for r in source.poll(100, 1000, 1.0)])
    assert [r.value() for r in taken] == [b"s"]
    assert [b for b in batches if b] == [[b"L"], [b"s"]]


def test_a_record_that_arrives_is_not_kept_waiting_for_more(world, group):
    topic = world.make_topic()
    recorder = Recorder()
    source = world.open_source(topic, group, recorder=recorder)
    poll_until(source, lambda _: recorder.joined and bool(source.assignment()))
    poll_until(source, lambda _: True)
    world.append(topic, [b"only"])
    began = time.monotonic()
    taken = poll_until(source, has(1))
    assert [r.value() for r in taken] == [b"only"]
    assert time.monotonic() - began < 2


def test_a_poll_without_records_returns_nothing(world, group):
    source = world.open_source(world.make_topic(), group)
    assert list(source.poll(10, MANY_BYTES, 0.0)) == []


def test_a_new_member_goes_on_where_the_group_has_committed(world, group):
    topic = world.make_topic()
    world.append(topic, numbered(10))
    source = world.open_source(topic, group)
    taken = poll_until(source, has(10))
    source.commit(find_next_offsets(find_last_records(taken[:4])), wait=True)
    source.close()
    again = poll_until(world.open_source(topic, group, member="b"), has(6))
    assert [r.value() for r in again] == numbered(6, start=4)


def test_without_a_commit_everything_comes_again(world, group):
    topic = world.make_topic()
    world.append(topic, numbered(5))
    source = world.open_source(topic, group)
    poll_until(source, has(5))
    source.close()
    assert len(poll_until(world.open_source(topic, group, member="b"), has(5))) == 5


def test_a_rewind_brings_the_same_records_again_in_order(world, group):
    topic = world.make_topic(partitions=2)
    for partition in range(2):
        world.append(topic, numbered(50), partition=partition)
    source = world.open_source(topic, group)
    poll_until(source, has(100))
    source.rewind({TopicPartition(topic, 0): 20, TopicPartition(topic, 1): 45})
    again = poll_until(source, has(35))
    assert [r.value() for r in again if r.partition() == 0] == numbered(30, start=20)
    assert [r.value() for r in again if r.partition() == 1] == numbered(5, start=45)


def test_a_rewind_leaves_nothing_of_what_was_held_back(world, group):
    topic = world.make_topic()
    world.append(topic, [b"%03d" % n for n in range(100)])
    source = world.open_source(topic, group)
    taken = poll_until(source, has(1), max_records=1)
    while len(taken) < 6:
        taken += source.poll(50, 3, 1.0)
    source.rewind({TopicPartition(topic, 0): 0})
    again = poll_until(source, has(100))
    assert [int(r.value()) for r in again] == list(range(100))


def test_a_rewind_of_a_partition_of_someone_else_does_nothing(world, group):
    topic = world.make_topic()
    world.append(topic, numbered(3))
    source = world.open_source(topic, group)
    poll_until(source, has(3))
    source.rewind({TopicPartition(topic, 7): 0, TopicPartition("elsewhere", 0): 0})
    world.append(topic, [b"next"])
    assert [r.value() for r in poll_until(source, has(1))] == [b"next"]


def test_the_answer_to_a_commit_comes_with_a_later_poll(world, group):
    topic = world.make_topic()
    world.append(topic, numbered(3))
    recorder = Recorder()
    source = world.open_source(topic, group, recorder=recorder)
    poll_until(source, has(3))
    recorder.commits.clear()
    source.commit({TopicPartition(topic, 0): 2}, wait=False)
    assert source.commit_in_flight()
    assert recorder.commits == []
    poll_until(source, lambda _: not source.commit_in_flight())
    assert recorder.commits == [({TopicPartition(topic, 0): 2}, None)]
    assert world.committed(group, TopicPartition(topic, 0)) == 2
    assert source.take_refused() == {}


def test_a_commit_that_is_waited_for_is_answered_on_return(world, group):
    topic = world.make_topic()
    world.append(topic, numbered(3))
    recorder = Recorder()
    source = world.open_source(topic, group, recorder=recorder)
    poll_until(source, has(3))
    recorder.commits.clear()
    source.commit({TopicPartition(topic, 0): 3}, wait=True)
    assert recorder.commits == [({TopicPartition(topic, 0): 3}, None)]
    assert not source.commit_in_flight()
    assert world.committed(group, TopicPartition(topic, 0)) == 3


def test_members_share_the_partitions_and_each_record_comes_from_its_owner(world, group):
    topic = world.make_topic(partitions=4)
    recorder = Recorder()
    first = world.open_source(topic, group, recorder=recorder)
    poll_until(first, lambda _: len(first.assignment()) == 4)
    second = world.open_source(topic, group, member="b")
    poll_until([first, second], lambda _: len(first.assignment()) == len(second.assignment()) == 2)
    assert not first.assignment() & second.assignment()
    for partition in range(4):
        world.append(topic, numbered(20), partition=partition)
    taken = poll_until([first, second], has(80))
    assert len(taken) == 80
    assert "revoked" in [event for event, _ in recorder.events]
    assert "lost" not in [event for event, _ in recorder.events]


def test_a_member_without_partitions_is_told_that_it_has_joined(world, group):
    topic = world.make_topic(partitions=1)
    first, second = Recorder(), Recorder()
    members = [
        world.open_source(topic, group, recorder=first),
        world.open_source(topic, group, member="b", recorder=second),
    ]
    poll_until(members, lambda _: first.joined and second.joined)
    poll_until(members, lambda _: len(members[0].assignment() | members[1].assignment()) == 1)


def test_a_member_that_closes_leaves_at_once(world, group):
    topic = world.make_topic(partitions=2)
    recorder = Recorder()
    first = world.open_source(topic, group, recorder=recorder)
    second = world.open_source(topic, group, member="b")
    poll_until([first, second], lambda _: len(first.assignment()) == len(second.assignment()) == 1)
    began = time.monotonic()
    first.close()
    poll_until(second, lambda _: len(second.assignment()) == 2)
    assert time.monotonic() - began < 5
    assert recorder.events[-1][0] == "revoked"
    assert first.assignment() == frozenset()


def test_what_is_committed_while_a_partition_is_revoked_reaches_its_next_owner(world, group):
    topic = world.make_topic(partitions=2)
    for partition in range(2):
        world.append(topic, numbered(10), partition=partition)

    class CommitsAll(Recorder):
        def revoked(self, partitions):
            super().revoked(partitions)
            first.commit(dict.fromkeys(partitions, 10), wait=True)

    listener = CommitsAll()
    first = world.open_source(topic, group, recorder=listener)
    poll_until(first, has(20))
    second = world.open_source(topic, group, member="b")
    again = poll_until([first, second], lambda _: len(first.assignment()) == len(second.assignment()) == 1)
    again += poll_until([first, second], lambda _: bool(listener.commits) and not first.commit_in_flight())
    assert again == []
    assert {error for _, error in listener.commits} == {None}


def test_the_lag_is_what_lies_between_the_position_and_the_end(world, group):
    topic = world.make_topic()
    world.append(topic, numbered(10))
    source = world.open_source(topic, group)
    taken = poll_until(source, has(1), max_records=4)
    partition = TopicPartition(topic, 0)
    assert source.lags() == {partition: 10 - len(taken)}
    poll_until(source, has(10 - len(taken)))
    assert source.lags() == {partition: 0}
    source.close()


def test_positions_move_over_transaction_markers_and_aborted_records(world, group):
    topic = world.make_topic()
    partition = TopicPartition(topic, 0)
    source = world.open_source(topic, group)
    world.append_in_transaction(topic, numbered(3), commit=True)
    taken = poll_until(source, lambda _: source.progress() == {partition: 4})
    world.append_in_transaction(topic, [b"aborted"] * 2, commit=False)
    taken += poll_until(source, lambda _: source.progress() == {partition: 7})
    assert [r.value() for r in taken] == numbered(3)
    source.commit(source.progress(), wait=True)
    assert world.committed(group, partition) == 7


def test_a_rewind_takes_the_progress_back(world, group):
    topic = world.make_topic()
    partition = TopicPartition(topic, 0)
    world.append_in_transaction(topic, numbered(3), commit=True)
    source = world.open_source(topic, group)
    poll_until(source, lambda _: source.progress() == {partition: 4})
    source.rewind({partition: 1})
    assert source.progress() == {}
    again = poll_until(source, lambda _: source.progress() == {partition: 4})
    assert [r.offset() for r in again] == [1, 2]


def test_members_that_only_stay_alive_share_the_partitions_and_skip_no_record(world, group):
    topic = world.make_topic(partitions=2)
    for partition in range(2):
        world.append(topic, numbered(100), partition=partition)
    first = world.open_source(topic, group)
    taken = poll_until(first, has(20), max_records=20)
    first.commit(find_next_offsets(find_last_records(taken)), wait=True)
    second = world.open_source(topic, group, member="b")
    other = poll_until_shared(first, second)
    kept, gone = first.assignment(), second.assignment()
    assert len(kept) == len(gone) == 1
    taken += poll_until([first, second], lambda more: len(taken) + len(other) + len(more) >= 200)
    assert sorted((r.partition(), r.offset()) for r in taken + other) == [(p, n) for p in range(2) for n in range(100)]


def poll_until_shared(waiting, polling):
    """The first only stays alive; returns what the second was given meanwhile."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    taken = []
    while not waiting.assignment() or not polling.assignment() or waiting.assignment() & polling.assignment():
        assert time.monotonic() < deadline
        waiting.keep_alive()
        taken += polling.poll(500, MANY_BYTES, 0.05)
    return taken


def test_a_partition_that_went_and_came_back_is_not_rewound(world, group):
    topic = world.make_topic(partitions=2)
    for partition in range(2):
        world.append(topic, numbered(10), partition=partition)
    first = world.open_source(topic, group)
    poll_until(first, has(20))
    second = world.open_source(topic, group, member="b")
    poll_until_shared(first, second)
    [went] = second.assignment()
    second.commit({went: 6}, wait=True)
    second.close()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while went not in first.assignment():
        assert time.monotonic() < deadline
        first.keep_alive()
    first.rewind({went: 2})
    again = poll_until(first, lambda taken: sum(r.partition() == went.partition for r in taken) >= 4)
    assert [r.offset() for r in again if r.partition() == went.partition] == [6, 7, 8, 9]


def test_where_a_partition_without_a_commit_begins_is_committed(world, group):
    topic = world.make_topic(partitions=2)
    world.append(topic, numbered(3))
    world.delete_before(TopicPartition(topic, 0), 2)
    taken = poll_until(world.open_source(topic, group), has(1))
    assert [r.offset() for r in taken] == [2]
    assert {n: world.committed(group, TopicPartition(topic, n)) for n in range(2)} == {0: 2, 1: 0}


def test_a_committed_offset_that_is_gone_strands_its_partition_and_no_other(world, group):
    topic = world.make_topic(partitions=2)
    stranded = TopicPartition(topic, 0)
    for partition in range(2):
        world.append(topic, numbered(10), partition=partition)
    source = world.open_source(topic, group)
    poll_until(source, has(20))
    source.commit({stranded: 3, TopicPartition(topic, 1): 6}, wait=True)
    source.close()
    world.delete_before(stranded, 5)
    recorder = Recorder()
    source = world.open_source(topic, group, member="b", recorder=recorder)
    taken = poll_until(source, lambda taken: len(taken) >= 4 and ("stranded", {stranded}) in recorder.events)
    assert [(r.partition(), r.offset()) for r in taken] == [(1, n) for n in range(6, 10)]
    assert source.assignment() == {stranded, TopicPartition(topic, 1)}
    assert world.committed(group, stranded) == 3
