"""The source against a consumer that plays every order of events which a real one is hard to be talked into."""

import time

import pytest
from confluent_kafka import KafkaError, Message

from scoreline.errors import FatalClientError, Refused
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.commits import CommitLedger
from scoreline.kafka.member.membership import Membership, find_generation
from scoreline.kafka.member.source import START_SECONDS, KafkaSource
from scoreline.records import TopicPartition
from tests.contracts.worlds import MANY_BYTES, Recorder
from tests.kafka.member.scripted import (
    TOPIC,
    ScriptedConsumer,
    assign,
    failure,
    lose,
    message,
    partitions,
    revoke,
)


class Scene:
    def __init__(self, *, incremental=False, silent_when_empty=False, policy="earliest", **options):
        self.consumer = ScriptedConsumer()
        self.now = 0.0
        self.recorder = Recorder()
        self.commits = CommitLedger(self.recorder)
        self.watch = ClientWatch(self.recorder, clock=lambda: self.now)
        self.source = KafkaSource(
            self.consumer,
            Membership(self.consumer, [TOPIC], incremental=incremental, silent_when_empty=silent_when_empty),
            policy=policy,
            group_id="group",
            commits=self.commits,
            watch=self.watch,
            clock=lambda: self.now,
            **options,
        )
        self.source.add_listener(self.recorder)

    def poll(self, *calls, max_records=100, max_bytes=MANY_BYTES):
        self.consumer.script(*calls)
        return [(r.partition(), r.offset()) for r in self.source.poll(max_records, max_bytes, 0.1)]


@pytest.fixture
def scene():
    return Scene()


def own(*numbers):
    return frozenset(TopicPartition(TOPIC, n) for n in numbers)


def test_what_is_there_is_taken_without_waiting(scene):
    assert scene.poll([assign(0), message(0, 0), message(0, 1)]) == [(0, 0), (0, 1)]
    assert scene.consumer.consumed == [(100, 0.0)]


def test_when_nothing_is_there_it_waits_for_one_and_takes_what_came_with_it(scene):
    assert scene.poll([assign(0)], [message(0, 0)], [message(0, 1), message(0, 2)]) == [(0, 0), (0, 1), (0, 2)]
    assert scene.consumer.consumed == [(100, 0.0), (1, 0.1), (99, 0.0)]


def test_a_batch_of_one_never_asks_for_none(scene):
    assert scene.poll([assign(0)], [message(0, 0)], max_records=1) == [(0, 0)]
    assert scene.consumer.consumed == [(1, 0.0), (1, 0.1)]


# The trap: the second consume of "one record, then what is there" runs a rebalance while the first record is in hand.

EAGER_REVOKE = [revoke(0, 1)]
COOPERATIVE_REVOKE = [revoke(0)]
NEW_PROTOCOL_REVOKE_BETWEEN_MESSAGES = [message(1, 7), revoke(0), message(1, 8)]


@pytest.mark.parametrize(
    ("second_call", "kept"),
    [
        pytest.param(EAGER_REVOKE, [], id="classic eager"),
        pytest.param(COOPERATIVE_REVOKE, [], id="cooperative"),
        pytest.param(NEW_PROTOCOL_REVOKE_BETWEEN_MESSAGES, [(1, 7), (1, 8)], id="consumer"),
        pytest.param([lose(0, 1)], [], id="lost"),
    ],
)
def test_a_record_in_hand_is_dropped_when_its_partition_goes_in_the_next_consume(scene, second_call, kept):
    assert scene.poll([assign(0, 1)], [message(0, 5)], second_call) == kept


def test_a_record_in_hand_is_dropped_when_only_one_more_was_asked_for(scene):
    assert scene.poll([assign(0, 1)], [message(0, 5)], [revoke(0), message(1, 3)], max_records=2) == [(1, 3)]


def test_a_record_in_hand_stays_when_another_partition_goes(scene):
    assert scene.poll([assign(0, 1)], [message(0, 5)], [revoke(1), message(0, 6)]) == [(0, 5), (0, 6)]


def test_records_of_one_consume_are_dropped_when_their_partition_goes_later_in_it(scene):
    scene.poll([assign(0, 1)])
    assert scene.poll([message(0, 5), message(1, 5), revoke(0), message(1, 6)]) == [(1, 5), (1, 6)]


def test_a_record_that_the_wait_brings_after_a_whole_rebalance_is_kept(scene):
    scene.poll([assign(0)])
    assert scene.poll([], [revoke(0), assign(0), message(0, 3)], [message(0, 4)]) == [(0, 3), (0, 4)]
    assert scene.consumer.unsubscriptions == 0


