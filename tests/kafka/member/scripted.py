"""A consumer whose every call does what a script says, rebalances in the middle included."""

from collections import deque
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as ClientPartition

TOPIC = "features"


def message(partition: int = 0, offset: int = 0, value: bytes = b"v", key: bytes | None = None) -> Message:
    return Message(topic=TOPIC, partition=partition, offset=offset, value=value, key=key, timestamp=(1, 1))


def failure(code: int, text: str = "", *, fatal: bool = False) -> Message:
    return Message(topic=TOPIC, partition=0, error=KafkaError(code, text, fatal=fatal))


def partitions(*numbers: int) -> list[ClientPartition]:
    return [ClientPartition(TOPIC, n) for n in numbers]


Step = Message | Callable[["ScriptedConsumer"], None]


class ScriptedConsumer:
    """Each `consume` plays one entry of `calls`: messages in order, and callbacks where the script has a function."""

    def __init__(self) -> None:
        self.calls: deque[list[Step]] = deque()
        self.consumed: list[tuple[int, float]] = []
        self.seeks: list[tuple[int, int]] = []
        self.commits: list[tuple[list[tuple[int, int]], bool]] = []
        self.subscriptions = 0
        self.unsubscriptions = 0
        self.closed = False
        self.seek_error: int | None = None
        self.commit_error: int | None = None
        self.partition_errors: dict[int, int] = {}
        self.generation = -1

    def script(self, *calls: list[Step]) -> None:
        self.calls.extend(calls)

    def subscribe(self, topics, on_assign, on_revoke, on_lost) -> None:
        self.subscriptions += 1
        self._on_assign, self._on_revoke, self._on_lost = on_assign, on_revoke, on_lost

    def unsubscribe(self) -> None:
        self.unsubscriptions += 1

    def consume(self, count: int, timeout: float) -> list[Message]:
        self.consumed.append((count, timeout))
        messages = []
        for step in self.calls.popleft() if self.calls else []:
            if isinstance(step, Message):
                messages.append(step)
            else:
                step(self)
        assert len(messages) <= count, "the script gives more than was asked for"
        return messages

    def seek(self, partition: ClientPartition) -> None:
        if self.seek_error is not None:
            raise KafkaException(KafkaError(self.seek_error))
        self.seeks.append((partition.partition, partition.offset))

    def commit(self, *, offsets, asynchronous):
        self.commits.append(([(o.partition, o.offset) for o in offsets], asynchronous))
        if self.commit_error is not None:
            raise KafkaException(KafkaError(self.commit_error))
        return None if asynchronous else [self.answered(o) for o in offsets]

    def answered(self, offset: ClientPartition) -> ClientPartition:
        code = self.partition_errors.get(offset.partition)
        if code is None:
            return offset

        class Refused:
            topic, partition, offset_, error = offset.topic, offset.partition, offset.offset, KafkaError(code)

        Refused.offset = offset.offset
        return Refused()

    def consumer_group_metadata(self) -> bytes:
        return b"CGMDv2:" + self.generation.to_bytes(4, "little", signed=True) + b"group\x00member\x00\x01"

    def close(self) -> None:
        self.closed = True


def assign(*numbers: int) -> Callable[[ScriptedConsumer], None]:
    return lambda consumer: consumer._on_assign(consumer, partitions(*numbers))


def revoke(*numbers: int) -> Callable[[ScriptedConsumer], None]:
    return lambda consumer: consumer._on_revoke(consumer, partitions(*numbers))


def lose(*numbers: int) -> Callable[[ScriptedConsumer], None]:
    return lambda consumer: consumer._on_lost(consumer, partitions(*numbers))
