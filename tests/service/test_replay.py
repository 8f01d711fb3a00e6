"""The stream's loop over a source that ends: it stops by itself when everything is finished, and never before."""

import pytest

from scoreline.errors import DeliveryError
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.member.commits import CommitLedger
from scoreline.kafka.ranges.range_source import KafkaRangeSource
from scoreline.observability.events import BatchScored
from scoreline.records import TopicPartition
from scoreline.service.replay import LoopReport, StopOrEnd
from scoreline.service.stopping import Stop
from scoreline.stream.loop import BatchLimits, StreamLoop
from scoreline.stream.replay import ReplayOrder, begin_plan
from scoreline.transport.at_least_once import AtLeastOnce
from scoreline.transport.backoff import Backoff
from scoreline.transport.memory import MemoryBroker, MemoryPublisher
from scoreline.transport.pacing import Pacer
from scoreline.transport.patience import Patience
from scoreline.transport.ranges import OffsetRange
from tests.contracts.worlds import Recorder
from tests.kafka.ranges.logs import TOPIC, LogConsumer
from tests.stream.scenes import Scene as LiveScene
from tests.stream.scenes import encode

LAST = 20


class Observer(Recorder):
    """A `ReplayObserver` that keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.progress: list[int] = []
        self.waits: list[str] = []
        self.batches: list[BatchScored] = []

    def progressed(self, done):
        self.progress.append(done)

    def waited(self, reason):
        self.waits.append(reason)

    def batch_scored(self, event):
        self.batches.append(event)


class Scene:
    """Twenty rows of two partitions, of which those from 4 up to 14 and from 0 up to 3 are replayed."""

    def __init__(self):
        self.now = 0.0
        self.live = LiveScene()
        self.broker = MemoryBroker()
        for topic in ("again", "again.dead-letters"):
            self.broker.create_topic(topic, 2)
        self.consumer = LogConsumer({n: dict.fromkeys(range(LAST), 1) for n in (0, 1)})
        self.consumer.value = encode(1.5)
        ranges = {TopicPartition(TOPIC, 0): OffsetRange(4, 14), TopicPartition(TOPIC, 1): OffsetRange(0, 3)}
        self.plan = begin_plan(ReplayOrder(TOPIC, 0, 1, "m", 1, "again"), ranges)
        self.consumer.stored = {p.partition: offset for p, offset in self.plan.next_offsets.items()}
        self.observer, self.stop = Observer(), Stop(5.0, self.tick)
        commits = CommitLedger(self.observer)
        self.consumer.on_commit = commits.answer
        self.source = KafkaRangeSource(
            self.consumer,
            ranges,
            notes=self.plan.notes(),
            commits=commits,
            watch=ClientWatch(self.observer, clock=self.tick),
            pacer=Pacer(None, self.tick),
            pause=lambda _: None,
            clock=self.tick,
        )
        self.publisher = MemoryPublisher(self.broker, output_topic="again", dead_letter_topic="again.dead-letters")
        patience = Patience(self.source, clock=self.tick, should_give_up=self.stop.is_overdue, heartbeat=lambda: None)
        self.delivery = AtLeastOnce(
            self.publisher, self.source, commit_interval_seconds=0.0, clock=self.tick, patience=patience
        )
        self.loop = StreamLoop(
            self.source,
            self.live.loop._path,
            self.delivery,
            stop=StopOrEnd(self.stop, self.source),
            clock=self.tick,
            wall_clock=lambda: 1_700_000_001.0,
            observers=[LoopReport(self.plan, self.source, self.observer)],
            limits=BatchLimits(max_records=5),
            backoff=Backoff(first_seconds=0.001, limit_seconds=0.001),
        )

    def tick(self):
        self.now += 0.01
        return self.now

    def outputs(self):
        return len(self.broker.read("again"))


def test_the_loop_ends_by_itself_when_everything_is_published_and_committed():
    scene = Scene()

    scene.loop.run()

    assert scene.outputs() == 13
    assert scene.consumer.stored == {0: 14, 1: 3}
    assert scene.consumer.notes == {p.partition: note for p, note in scene.plan.notes().items()}
    assert sum(len(batch.records) for batch in scene.observer.batches) == 13
    assert scene.observer.progress == sorted(scene.observer.progress)
    assert scene.observer.progress[-1] == scene.plan.total == 13


def test_a_batch_that_could_not_be_finished_is_not_mistaken_for_the_end():
    """Everything was handed out by then; it comes again, and only then is it over."""
    scene = Scene()
    publish, failures = scene.publisher.flush, iter([True] * 3)

    def flush(timeout_seconds):
        if not any(scene.source.lags().values()) and next(failures, False):
            raise DeliveryError("refused")
        return publish(timeout_seconds)

    scene.publisher.flush = flush
    scene.loop.run()

    assert scene.consumer.stored == {0: 14, 1: 3}
    assert {(r.partition(), r.key()) for r in scene.broker.read("again")} == {(0, None), (1, None)}
    assert scene.outputs() >= 13
    assert any("refused" in wait for wait in scene.observer.waits)


@pytest.mark.parametrize("batches", [1, 2])
def test_a_stop_ends_it_behind_the_batch_in_hand_and_what_was_finished_is_committed(batches):
    scene = Scene()
    scored = scene.observer.batch_scored

    def batch_scored(event):
        scored(event)
        if len(scene.observer.batches) == batches:
            scene.stop.request()

    scene.observer.batch_scored = batch_scored
    scene.loop.run()
    scene.delivery.close()

    assert not scene.source.is_finished
    assert scene.outputs() == 5 * batches
    assert sum(scene.consumer.stored.values()) - 4 == 5 * batches
