"""The transactional publisher against a producer whose every call does what a script says."""

import threading
from collections import deque

import pytest
from confluent_kafka import KafkaError, KafkaException

from scoreline.errors import DeliveryError, FatalClientError, RecordTooLarge, Refused, StopOverdue
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.producing import Undelivered
from scoreline.kafka.publishing.transacting import LONG_CALL_SECONDS, OFFSETS_SECONDS
from scoreline.kafka.publishing.transactions import KafkaTransactions, choose_transactional_id
from scoreline.records import TopicPartition
from scoreline.transport.ports import GroupMetadata

OFFSETS = {TopicPartition("features", 0): 7}
METADATA = GroupMetadata(b"metadata")

RETRIABLE = KafkaError(KafkaError._TIMED_OUT, "no answer", retriable=True)
ABORTABLE = KafkaError(KafkaError.ILLEGAL_GENERATION, "the group has moved on", txn_requires_abort=True)
FENCED = KafkaError(KafkaError._FENCED, "fenced by a newer instance", fatal=True)
TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large")


class ScriptedProducer:
    """Raises what `errors` has for a call, one after the other, and remembers the calls."""

    def __init__(self, **errors):
        self.errors = {name: deque(listed) for name, listed in errors.items()}
        self.calls = []
        self.held = None

    def _do(self, name):
        self.calls.append(name)
        waiting = self.errors.get(name)
        error = waiting.popleft() if waiting else None
        if isinstance(error, threading.Event):
            error.wait(10)
        elif error is not None:
            raise KafkaException(error)

    def init_transactions(self, timeout):
        self._do("init")

    def begin_transaction(self):
        self._do("begin")

    def send_offsets_to_transaction(self, offsets, metadata, timeout):
        self.sent = [(o.topic, o.partition, o.offset) for o in offsets], metadata, timeout
        self._do("send")

    def commit_transaction(self, timeout):
        self._do("commit")

    def abort_transaction(self, timeout):
        self._do("abort")

    def poll(self, timeout):
        self.calls.append("poll")

    def flush(self, timeout):
        self._do("flush")
        return 0

    def purge(self):
        self.calls.append("purge")

    def close(self):
        self.calls.append("close")


class Scene:
    def __init__(self, *producers, keep_waiting=lambda: True):
        self.producers = deque(producers)
        self.now = 0.0
        self.undelivered = Undelivered()
        self.watch = ClientWatch(None, clock=lambda: 0.0)
        self.transactions = KafkaTransactions(
            self.producers.popleft,
            Destinations("out", "dead", {"out": 1, "dead": 1}, output_headers=False),
            transactional_id="group-stream-one",
            keep_waiting=keep_waiting,
            wall_clock=lambda: 0.0,
            undelivered=self.undelivered,
            watch=self.watch,
            clock=lambda: self.now,
        )


def make(**errors):
    producer = ScriptedProducer(**errors)
    return producer, Scene(producer).transactions


def test_offsets_go_with_the_metadata_they_were_read_under():
    producer, transactions = make()
    transactions.begin()
    assert transactions.send_offsets(OFFSETS, METADATA, 0.5)
    assert producer.sent == ([("features", 0, 7)], METADATA, LONG_CALL_SECONDS)


@pytest.mark.parametrize("name", ["commit", "abort"])
def test_a_call_without_an_answer_is_to_be_repeated_and_its_result_counts(name):
    producer, transactions = make(**{name: [RETRIABLE, RETRIABLE, None]})
    call = getattr(transactions, name)
    assert [call(0.1), call(0.1), call(0.1)] == [False, False, True]
    assert producer.calls == [name, "poll", name, "poll", name], "and does not spin"


@pytest.mark.parametrize("name", ["commit", "send"])
def test_what_has_to_be_aborted_is_a_failed_delivery(name):
    _, transactions = make(**{name: [ABORTABLE]})
    with pytest.raises(DeliveryError, match="ILLEGAL_GENERATION"):
        transactions.commit(0.1) if name == "commit" else transactions.send_offsets(OFFSETS, METADATA, 0.1)


@pytest.mark.parametrize("name", ["begin", "commit", "abort"])
def test_a_fenced_producer_ends_the_process_and_names_the_variable(name):
    _, transactions = make(**{name: [FENCED]})
    call = {
        "begin": transactions.begin,
        "commit": lambda: transactions.commit(1),
        "abort": lambda: transactions.abort(1),
    }
    with pytest.raises(FatalClientError, match=r"group-stream-one.*SCORELINE_MEMBER_ID"):
        call[name]()