def test_a_partition_that_goes_and_comes_back_between_two_consumes_starts_afresh(scene):
    scene.poll([assign(0)])
    assert scene.poll([], [message(0, 5)], [revoke(0)]) == []
    assert scene.poll([assign(0), message(0, 5), message(0, 6)]) == [(0, 5), (0, 6)]


def test_a_partition_gone_and_back_within_one_consume_makes_the_member_join_again(scene):
    """Nothing tells the records before the revocation from those after it, and dropping the latter would lose them."""
    scene.poll([assign(0, 1)])
    blurred = [message(0, 5), revoke(0, 1), assign(0, 1), message(0, 5), message(1, 0)]
    assert scene.poll(blurred) == []
    assert (scene.consumer.unsubscriptions, scene.consumer.subscriptions) == (1, 2)
    assert scene.poll([message(0, 6)], [revoke(0, 1)]) == []
    assert scene.poll([assign(0, 1), message(0, 5), message(1, 0)]) == [(0, 5), (1, 0)]


def test_joining_again_drops_what_is_in_hand_of_every_partition(scene):
    scene.poll([assign(0, 1)])
    assert scene.poll([], [message(1, 3)], [message(1, 4), revoke(0), assign(0), message(0, 5)]) == []
    assert scene.consumer.unsubscriptions == 1


def test_what_is_held_back_comes_before_anything_is_consumed(scene):
    first = scene.poll([assign(0), *(message(0, n, b"12345") for n in range(5))], max_bytes=10)
    consumed = len(scene.consumer.consumed)
    rest = [scene.poll(max_bytes=10), scene.poll(max_bytes=10)]
    assert (first, *rest) == ([(0, 0), (0, 1)], [(0, 2), (0, 3)], [(0, 4)])
    assert len(scene.consumer.consumed) == consumed


def test_keys_count_towards_the_bytes(scene):
    scene.consumer.script([assign(0), message(0, 0, b"1", b"1234"), message(0, 1, b"1", b"1234")])
    assert scene.poll(max_bytes=9) == [(0, 0)]


def test_a_rewind_seeks_only_partitions_that_are_still_ours(scene):
    scene.poll([assign(0, 1), message(0, 5), message(1, 9)], [])
    scene.poll([revoke(1)])
    scene.source.rewind({TopicPartition(TOPIC, 0): 5, TopicPartition(TOPIC, 1): 9})
    assert scene.consumer.seeks == [(0, 5)]


def test_a_rewind_seeks_a_partition_that_came_back_before_its_records_were_handed_out(scene):
    """They were read by its present owner: nobody else would ever read them again."""
    scene.poll([assign(0)])
    assert scene.poll([revoke(0)], [assign(0), message(0, 3)]) == [(0, 3)]
    scene.source.rewind({TopicPartition(TOPIC, 0): 3})
    assert scene.consumer.seeks == [(0, 3)]


def test_a_rewind_keeps_what_is_held_back_of_other_partitions(scene):
    scene.poll([assign(0, 1), message(0, 0), message(0, 1), message(1, 0)], max_bytes=1)
    scene.source.rewind({TopicPartition(TOPIC, 0): 0})
    assert scene.poll() == [(1, 0)]


def test_a_refused_seek_makes_the_member_join_again_and_drops_all_until_then(scene):
    scene.poll([assign(0), message(0, 5)])
    scene.consumer.seek_error = KafkaError._STATE
    scene.source.rewind({TopicPartition(TOPIC, 0): 5})
    assert (scene.consumer.unsubscriptions, scene.consumer.subscriptions) == (1, 2)
    assert scene.poll([message(0, 6)]) == []
    assert scene.poll([revoke(0)]) == []
    assert scene.poll([assign(0), message(0, 5)]) == [(0, 5)]
    assert scene.recorder.errors[0][0] == "_STATE"


def test_listeners_see_the_assignment_as_it_is_while_they_are_told(scene):
    seen = []

    class Looks(Recorder):
        def assigned(self, gained):
            seen.append(("assigned", scene.source.assignment()))

        def revoked(self, leaving):
            seen.append(("revoked", scene.source.assignment()))

        def lost(self, gone):
            seen.append(("lost", scene.source.assignment()))

    scene.source.add_listener(Looks())
    scene.poll([assign(0, 1)])
    scene.poll([revoke(0)])
    scene.poll([lose(1)])
    assert seen == [("assigned", own(0, 1)), ("revoked", own(0, 1)), ("lost", own())]
    assert scene.recorder.events == [("assigned", own(0, 1)), ("revoked", own(0)), ("lost", own(1))]


