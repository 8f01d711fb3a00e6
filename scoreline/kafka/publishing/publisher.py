"""Puts predictions and dead letters onto their topics through the idempotent producer."""

import time
from collections.abc import Callable, Sequence

from confluent_kafka import Producer

from scoreline.kafka.client.clients import Properties, make_producer
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.publishing.destinations import Destinations
from scoreline.kafka.publishing.outputs import OutputWriter
from scoreline.kafka.publishing.producing import Producing, Undelivered
from scoreline.records import Clock, DeadLetter, Outputs
from scoreline.transport.ports import ClientObserver


class KafkaPublisher(Producing):
    """Implements `scoreline.transport.ports.Publisher`.

    An output goes to partition `source_partition mod n` of its topic, so that the order of a source partition is that
    of the output's. Its Kafka timestamp is the time at which it is handed over.

    Args:
        producer: made with `undelivered.report` as its `on_delivery` and `watch`.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        producer: Producer,
        destinations: Destinations,
        *,
        wall_clock: Clock,
        undelivered: Undelivered,
        watch: ClientWatch,
    ) -> None:
        super().__init__(producer, undelivered=undelivered, watch=watch)
        self._outputs = OutputWriter(destinations, wall_clock=wall_clock)

    def publish(self, outputs: Outputs, dead_letters: Sequence[DeadLetter], keep_waiting: Callable[[], bool]) -> None:
        """Hand everything to the producer; waits for room in its queue.

        Raises:
            DeliveryError: the queue was full, and `keep_waiting` said no.
            FatalClientError: the producer cannot go on.
        """
        self._outputs.write(self._producer, self.insist, outputs, dead_letters, keep_waiting)


def open_publisher(
    properties: Properties,
    destinations: Destinations,
    *,
    observer: ClientObserver,
    clock: Clock = time.monotonic,
    wall_clock: Clock = time.time,
) -> KafkaPublisher:
    """A publisher with a producer of its own.

    Args:
        properties: the user's, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    undelivered = Undelivered()
    watch = ClientWatch(observer, clock=clock)
    return KafkaPublisher(
        make_producer(properties, watch=watch, on_delivery=undelivered.report),
        destinations,
        wall_clock=wall_clock,
        undelivered=undelivered,
        watch=watch,
    )
