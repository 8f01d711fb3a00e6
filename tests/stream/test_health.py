"""What the stream says of itself."""

from scoreline.errors import DeliveryError
from scoreline.observability.events import BatchScored
from scoreline.records import TopicPartition
from scoreline.stream.health import StreamHealth
from scoreline.stream.heartbeat import STALE_SECONDS


class FakeClock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


FINISHED = BatchScored([], {}, [], [], [], 0, {}, 0)
PARTITIONS = [TopicPartition("features", 0), TopicPartition("features", 1)]


def make_health():
    clock = FakeClock()
    return StreamHealth(clock), clock


def test_it_is_not_ready_before_the_first_assignment_and_says_what_it_waits_for():
    health, _ = make_health()
    health.described("waiting for the broker")
    answer = health.check()
    assert not answer.ready
    assert answer.alive
    assert answer.detail == "waiting for the broker"


def test_an_empty_first_assignment_is_evidence_enough():
    health, _ = make_health()
    health.assigned([])
    assert health.check().ready


def test_partitions_are_counted_through_assignments_and_revocations():
    health, _ = make_health()
    health.assigned(PARTITIONS)
    health.revoked(PARTITIONS[:1])
    assert health.check().detail == "1 partitions assigned"


def test_losing_partitions_takes_the_evidence_away_until_the_next_assignment():
    health, _ = make_health()
    health.assigned(PARTITIONS)
    health.lost(PARTITIONS)
    assert not health.check().ready
    health.assigned(PARTITIONS)
    assert health.check().ready


def test_a_rolled_back_batch_makes_it_unready_with_the_reason_until_a_batch_is_finished():
    health, _ = make_health()
    health.assigned(PARTITIONS)
    health.batch_rolled_back([None] * 10, DeliveryError("the broker is away"), 1.0)
    answer = health.check()
    assert not answer.ready
    assert "the broker is away" in answer.detail
    health.batch_scored(FINISHED)
    assert health.check().ready


def test_a_loop_that_does_not_turn_is_neither_alive_nor_ready():
    health, clock = make_health()
    health.assigned(PARTITIONS)
    health.turned()
    clock.now += STALE_SECONDS
    answer = health.check()
    assert not answer.alive
    assert not answer.ready
    health.turned()
    assert health.check().ready


def test_one_line_is_logged_for_each_change_not_for_each_try(caplog):
    health, _ = make_health()
    with caplog.at_level("INFO", "scoreline.stream"):
        for _ in range(5):
            health.batch_rolled_back([None] * 10, DeliveryError("away"), 1.0)
        health.batch_scored(FINISHED)
        health.batch_scored(FINISHED)
    assert [r.event for r in caplog.records] == ["batch_rolled_back", "stream_resumed"]


def test_waiting_for_an_acknowledgement_keeps_it_alive_and_makes_it_unready_after_a_while():
    health, clock = make_health()
    health.assigned(PARTITIONS)
    health.turned()
    health.acknowledgement_awaited()
    assert health.check().ready
    for _ in range(100):
        clock.now += 1.0
        health.acknowledgement_awaited()
    answer = health.check()
    assert answer.alive
    assert not answer.ready
    assert "nothing has been acknowledged for 100 s" in answer.detail
    health.turned()
    assert health.check().ready


def test_trouble_goes_with_the_partitions_that_may_have_caused_it():
    for leave in (StreamHealth.revoked, StreamHealth.lost):
        health, _ = make_health()
        health.assigned(PARTITIONS)
        health.batch_rolled_back([None] * 10, DeliveryError("away"), 1.0)
        leave(health, PARTITIONS)
        health.assigned([])
        assert health.check().ready