def test_transient_errors_are_told_and_the_records_beside_them_come(scene):
    steps = [assign(0), failure(KafkaError._MAX_POLL_EXCEEDED, "too slow"), message(0, 1)]
    assert scene.poll(steps) == [(0, 1)]
    assert [name for name, _ in scene.recorder.errors] == ["_MAX_POLL_EXCEEDED"]


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED])
def test_a_missing_permission_at_the_start_is_refused_with_what_to_grant(scene, code):
    with pytest.raises(Refused, match="grant"):
        scene.poll([failure(code)])


def test_a_missing_topic_or_permission_at_run_time_is_told_and_no_crash(scene):
    scene.now += START_SECONDS
    codes = [KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED]
    assert scene.poll([failure(code) for code in codes]) == []
    (_, missing), (_, denied) = scene.recorder.errors
    assert "scoreline topics create" in missing
    assert "grant" in denied


def test_a_permission_that_goes_right_after_the_first_record_is_no_mistake_of_the_start(scene):
    scene.poll([assign(0)], [message()])
    assert scene.poll([failure(KafkaError.GROUP_AUTHORIZATION_FAILED)]) == []
    assert "grant" in scene.recorder.errors[-1][1]


def test_a_fatal_error_ends_the_source_with_its_name(scene):
    with pytest.raises(FatalClientError, match="FENCED_INSTANCE_ID"):
        scene.poll([failure(KafkaError.FENCED_INSTANCE_ID, "another member has this id", fatal=True)])


def test_a_fatal_error_that_only_the_error_callback_tells_ends_the_source_too(scene):
    scene.watch.note(KafkaError(KafkaError._FATAL, "broken", fatal=True))
    with pytest.raises(FatalClientError, match="broken"):
        scene.poll([])


def test_a_fatal_error_without_the_mark_ends_the_source_too(scene):
    """So the client hands out that a group of the protocol `consumer` may not be read any more."""
    with pytest.raises(FatalClientError, match="Group authorization failed"):
        scene.poll([failure(KafkaError._FATAL, "Fatal error: Broker: Group authorization failed")])


def test_partitions_of_a_synchronous_commit_that_were_refused_are_found_although_nothing_is_raised(scene):
    scene.poll([assign(0, 1)])
    scene.consumer.partition_errors = {1: KafkaError.STALE_MEMBER_EPOCH}
    scene.source.commit({TopicPartition(TOPIC, 0): 3, TopicPartition(TOPIC, 1): 4}, wait=True)
    assert scene.recorder.commits == [
        ({TopicPartition(TOPIC, 0): 3}, None),
        ({TopicPartition(TOPIC, 1): 4}, "STALE_MEMBER_EPOCH"),
    ]
    assert scene.source.take_refused() == {TopicPartition(TOPIC, 1): 4}
    assert scene.source.take_refused() == {}


@pytest.mark.parametrize("wait", [True, False])
def test_a_commit_that_the_client_raises_for_is_refused_and_not_raised(scene, wait):
    scene.poll([assign(0)])
    scene.consumer.commit_error = KafkaError.REBALANCE_IN_PROGRESS
    scene.source.commit({TopicPartition(TOPIC, 0): 3}, wait=wait)
    assert scene.recorder.commits == [({TopicPartition(TOPIC, 0): 3}, "REBALANCE_IN_PROGRESS")]
    assert not scene.source.commit_in_flight()


def test_a_refused_commit_of_a_partition_that_has_gone_is_not_offered_again(scene):
    scene.poll([assign(0, 1)])
    scene.source.commit({TopicPartition(TOPIC, 0): 3, TopicPartition(TOPIC, 1): 4}, wait=False)
    assert scene.source.commit_in_flight()
    refused = KafkaError(KafkaError.ILLEGAL_GENERATION)
    answer = [*partitions(0, 1)]
    answer[0].offset, answer[1].offset = 3, 4
    scene.poll([lambda _: scene.commits.answer(refused, answer), revoke(1)])
    assert not scene.source.commit_in_flight()
    assert scene.source.take_refused() == {TopicPartition(TOPIC, 0): 3}


def test_a_listener_that_is_told_of_a_revocation_commits_without_blocking(scene):
    class Commits(Recorder):
        def revoked(self, leaving):
            scene.source.commit({TopicPartition(TOPIC, 0): 3}, wait=True)

    scene.source.add_listener(Commits())
    scene.poll([assign(0)])
    scene.poll([revoke(0)])
    assert scene.consumer.commits == [([(0, 3)], True)]


