"""The adapters while their broker is killed, frozen and restarted under load: nothing lost, nothing out of order."""

import itertools
import secrets
import threading
import time
from dataclasses import dataclass

import pytest
from confluent_kafka import Producer

from scoreline.errors import DeliveryError
from scoreline.kafka.cluster.admin import TopicDescription, open_admin
from scoreline.kafka.member.commits import Committer
from scoreline.kafka.member.source import open_source
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.publisher import open_publisher
from scoreline.local.broker import KafkaBroker
from scoreline.local.properties import FAST_TIMEOUTS
from scoreline.records import Outputs, find_last_records, find_next_offsets
from scoreline.testing.consume import produce_records, read_records
from scoreline.transport.at_least_once import AtLeastOnce
from scoreline.transport.patience import Patience
from scoreline.transport.record import StoredRecord
from tests.contracts.worlds import MANY_BYTES, Recorder

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

PARTITIONS = 2


class Member:
    """Copies the input to the output, at least once, until it is told to stop or to give up."""

    def __init__(self, cluster):
        properties = {"bootstrap.servers": cluster.broker.bootstrap_servers}
        self.recorder = Recorder()
        self.copied = set()
        self.given_up = False
        self.source = open_source(
            {**properties, "session.timeout.ms": "6000"},
            [cluster.source],
            group_id=cluster.source,
            observer=self.recorder,
        )
        publisher = open_publisher(
            properties,
            Destinations(cluster.output, cluster.output, {cluster.output: PARTITIONS}, output_headers=False),
            observer=self.recorder,
        )
        self.delivery = AtLeastOnce(
            publisher,
            self.source,
            commit_interval_seconds=0.1,
            clock=time.monotonic,
            patience=Patience(
                self.source, clock=time.monotonic, should_give_up=lambda: self.given_up, heartbeat=lambda: None
            ),
        )

    def turn(self):
        records = self.source.poll(500, MANY_BYTES, 0.05)
        if not records:
            self.delivery.tick()
            return
        self.delivery.finish(
            Outputs(records, [r.value() for r in records], "m", 1), [], find_next_offsets(find_last_records(records))
        )
        self.copied |= {int(r.value()) for r in records}

    def turn_until(self, condition, seconds=60.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{len(self.copied)} copied so far"
            self.turn()

    def close(self):
        self.delivery.close()
        self.source.close()


class Load:
    """Numbers written to both partitions, 1,000 a second, whatever happens to the broker."""

    def __init__(self, cluster):
        self.sent = 0
        self._stop = threading.Event()
        self._cluster = cluster
        self._thread = threading.Thread(target=self._write)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def _write(self):
        producer = Producer(
            {
                "bootstrap.servers": self._cluster.broker.bootstrap_servers,
                "enable.idempotence": True,
                "log_level": 0,
                "reconnect.backoff.max.ms": 200,
            }
        )
        for number in itertools.count():
            producer.produce(self._cluster.source, b"%d" % number, partition=number % PARTITIONS)
            if number % 20 == 19:
                producer.poll(0)
                if self._stop.wait(0.02):
                    break
        self.sent = number + 1
        assert producer.flush(60) == 0


@dataclass(frozen=True)
class Cluster:
    """A broker that these tests may treat as they like, and fresh topics on it."""

    broker: KafkaBroker
    source: str
    output: str

    def copies(self, at_least):
        stored = read_records(self.broker.bootstrap_servers, self.output, at_least=at_least, within_seconds=60)
        return [[int(r.value()) for r in stored if r.partition() == partition] for partition in range(PARTITIONS)]


@pytest.fixture(scope="module")
def broker():
    with KafkaBroker(properties=FAST_TIMEOUTS) as broker:
        yield broker


@pytest.fixture
def cluster(broker):
    admin = open_admin({"bootstrap.servers": broker.bootstrap_servers})
    admin.reach(30, lambda: False)
    names = [f"{label}-{secrets.token_hex(4)}" for label in ("in", "out")]
    admin.create_topics([TopicDescription(name, PARTITIONS) for name in names])
    admin.check_topics(names)
    return Cluster(broker, *names)


def in_order_of_first_arrival(numbers):
    return list(dict.fromkeys(numbers))


def test_a_broker_killed_and_restarted_under_load_loses_and_reorders_nothing(cluster):
    member = Member(cluster)
    with Load(cluster) as load:
        member.turn_until(lambda: len(member.copied) >= 1000)
        cluster.broker.kill()
        restart = threading.Timer(1.0, cluster.broker.start)
        restart.start()
        member.turn_until(lambda: not restart.is_alive())
        mark = len(member.copied) + 1000
        member.turn_until(lambda: len(member.copied) >= mark)
        load.stop()
        member.turn_until(lambda: len(member.copied) == load.sent)
    member.close()
    for partition, numbers in enumerate(cluster.copies(load.sent)):
        assert in_order_of_first_arrival(numbers) == list(range(partition, load.sent, PARTITIONS))
    assert member.recorder.errors, "the outage was told"


def test_a_batch_that_a_dead_broker_never_acknowledges_is_given_up_and_done_by_the_next_member(cluster):
    sent = 20_000
    # Far more than a turn takes, so that a batch is in hand when the broker freezes.
    records = [StoredRecord("", n % PARTITIONS, 0, None, b"%d" % n) for n in range(sent)]
    produce_records(cluster.broker.bootstrap_servers, cluster.source, records)
    member = Member(cluster)
    member.turn_until(lambda: len(member.copied) >= 1000)
    cluster.broker.pause()
    member.given_up = True
    with pytest.raises(DeliveryError, match="stop"):
        member.turn_until(lambda: False)
    began = time.monotonic()
    member.close()
    assert time.monotonic() - began < 8, "a broker that is away does not hold up a stop"
    cluster.broker.resume()
    successor = Member(cluster)
    successor.turn_until(lambda: len(member.copied | successor.copied) == sent)
    successor.close()
    assert {n for numbers in cluster.copies(sent) for n in numbers} == set(range(sent))


def test_a_frozen_broker_holds_up_and_loses_nothing(cluster):
    member = Member(cluster)
    with Load(cluster) as load:
        member.turn_until(lambda: len(member.copied) >= 1000)
        cluster.broker.pause()
        thaw = threading.Timer(3.0, cluster.broker.resume)
        thaw.start()
        member.turn_until(lambda: len(member.copied) >= 4000)
        thaw.join()
        load.stop()
        member.turn_until(lambda: len(member.copied) == load.sent)
    member.close()
    for partition, numbers in enumerate(cluster.copies(load.sent)):
        assert in_order_of_first_arrival(numbers) == list(range(partition, load.sent, PARTITIONS))


def test_a_broker_that_freezes_while_partitions_are_begun_keeps_no_poll_waiting(cluster, monkeypatch):
    """The client lets no other thread in while a call of it waits, so nothing may wait for the answer to a commit."""
    produce_records(cluster.broker.bootstrap_servers, cluster.source, [StoredRecord("", 0, 0, None, b"0")])
    commit_beginning = Committer.commit_beginning

    def freeze_first(committer, next_offsets):
        cluster.broker.pause()
        commit_beginning(committer, next_offsets)

    with monkeypatch.context() as patched:
        patched.setattr(Committer, "commit_beginning", freeze_first)
        member = Member(cluster)
        member.turn_until(member.source.commit_in_flight)
    until = time.monotonic() + 3.0
    slowest = 0.0
    while time.monotonic() < until:
        began = time.monotonic()
        member.turn()
        slowest = max(slowest, time.monotonic() - began)
    cluster.broker.resume()
    assert slowest < 1.0
    member.turn_until(lambda: member.copied == {0})
    member.close()
