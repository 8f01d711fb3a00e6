"""Log lines for what the Kafka client reports."""

import logging

import pytest

from scoreline.observability.client_log import ClientLog
from scoreline.records import TopicPartition
from tests.observability.batches import Ticking


@pytest.fixture(autouse=True)
def _level(caplog):
    caplog.set_level(logging.INFO, "scoreline.kafka")


def test_an_error_is_logged_at_once_and_then_counted_by_its_name(caplog):
    clock = Ticking()
    log = ClientLog(clock)
    for _ in range(20):
        log.client_error("_TRANSPORT", "broker 1 is down")
    log.client_error("_AUTHENTICATION", "wrong password")
    clock.now += 10
    log.tick()
    lines = [(vars(r)["event"], vars(r)["error"], vars(r)["count"], vars(r)["detail"]) for r in caplog.records]
    assert lines == [
        ("client_error", "_TRANSPORT", 1, "broker 1 is down"),
        ("client_error", "_AUTHENTICATION", 1, "wrong password"),
        ("client_error", "_TRANSPORT", 19, "broker 1 is down"),
    ]


def test_a_refused_commit_is_logged_with_its_partitions_and_an_accepted_one_is_not(caplog):
    log = ClientLog(Ticking())
    log.commit_answered({TopicPartition("features", 2): 7}, None)
    log.commit_answered({TopicPartition("features", 2): 8, TopicPartition("features", 1): 3}, "ILLEGAL_GENERATION")
    assert [(vars(r)["event"], vars(r)["error"], vars(r)["detail"]) for r in caplog.records] == [
        ("commit_refused", "ILLEGAL_GENERATION", "features[1], features[2]")
    ]


def test_a_refused_commit_and_a_client_error_of_the_same_name_are_two_things(caplog):
    log = ClientLog(Ticking())
    log.client_error("_TRANSPORT", "")
    log.commit_answered({}, "_TRANSPORT")
    assert [vars(r)["event"] for r in caplog.records] == ["client_error", "commit_refused"]
