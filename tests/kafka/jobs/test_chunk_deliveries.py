"""With which producer a worker delivers."""

import pytest
from confluent_kafka import Producer

from scoreline.errors import ConfigError, StopOverdue
from scoreline.kafka.client.clients import make_transactional_producer
from scoreline.kafka.jobs import chunk_deliveries
from scoreline.kafka.jobs.chunk_deliveries import fit_transactions, open_chunk_delivery
from scoreline.transport.patience import Patience
from tests.kafka.jobs.scenes import Nobody

NOWHERE = {"bootstrap.servers": "127.0.0.1:1"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"message.timeout.ms": "20000"}, {"message.timeout.ms": 10_000}),
        ({"delivery.timeout.ms": "20000"}, {"delivery.timeout.ms": 10_000}),
        ({"message.timeout.ms": "3000"}, {"message.timeout.ms": "3000"}),
        ({"socket.timeout.ms": 60_000}, {"socket.timeout.ms": 10_100}),
        (
            {"transaction.timeout.ms": "60000", "socket.timeout.ms": "60000"},
            {"transaction.timeout.ms": "60000", "socket.timeout.ms": "60000"},
        ),
    ],
)
def test_time_outs_of_the_stream_are_cut_down_to_a_transaction_so_that_the_client_takes_them(asked, expected):
    fitting = fit_transactions({**NOWHERE, **asked})
    assert fitting == {"transaction.timeout.ms": 10_000, **NOWHERE, **expected}
    make_transactional_producer(fitting, "some-id").close()


@pytest.mark.parametrize("asked", [{"message.timeout.ms": "soon"}, {"transaction.timeout.ms": "soon"}])
def test_what_is_no_number_is_left_for_the_client_to_refuse(asked):
    with pytest.raises(ConfigError, match="SCORELINE_PRODUCER_"):
        make_transactional_producer(fit_transactions({**NOWHERE, **asked}), "some-id")


def test_the_producer_is_released_where_its_id_is_not_taken_over(monkeypatch):
    closed = []

    class Watched(Producer):
        def close(self, *arguments):
            closed.append(self)
            return super().close(*arguments)

    def connect(properties, transactional_id, **_):
        return Watched({**properties, "transactional.id": transactional_id, "log_level": 0})

    monkeypatch.setattr(chunk_deliveries, "make_transactional_producer", connect)
    monkeypatch.setattr("scoreline.kafka.publishing.transacting.START_SLICE_SECONDS", 0.05)
    with pytest.raises(StopOverdue):
        open_chunk_delivery(
            NOWHERE,
            None,
            None,
            {},
            count_partitions=lambda topic: 0,
            find_committed=lambda partitions: {},
            transactional_id="some-id",
            patience=Patience(None, clock=lambda: 0.0, should_give_up=lambda: False, heartbeat=lambda: None),
            client_observer=Nobody(),
            observer=Nobody(),
            keep_waiting=lambda: False,
        )
    assert len(closed) == 1
