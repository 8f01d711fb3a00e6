"""When an exactly-once delivery waits: before a poll, for as long as the transaction would have to wait."""

from dataclasses import dataclass, field

import pytest

from scoreline.records import Outputs, find_last_records, find_next_offsets
from scoreline.transport.exactly_once import ExactlyOnce
from scoreline.transport.memory import MemoryBroker, MemorySource, MemoryTransactions
from scoreline.transport.patience import Patience
from tests.contracts.worlds import MANY_BYTES

GROUP = "group"
INTERVAL_SECONDS = 0.010


@dataclass
class Scene:
    """One member, on a clock that its pauses and its scoring move."""

    now: float = 1000.0
    pauses: list = field(default_factory=list)
    ended: list = field(default_factory=list)

    def __post_init__(self):
        self.broker = MemoryBroker()
        for topic in ("features", "predictions", "dead-letters"):
            self.broker.create_topic(topic, 1)
        source = MemorySource(self.broker, GROUP, ["features"])
        transactions = MemoryTransactions(
            self.broker, self.broker.group(GROUP), "id", output_topic="predictions", dead_letter_topic="dead-letters"
        )
        transactions.start(lambda: True)
        patience = Patience(source, clock=lambda: self.now, should_give_up=lambda: False, heartbeat=lambda: None)
        self.source = source
        self.delivery = ExactlyOnce(
            transactions,
            source,
            min_interval_seconds=INTERVAL_SECONDS,
            clock=lambda: self.now,
            pause=self.pause,
            patience=patience,
            observer=self,
        )
        source.poll(1, MANY_BYTES, 0.0)

    def transaction_ended(self, outcome):
        self.ended.append(outcome)

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds

    def turn(self, scoring_seconds):
        """What a loop does with one record; returns how long it rested, and how long the transaction waited."""
        self.pauses.clear()
        self.broker.append("features", b"v")
        self.delivery.rest()
        records = self.source.poll(1, MANY_BYTES, 0.0)
        self.delivery.begin()
        self.now += scoring_seconds
        self.delivery.finish(Outputs(records, [b"p"], "model", 1), (), find_next_offsets(find_last_records(records)))
        return tuple(self.pauses)


@pytest.fixture
def scene():
    return Scene()


def test_the_first_batch_waits_for_nothing(scene):
    assert scene.turn(0.002) == (0.0, 0.0)


def test_what_a_transaction_would_wait_is_waited_before_the_poll(scene):
    """Less the time that scoring takes, which is as long as it was."""
    scene.turn(0.002)
    assert scene.turn(0.002) == pytest.approx((0.008, 0.0))


def test_scoring_that_is_faster_than_it_was_leaves_the_rest_of_the_interval_to_the_transaction(scene):
    scene.turn(0.004)
    assert scene.turn(0.001) == pytest.approx((0.006, 0.003))


def test_a_batch_that_is_scored_for_longer_than_the_interval_is_never_waited_for(scene):
    scene.turn(0.020)
    assert scene.turn(0.020) == (0.0, 0.0)


def test_a_member_that_was_idle_for_longer_than_the_interval_does_not_rest(scene):
    scene.turn(0.002)
    scene.now += 1.0
    assert scene.turn(0.002) == (0.0, 0.0)
