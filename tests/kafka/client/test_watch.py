"""What the watch remembers of all that a client says."""

import logging

from confluent_kafka import KafkaError

from scoreline.kafka.client.watch import QUIET_SECONDS, ClientWatch
from tests.contracts.worlds import Recorder


def make_watch(observer=None):
    now = [0.0]
    return ClientWatch(observer, clock=lambda: now[0]), now


def test_every_error_is_counted_and_passed_on():
    recorder = Recorder()
    watch, _ = make_watch(recorder)
    for _ in range(3):
        watch.note(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
    assert watch.counts == {"_TRANSPORT": 3}
    assert recorder.errors == [("_TRANSPORT", "_TRANSPORT: Connection refused")] * 3


def test_an_error_that_only_says_that_nothing_works_never_hides_the_reason():
    watch, _ = make_watch()
    watch.note(KafkaError(KafkaError._AUTHENTICATION, "SASL authentication failed"))
    watch.note(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert "SASL authentication failed" in watch.reason
    assert "SASL_PASSWORD" in watch.remedy


def test_an_error_that_says_why_replaces_one_that_does_not():
    watch, _ = make_watch()
    watch.note(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    watch.note(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
    assert "Connection refused" in watch.reason
    assert watch.remedy is None


def test_a_fatal_error_is_kept():
    watch, _ = make_watch()
    watch.note(KafkaError(KafkaError._FENCED, "a newer one", fatal=True))
    watch.note(KafkaError(KafkaError._TRANSPORT, "refused"))
    assert "_FENCED" in watch.fatal


def test_a_fatal_error_that_is_not_marked_as_one_is_kept_too():
    watch, _ = make_watch()
    watch.note(KafkaError(KafkaError._FATAL, "Fatal error: Broker: Group authorization failed"))
    assert "Group authorization failed" in watch.fatal


def test_when_all_is_well_there_is_no_reason_any_more():
    watch, _ = make_watch()
    watch.note(KafkaError(KafkaError._AUTHENTICATION, "no"))
    watch.forget()
    assert (watch.reason, watch.remedy) == (None, None)


def test_lines_of_one_kind_are_logged_once_in_a_while_with_their_number(caplog):
    watch, now = make_watch()
    with caplog.at_level(logging.INFO, "scoreline.kafka"):
        for n in range(50):
            watch.log(logging.WARNING, "%s [%s] %s", "FAIL", "rdkafka#1", f"line {n}")
        watch.log(logging.WARNING, "%s [%s] %s", "REQTMOUT", "rdkafka#1", "another kind")
        now[0] += QUIET_SECONDS
        watch.log(logging.WARNING, "%s [%s] %s", "FAIL", "rdkafka#1", "line 50")
    lines = [(r.getMessage(), r.unsaid) for r in caplog.records]
    assert lines == [
        ("FAIL [rdkafka#1] line 0", 0),
        ("REQTMOUT [rdkafka#1] another kind", 0),
        ("FAIL [rdkafka#1] line 50", 49),
    ]