def test_an_abort_that_cannot_be_done_is_the_end():
    """The broker ends the transaction by itself, and a fresh process goes on from what is committed."""
    _, transactions = make(abort=[ABORTABLE])
    with pytest.raises(FatalClientError, match="cannot be aborted"):
        transactions.abort(0.1)


def test_an_error_without_any_mark_is_the_end():
    _, transactions = make(commit=[KafkaError(KafkaError._STATE, "erroneous state")])
    with pytest.raises(FatalClientError, match="erroneous state"):
        transactions.commit(0.1)


def test_offsets_that_take_long_are_sent_by_one_long_call_that_is_asked_about_in_slices():
    """Each new call would begin with finding the coordinators again."""
    answered = threading.Event()
    producer, transactions = make(send=[answered])
    assert not transactions.send_offsets(OFFSETS, METADATA, 0.05)
    assert not transactions.send_offsets(OFFSETS, METADATA, 0.05)
    answered.set()
    assert transactions.send_offsets(OFFSETS, METADATA, 5.0)
    assert producer.calls.count("send") == 1


def test_a_long_call_that_is_refused_in_the_end_is_a_failed_delivery_and_the_next_one_begins_afresh():
    _, transactions = make(send=[RETRIABLE, ABORTABLE, None])
    with pytest.raises(DeliveryError, match="ILLEGAL_GENERATION"):
        deque(iter(lambda: transactions.send_offsets(OFFSETS, METADATA, 0.05), True), maxlen=0)
    assert transactions.send_offsets(OFFSETS, METADATA, 0.5)


def test_offsets_that_are_never_taken_are_given_up_with_their_producer_and_the_next_one_ends_the_transaction():
    """The client may hold on to a coordinator that has moved, or never answer the call; a new client finds it."""
    never = threading.Event()
    first, second = ScriptedProducer(send=[never]), ScriptedProducer()
    scene = Scene(first, second)
    transactions = scene.transactions
    transactions.begin()
    assert not transactions.send_offsets(OFFSETS, METADATA, 0.01)
    scene.now += OFFSETS_SECONDS + 1
    with pytest.raises(DeliveryError, match="not taken the offsets"):
        transactions.send_offsets(OFFSETS, METADATA, 0.01)
    assert transactions.abort(0.1)
    assert transactions.flush(0.1)
    assert "abort" not in first.calls, "it is still busy"
    transactions.begin()
    assert second.calls == ["init", "begin"]
    assert transactions.send_offsets(OFFSETS, METADATA, 0.5)
    never.set()


def test_after_a_record_was_too_large_a_new_producer_takes_over():
    first, second = ScriptedProducer(), ScriptedProducer()
    scene = Scene(first, second)
    scene.transactions.begin()
    scene.undelivered.add(TOO_LARGE, "out[0]")
    assert scene.transactions.abort(0.1)
    with pytest.raises(RecordTooLarge, match=r"out\[0\]"):
        scene.transactions.flush(0.1)
    scene.transactions.begin()
    assert first.calls[-1] == "close"
    assert second.calls == ["init", "begin"]
    scene.transactions.begin()
    assert second.calls == ["init", "begin", "begin"], "once is enough"


def test_what_was_purged_by_an_abort_is_no_refusal():
    _, transactions = make()
    for code in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
        transactions._undelivered.report(KafkaError(code), None)
    assert transactions.flush(0.1)


def test_the_start_waits_for_the_coordinator_until_it_is_told_not_to():
    asked = []
    producer = ScriptedProducer(init=[RETRIABLE] * 5)
    transactions = Scene(producer).transactions
    with pytest.raises(StopOverdue, match="group-stream-one"):
        transactions.start(lambda: asked.append(1) or len(asked) < 3)
    assert producer.calls == ["init"] * 3


def test_a_transactional_id_that_is_not_granted_is_a_refusal_with_the_grant():
    denied = KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "denied", fatal=True)
    _, transactions = make(init=[denied])
    with pytest.raises(Refused, match="grant"):
        transactions.start(lambda: True)


def test_closing_a_producer_that_has_failed_for_good_raises_nothing():
    producer, transactions = make(flush=[FENCED])
    transactions.close()
    transactions.close()
    assert producer.calls.count("close") == 1


def test_a_transactional_id_is_the_member_s_own_or_nobody_s():
    assert choose_transactional_id("g", "stream", "pod-1") == "g-stream-pod-1"
    assert choose_transactional_id("g", "stream", None) != choose_transactional_id("g", "stream", None)