def test_a_commit_that_is_never_answered_is_not_waited_for_longer_than_allowed():
    scene = Scene(answer_seconds=0.02)
    scene.poll([assign(0)])
    answered = scene.consumer.commit
    release = []

    def hang(**asked):
        while not release:
            time.sleep(0.001)
        return answered(**asked)

    scene.consumer.commit = hang
    scene.source.commit({TopicPartition(TOPIC, 0): 3}, wait=True)
    assert scene.recorder.commits == [({TopicPartition(TOPIC, 0): 3}, "_TIMED_OUT")]
    assert scene.source.commit_in_flight(), "no other commit may overtake the one that hangs"
    assert scene.source.take_refused() == {TopicPartition(TOPIC, 0): 3}
    release.append(True)
    while scene.source.commit_in_flight():
        time.sleep(0.001)


def test_leaving_a_group_whose_broker_is_away_does_not_hang():
    scene = Scene(answer_seconds=0.02)
    scene.poll([assign(0)])
    release = []

    def hang():
        while not release:
            time.sleep(0.001)

    scene.consumer.close = hang
    scene.source.close()
    assert scene.source.assignment() == frozenset()
    assert [name for name, _ in scene.recorder.errors] == ["_TIMED_OUT"]
    release.append(True)


def test_a_member_that_is_told_nothing_finds_its_membership_in_the_generation():
    scene = Scene(silent_when_empty=True)
    scene.poll([])
    assert scene.recorder.events == []
    scene.consumer.generation = 2
    scene.poll([])
    scene.poll([])
    assert scene.recorder.events == [("assigned", frozenset())]


def test_after_a_loss_membership_has_to_be_proved_again():
    scene = Scene(silent_when_empty=True)
    scene.poll([assign(0)])
    scene.poll([lose(0)])
    scene.consumer.generation = 3
    scene.poll([])
    assert scene.recorder.events == [("assigned", own(0)), ("lost", own(0)), ("assigned", own())]


def test_an_assignment_is_evidence_enough():
    scene = Scene(silent_when_empty=True)
    scene.consumer.generation = 2
    scene.poll([assign(0), message(0, 0)])
    assert scene.recorder.events == [("assigned", own(0))]


def test_metadata_of_an_unknown_form_says_nothing():
    assert find_generation(b"CGMDv9:\x02\x00\x00\x00") is None
    assert find_generation(b"CGMDv2:\x02") is None
    assert find_generation(b"CGMDv2:\xff\xff\xff\xffgroup\x00") == -1


def end(partition, offset):
    """The client's word that the end of a partition was reached."""
    return Message(topic=TOPIC, partition=partition, offset=offset, error=KafkaError(KafkaError._PARTITION_EOF))


def test_an_end_that_was_reached_is_progress(scene):
    assert scene.poll([assign(0)], [end(0, 7)]) == []
    assert scene.source.progress() == {TopicPartition(TOPIC, 0): 7}


def test_an_end_is_no_progress_where_its_partition_went_within_the_same_consume(scene):
    """The records before it are dropped, and the next owner has to find them."""
    scene.poll([assign(0)])
    assert scene.poll([message(0, 5), message(0, 6), end(0, 7), revoke(0)]) == []
    assert scene.source.progress() == {}


def test_an_end_is_no_progress_where_its_partition_went_and_came_back():
    scene = Scene(incremental=True)
    scene.poll([assign(0, 1)])
    assert scene.poll([message(0, 5), end(0, 6), revoke(1), assign(1)]) == []
    assert scene.consumer.unsubscriptions == 1, "nothing tells the records of partition 1 apart"
    assert scene.source.progress() == {}


def test_an_end_is_no_progress_while_a_record_before_it_is_held_back(scene):
    scene.poll([assign(0)])
    assert scene.poll([message(0, 5), message(0, 6), end(0, 7)], max_bytes=1) == [(0, 5)]
    assert scene.source.progress() == {}
    assert scene.poll(max_bytes=1) == [(0, 6)]
    assert scene.source.progress() == {TopicPartition(TOPIC, 0): 7}


def test_a_rewind_takes_progress_back(scene):
    scene.poll([assign(0)])
    scene.poll([message(0, 5), end(0, 6)])
    scene.source.rewind({TopicPartition(TOPIC, 0): 5})
    assert scene.source.progress() == {}


def test_nothing_is_committed_of_a_partition_that_has_gone(scene):
    scene.poll([assign(0, 1)])
    scene.poll([revoke(0)])
    scene.source.commit({TopicPartition(TOPIC, 0): 7, TopicPartition(TOPIC, 1): 3}, wait=True)
    assert scene.consumer.commits == [([(1, 3)], False)]
