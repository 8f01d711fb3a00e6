"""Faults between a real client and a real broker."""

import time

import pytest
from confluent_kafka import Producer

from scoreline.testing.consume import read_records
from scoreline.testing.topics import Topics

pytestmark = pytest.mark.kafka


@pytest.fixture
def proxied(proxied_kafka):
    """A broker behind a proxy, healthy at first."""
    proxied_kafka.proxy.heal()
    return proxied_kafka


def test_an_idempotent_producer_loses_nothing_to_any_fault(proxied):
    """One record under each fault: delivered during it or after it, once, in order."""
    topic = Topics(proxied.broker.bootstrap_servers).make()
    producer = Producer(
        {
            "bootstrap.servers": proxied.bootstrap_servers,
            "enable.idempotence": True,
            "socket.timeout.ms": 1000,
            "reconnect.backoff.max.ms": 200,
            "log_level": 0,
        }
    )
    proxy = proxied.proxy
    faults = {
        b"healthy": proxy.heal,
        b"slow": lambda: proxy.delay(0.1),
        b"narrow": lambda: proxy.limit(2000),
        b"silent": proxy.black_hole,
        b"reset": proxy.reset,
        b"refused": proxy.refuse,
    }
    producer.produce(topic, b"warm")
    assert producer.flush(15) == 0
    undelivered = []
    for value, begin in faults.items():
        begin()
        producer.produce(topic, value)
        if producer.flush(0.7):
            undelivered.append(value)
        proxy.heal()
        assert producer.flush(15) == 0
    assert undelivered == [b"silent", b"reset", b"refused"]
    records = read_records(proxied.broker.bootstrap_servers, topic, at_least=len(faults) + 1)
    assert [record.value() for record in records] == [b"warm", *faults]


def test_clients_of_the_proxy_never_go_past_it(proxied):
    topic = Topics(proxied.bootstrap_servers).make()
    producer = Producer({"bootstrap.servers": proxied.bootstrap_servers})
    before = proxied.proxy.traffic.to_upstream_bytes
    producer.produce(topic, bytes(100_000))
    assert producer.flush(10) == 0
    assert proxied.proxy.traffic.to_upstream_bytes - before > 100_000


def test_latency_is_seen_by_the_client(proxied):
    topic = Topics(proxied.broker.bootstrap_servers).make()
    producer = Producer({"bootstrap.servers": proxied.bootstrap_servers})
    producer.produce(topic, b"warm")
    assert producer.flush(10) == 0
    proxied.proxy.delay(0.2)
    started = time.monotonic()
    producer.produce(topic, b"slow")
    assert producer.flush(10) == 0
    assert time.monotonic() - started >= 0.4
