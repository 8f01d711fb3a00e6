"""Reads results of jobs by their position: in the order that is asked for, ahead of it within bounds."""

import time
from collections.abc import Callable, Iterator, Sequence

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import ResultsGone, Unavailable
from scoreline.jobs.fields import Unreadable
from scoreline.jobs.result import ChunkResult, ResultPlace
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.client.clients import Properties, fit_fetches, make_consumer, without_membership
from scoreline.kafka.client.consuming import concerns_group, consume_at_once
from scoreline.kafka.client.errors import AUTO_OFFSET_RESET, PARTITION_EOF, describe_error, find_remedy
from scoreline.kafka.client.watch import ClientWatch
from scoreline.kafka.commands.reader import NOBODYS_GROUP
from scoreline.records import Clock

READER_DEFAULTS: Properties = {"queued.min.messages": 256, "queued.max.messages.kbytes": 8_192}
READER_INVARIANTS: Properties = {
    "group.id": NOBODYS_GROUP,
    "auto.offset.reset": "error",  # what is not there any more is gone, and not to be replaced by something else
}

WINDOW = 64
"""So many results are waited for together: partitions are read side by side, and each in the order of its offsets."""

CLOSE_BY = 256
"""Offsets that are read over rather than sought: other jobs' results, and the marker behind each."""

MOST_HELD_BYTES = 16 * 1024 * 1024
"""Over this, partitions that are ahead of what is wanted next stand still."""

AT_ONCE = 64
WAIT_SECONDS = 0.1
QUIET_SECONDS = 8.0
STOPPING_SECONDS = 1.0
"""How long nothing may come once the process stops: what is on its way still arrives, what is not is not waited for."""

ANSWER_SECONDS = 2.0

FETCH_BYTES = 2 * 1024 * 1024
"""Of one answer of a broker: results are read a few at a time, and many partitions side by side."""

Place = tuple[int, int]
"""Partition and offset."""


