"""What tests rely on when they break a broker."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer

from scoreline.local.broker import KafkaBroker
from scoreline.local.properties import FAST_TIMEOUTS
from scoreline.testing.consume import produce_records, read_records
from scoreline.testing.processes import ends, find_parent, is_frozen
from scoreline.testing.topics import Topics
from scoreline.transport.record import StoredRecord

pytestmark = pytest.mark.kafka


def records(count, first=0):
    return [StoredRecord(key_=b"k", value_=b"%d" % n) for n in range(first, first + count)]


def values(broker, topic, at_least, **more):
    return [int(r.value()) for r in read_records(broker.bootstrap_servers, topic, at_least=at_least, **more)]


@pytest.fixture(scope="module")
def broker(kafka):
    """A broker of this file's own; every test leaves it running."""
    with KafkaBroker(properties=FAST_TIMEOUTS) as broker:
        yield broker


def test_a_cached_broker_answers_within_ten_seconds_beside_another(broker):
    """`kafka` has seen to it that the jars are there."""
    started = time.monotonic()
    with KafkaBroker() as other:
        assert time.monotonic() - started < 10
        for each in (broker, other):
            assert Topics(each.bootstrap_servers).make(label="same", exact=True) == "same"
        folder, pid = other.folder, other.pid
    assert ends(pid)
    assert not folder.exists()


def test_a_restart_keeps_the_data_and_the_address(broker):
    topic = Topics(broker.bootstrap_servers).make()
    produce_records(broker.bootstrap_servers, topic, records(100))
    before, first = broker.bootstrap_servers, broker.pid
    broker.restart()
    assert broker.bootstrap_servers == before
    assert broker.pid != first
    assert values(broker, topic, 100) == list(range(100))


def test_kill_9_keeps_what_was_acknowledged(broker):
    topic = Topics(broker.bootstrap_servers).make()
    produce_records(broker.bootstrap_servers, topic, records(1000))
    pid = broker.pid
    broker.kill()
    assert ends(pid)
    assert not broker.running
    broker.start()
    assert values(broker, topic, 1000) == list(range(1000))


def test_a_paused_broker_acknowledges_nothing_until_it_goes_on(broker):
    topic = Topics(broker.bootstrap_servers).make()
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    answers = []
    producer.produce(topic, b"before", on_delivery=lambda error, _: answers.append(error))
    assert producer.flush(10) == 0
    broker.pause()
    deadline = time.monotonic() + 10
    while not is_frozen(broker.pid):  # its guardian has to send the signal first
        assert time.monotonic() < deadline
        time.sleep(0.01)
    producer.produce(topic, b"during", on_delivery=lambda error, _: answers.append(error))
    assert producer.flush(0.5) == 1
    assert broker.running
    broker.resume()
    assert producer.flush(10) == 0
    assert answers == [None, None]


def test_a_frozen_broker_can_be_stopped(broker):
    broker.pause()
    pid = broker.pid
    broker.stop()
    assert ends(pid)
    broker.start()


def test_topics_that_do_not_exist_are_not_made_by_reading_them(kafka):
    with pytest.raises(KafkaException, match="UNKNOWN_TOPIC_OR_PART"):
        read_records(kafka.bootstrap_servers, "nobody-made-this", within_seconds=5)


def test_reading_leaves_out_what_was_aborted_unless_it_is_asked_for(kafka, make_topic):
    topic = make_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(30)
    for value, end in ((b"1", producer.commit_transaction), (b"2", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(10)
        end(30)
    assert values(kafka, topic, 1) == [1]
    assert values(kafka, topic, 2, committed_only=False) == [1, 2]


def test_records_come_back_as_they_were_put(kafka, make_topic):
    topic = make_topic(partitions=3)
    put = [
        StoredRecord(topic, 2, 0, b"k", b"v", (("a", b"1"), ("a", None)), 1_700_000_000_000),
        StoredRecord(topic, 0, 0, None, None, None, 1_700_000_000_001),
        StoredRecord(topic, 2, 1, b"", b"", None, 1_700_000_000_002),
    ]
    assert produce_records(kafka.bootstrap_servers, topic, put) == 3
    assert read_records(kafka.bootstrap_servers, topic, at_least=3) == [put[1], put[0], put[2]]


OWNER = """
import signal, sys
from scoreline.local.broker import KafkaBroker
broker = KafkaBroker().start()
print(broker.pid, broker.folder, flush=True)
signal.pause()
"""


def test_no_jvm_and_no_file_is_left_when_the_owner_is_killed(kafka):
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        pid, folder = owner.stdout.readline().split()
        guardian = find_parent(int(pid))
        assert "kafka.Kafka" in Path(f"/proc/{pid}/cmdline").read_text()
        owner.kill()
    assert ends(int(pid))
    assert ends(guardian)
    assert not Path(folder).exists()


RESOLVER = "from scoreline.local.jars import find_runtime; print(len(find_runtime().jars))"


def test_two_processes_resolve_at_once_without_the_network(kafka):
    """The jars are cached: a proxy that refuses everything is never asked."""
    command = ["env", "https_proxy=http://127.0.0.1:9", sys.executable, "-c", RESOLVER]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second,
    ):
        assert first.stdout.read() == second.stdout.read() == "46\n"


def test_failures_are_noticed_fast(kafka):
    """What the fixture's brokers are told is what Kafka understands."""
    from confluent_kafka.admin import AdminClient, ConfigResource

    if kafka.origin == "told":
        pytest.skip("somebody else's broker has settings of its own")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    resource = ConfigResource(ConfigResource.Type.BROKER, "1")
    described = admin.describe_configs([resource])[resource].result(10)
    assert {name: described[name].value for name in FAST_TIMEOUTS} == dict(FAST_TIMEOUTS)
