"""Reads results of jobs by their position: in the order that is asked for, ahead of it within bounds."""

import time
from collections.abc import Callable, Iterator, Sequence

from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

from scoreline.errors import ResultsGone, Unavailable
from scoreline.jobs.fields import Unreadable
from scoreline.jobs.result import ChunkResult, ResultPlace
from scoreline.jobs.wire import JobDecoder
from scoreline.kafka.client.clients import MEMBERS_OWN, Properties, make_consumer
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

Place = tuple[int, int]
"""Partition and offset."""


class KafkaResultReader:
    """Implements `scoreline.jobs.ports.ResultReader`; for one thread at a time.

    Args:
        consumer: made with `watch`, and told of ends; it never joins a group.
        clock: monotonic seconds.
        should_stop: asked several times a second while nothing comes.
        quiet_seconds: how long nothing may come that is wanted.
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
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._decoder = decoder
        self._watch = watch
        self._clock = clock
        self._should_stop = should_stop
        self._quiet_seconds = quiet_seconds
        self._positions: dict[int, int] = {}
        self._held: dict[Place, Message] = {}
        self._held_bytes = 0
        self._paused: set[int] = set()

    def read(self, places: Sequence[ResultPlace]) -> Iterator[ChunkResult]:
        """The results at these places, in their order, each read when it is asked for.

        Raises:
            ResultsGone: retention has taken one.
            Unavailable: Kafka is away.
        """
        self._forget_held()
        wanted = {(place.partition, place.offset) for place in places}
        for start in range(0, len(places), WINDOW):
            window = places[start : start + WINDOW]
            self._go_to({(place.partition, place.offset) for place in window} - self._held.keys())
            for place in window:
                message = self._wait_for((place.partition, place.offset), wanted)
                wanted.discard((place.partition, place.offset))
                yield self._decode(message, place)

    def close(self) -> None:
        """Release the client."""
        self._forget_held()
        self._consumer.close()

    def _go_to(self, missing: set[Place]) -> None:
        """Have every partition read from the first place that is missing there, unless it is about to get there."""
        firsts: dict[int, int] = {}
        for partition, offset in missing:
            firsts[partition] = min(offset, firsts.get(partition, offset))
        for partition, offset in firsts.items():
            position = self._positions.get(partition)
            if position is not None and position <= offset <= position + CLOSE_BY:
                continue
            start = ClientPartition(self._topic, partition, offset)
            if position is not None:
                # Assigned anew and not sought: a seek would wait for the fetch that is under way.
                self._consumer.incremental_unassign([start])
                self._paused.discard(partition)
            self._consumer.incremental_assign([start])
            self._positions[partition] = offset
        if back := self._paused & firsts.keys():
            self._consumer.resume([ClientPartition(self._topic, partition) for partition in back])
            self._paused -= back

    def _wait_for(self, place: Place, wanted: set[Place]) -> Message:
        heard_at = self._clock()
        while place not in self._held:
            if self._positions[place[0]] > place[1]:
                raise ResultsGone(self._explain_gone(place))
            messages = consume_at_once(self._consumer, AT_ONCE, WAIT_SECONDS)
            if sum(self._take(message, wanted) for message in messages):
                heard_at = self._clock()
            elif self._clock() - heard_at > self._quiet_seconds or self._should_stop():
                raise Unavailable(f"results of the job do not come: {self._find_trouble(place)}")
            if self._held_bytes > MOST_HELD_BYTES:
                self._pause_others(place[0])
        message = self._held.pop(place)
        self._held_bytes -= len(message)
        return message

    def _take(self, message: Message, wanted: set[Place]) -> bool:
        """Whether it was a record; it is held if it is wanted."""
        error, partition, offset = message.error(), message.partition(), message.offset()
        if error is not None or partition is None or offset is None:
            self._note(message)
            return False
        if offset < self._positions.get(partition, 0):
            return False  # fetched before the partition was assigned anew
        self._positions[partition] = offset + 1
        if (partition, offset) in wanted and (partition, offset) not in self._held:
            self._held[partition, offset] = message
            self._held_bytes += len(message)
        return True

    def _note(self, message: Message) -> None:
        error = message.error()
        if error is None or error.code() == PARTITION_EOF or concerns_group(error):
            return
        if error.code() == AUTO_OFFSET_RESET:
            raise ResultsGone(self._explain_gone((message.partition() or 0, self._positions[message.partition() or 0])))
        self._watch.note(error)
        if find_remedy(error) is not None:
            raise Unavailable(f"results of jobs cannot be read: {describe_error(error)}")

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
            _, end = self._consumer.get_watermark_offsets(ClientPartition(self._topic, place[0]), timeout=WAIT_SECONDS)
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
    should_stop: Callable[[], bool] = lambda: False,
    clock: Clock = time.monotonic,
    quiet_seconds: float = QUIET_SECONDS,
) -> KafkaResultReader:
    """A reader with a consumer of its own.

    Args:
        properties: the user's for a consumer, `bootstrap.servers` among them.

    Raises:
        ConfigError: the client does not take a property.
    """
    watch = ClientWatch(None, clock=clock)
    merged = {**READER_DEFAULTS, **properties, **READER_INVARIANTS}
    for name in MEMBERS_OWN:
        merged.pop(name, None)
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