class KafkaResultReader:
    """Implements `scoreline.jobs.ports.ResultReader`; for one thread at a time.

    Args:
        consumer: made with `watch`, and told of ends; it never joins a group.
        clock: monotonic seconds.
        should_stop: asked several times a second while nothing comes; from then on little is waited for.
        quiet_seconds: how long nothing may come that is wanted, whatever else comes.
        most_held_bytes: of results that were read ahead; see `MOST_HELD_BYTES`.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        decoder: JobDecoder,
        *,
        watch: ClientWatch,
        clock: Clock,
        should_stop: Callable[[], bool] = lambda: False,
        quiet_seconds: float = QUIET_SECONDS,
        most_held_bytes: int = MOST_HELD_BYTES,
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._decoder = decoder
        self._watch = watch
        self._clock = clock
        self._should_stop = should_stop
        self._quiet_seconds = quiet_seconds
        self._most_held_bytes = most_held_bytes
        self._positions: dict[int, int] = {}
        self._held: dict[Place, Message] = {}
        self._held_bytes = 0
        self._paused: set[int] = set()
        self._wanted: set[Place] = set()
        self._missing: set[Place] = set()
        """Those of the present window that are not held."""

    def read(self, places: Sequence[ResultPlace]) -> Iterator[ChunkResult]:
        """The results at these places, in their order, each read when it is asked for.

        Raises:
            ResultsGone: retention has taken one.
            Unavailable: Kafka is away.
        """
        self.rest()
        self._wanted = {(place.partition, place.offset) for place in places}
        for start in range(0, len(places), WINDOW):
            window = [(place.partition, place.offset) for place in places[start : start + WINDOW]]
            self._missing = set(window) - self._held.keys()
            for partition in {partition for partition, _ in self._missing}:
                self._go_on(partition)
            for at, place in zip(window, places[start : start + WINDOW], strict=True):
                message = self._wait_for(at)
                self._wanted.discard(at)
                yield self._decode(message, place)

    def rest(self) -> None:
        """Let go of every partition, so that nothing is fetched, and no error met, until more is asked for."""
        self._forget_held()
        if self._positions:
            self._consumer.incremental_unassign([ClientPartition(self._topic, number) for number in self._positions])
        self._positions.clear()
        self._paused.clear()
        self._missing.clear()

    @property
    def held_bytes(self) -> int:
        """How much was read ahead of what was asked for."""
        return self._held_bytes

    def close(self) -> None:
        """Release the client."""
        self._forget_held()
        self._consumer.close()

    def _go_on(self, partition: int) -> None:
        """Have a partition read from the first place that is missing there, unless it is about to get there."""
        first = min(offset for number, offset in self._missing if number == partition)
        position = self._positions.get(partition)
        if position is None or not position <= first <= position + CLOSE_BY:
            start = ClientPartition(self._topic, partition, first)
            if position is not None:
                # Assigned anew and not sought: a seek would wait for the fetch that is under way.
                self._consumer.incremental_unassign([start])
                self._paused.discard(partition)
            self._consumer.incremental_assign([start])
            self._positions[partition] = first
        if partition in self._paused:
            self._consumer.resume([ClientPartition(self._topic, partition)])
            self._paused.discard(partition)

    def _wait_for(self, place: Place) -> Message:
        partition, offset = place
        heard_at = self._clock()
        if place not in self._held:
            self._go_on(partition)
        while place not in self._held:
            if self._positions[partition] > offset:
                raise ResultsGone(self._explain_gone(place))
            messages = consume_at_once(self._consumer, AT_ONCE, WAIT_SECONDS)
            if sum(self._take(message, partition) for message in messages):
                heard_at = self._clock()
            else:
                self._check_patience(self._clock() - heard_at, place)
            if self._held_bytes > self._most_held_bytes:
                self._pause_others(partition)
        message = self._held.pop(place)
        self._held_bytes -= len(message)
        return message

    def _check_patience(self, quiet_seconds: float, place: Place) -> None:
        if quiet_seconds > STOPPING_SECONDS and self._should_stop():
            raise Unavailable("the service is stopping, and results of the job have not come yet")
        if quiet_seconds > self._quiet_seconds:
            raise Unavailable(f"results of the job do not come: {self._find_trouble(place)}")

    def _take(self, message: Message, needed: int) -> bool:
        """Whether it leads to what is wanted, as a record of the needed partition does; held if it is wanted itself."""
        error, partition, offset = message.error(), message.partition(), message.offset()
        if error is not None or partition is None or offset is None:
            self._note(message)
            return False
        position = self._positions.get(partition)
        if position is None or offset < position:
            return False  # fetched before the partition was let go, or assigned anew
        self._positions[partition] = offset + 1
        leads_on = partition == needed or (partition, offset) in self._missing
        if (partition, offset) in self._wanted and (partition, offset) not in self._held:
            self._missing.discard((partition, offset))
            self._held[partition, offset] = message
            self._held_bytes += len(message)
        return leads_on

    def _note(self, message: Message) -> None:
        error = message.error()
        if error is None or error.code() == PARTITION_EOF or concerns_group(error):
            return
        if error.code() == AUTO_OFFSET_RESET:
            self._note_gone(message.partition() or 0)
            return
        self._watch.note(error)
        if find_remedy(error) is not None:
            raise Unavailable(f"results of jobs cannot be read: {describe_error(error)}")

    def _note_gone(self, partition: int) -> None:
        """Retention has overtaken a partition: that matters where something is missing there, now or later."""
        gone = min((place for place in self._missing if place[0] == partition), default=None)
        if gone is not None:
            raise ResultsGone(self._explain_gone(gone))
        if self._positions.pop(partition, None) is not None:
            self._consumer.incremental_unassign([ClientPartition(self._topic, partition)])
            self._paused.discard(partition)

    def _pause_others(self, needed: int) -> None:
        others = [partition for partition in self._positions if partition != needed and partition not in self._paused]
        if others:
            self._consumer.pause([ClientPartition(self._topic, partition) for partition in others])
            self._paused.update(others)

    def _forget_held(self) -> None:
        self._held.clear()
        self._held_bytes = 0

    def _decode(self, message: Message, place: ResultPlace) -> ChunkResult:
        result = self._decoder.decode_result(message.value())
        where = f"{self._topic}[{place.partition}]@{place.offset}"
        if isinstance(result, Unreadable):
            raise Unavailable(f"the result at {where} cannot be read: {result.detail}")
        if (result.number, result.rows) != (place.number, place.rows):
            raise ResultsGone(f"there is another result at {where}: the topic was made anew")
        return result

    def _explain_gone(self, place: Place) -> str:
        return f"a result of the job is gone: {self._topic}[{place[0]}] does not have the offset {place[1]} any more"

    def _find_trouble(self, place: Place) -> str:
        try:
            _, end = self._consumer.get_watermark_offsets(
                ClientPartition(self._topic, place[0]), timeout=ANSWER_SECONDS
            )
        except KafkaException as raised:
            return self._watch.reason or describe_error(raised.args[0])
        if end <= place[1]:
            raise ResultsGone(f"{self._explain_gone(place)}: it ends at {end}")
        return self._watch.reason or "they are hidden behind a transaction that a worker has left open"


def open_result_reader(
    properties: Properties,
    topic: str,
    decoder: JobDecoder,
    *,
    should_stop: Callable[[], bool],
    clock: Clock = time.monotonic,
    quiet_seconds: float = QUIET_SECONDS,
) -> KafkaResultReader:
    """A reader with a consumer of its own.

    Args:
        properties: the user's for a consumer, `bootstrap.servers` among them.
        should_stop: whether the process stops; see `KafkaResultReader`.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(None, clock=clock)
    ours = {**READER_DEFAULTS, **fit_fetches(properties, FETCH_BYTES)}
    merged = {**ours, **without_membership(properties), **READER_INVARIANTS}
    consumer = make_consumer(merged, watch=watch, tell_ends=True)
    return KafkaResultReader(
        consumer,
        topic,
        decoder,
        watch=watch,
        clock=clock,
        should_stop=should_stop,
        quiet_seconds=quiet_seconds,
    )
